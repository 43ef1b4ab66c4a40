"""The sections of forms: collapsed, but where there is something to see."""

from collections.abc import Collection, Mapping
from typing import Any

from homeassistant.data_entry_flow import section
import voluptuous as vol


def opened(schema: vol.Schema, shown: Mapping[str, Any], errors: Collection[str]) -> vol.Schema:
    """Return a form whose sections are open if there is an error in them, or anything but what stands there at first.

    Args:
        schema: The form.
        shown: What it shows, by field.
        errors: The fields and sections that have an error.

    """
    return vol.Schema(
        {
            name: _section(field, is_open=name in errors or _is_used(field.schema, shown.get(str(name), {})))
            if isinstance(field, section)
            else field
            for name, field in schema.schema.items()
        }
    )


def _section(field: section, *, is_open: bool) -> section:
    return section(field.schema, {"collapsed": field.options["collapsed"] and not is_open})


def _is_used(schema: vol.Schema, shown: Mapping[str, Any]) -> bool:
    return any(shown.get(name, default) != default for name, default in schema({}).items())
