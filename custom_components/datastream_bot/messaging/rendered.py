"""Rendered text: where a template writes `1, 2`, Home Assistant reads a list, also where text is meant."""

from collections.abc import Mapping, Sequence

from homeassistant.helpers import template

from .field_types import FieldType
from .schema import Schema


def as_written(content: object, schemas: Sequence[Schema]) -> object:
    """Return content with what a template wrote in place of what Home Assistant read, in the fields that are text.

    Args:
        content: The content that an action was called with.
        schemas: Those of the bots that know its address.

    """
    if not isinstance(content, Mapping):
        return content
    # What Home Assistant reads knows the text. Where there is no such class any more, it stays what was read.
    read = (bytes, getattr(template, "ResultWrapper", bytes))
    texts = {
        name: "..." if value is ... else str(value)
        for name, value in content.items()
        if (value is ... or isinstance(value, read)) and _is_text(name, schemas)
    }
    return {**content, **texts} if texts else content


def _is_text(name: object, schemas: Sequence[Schema]) -> bool:
    """Return whether a field is text wherever there is one of this name."""
    types = {field.type for schema in schemas if (field := schema.fields.get(str(name))) is not None}
    return types == {FieldType.TEXT}
