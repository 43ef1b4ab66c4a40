"""The form of an action: how Home Assistant's editors show the action of an address."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Final, override

from homeassistant.const import ATTR_CONFIG_ENTRY_ID, CONF_DESCRIPTION
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.json import json_dumps
from homeassistant.helpers.selector import validate_selector

from ..const import ADDRESS_TOGGLE_EVERYTHING, DOMAIN
from ..data_streams import DataStream
from ..devices.domains import DOMAINS
from ..messaging.field_types import FieldType, kind_of
from ..messaging.schema import Field
from .call import ATTR_RAISE_ON_FAILURE
from .deferred import Deferred

FIELD_TARGET: Final = "target"

SECTION_OPTIONS: Final = "datastream_bot_options"

_SPACES: Final = str.maketrans("_.-", "   ")

# The target of an action has these keys, beside its fields.
_TARGETS: Final = frozenset(map(str, cv.ENTITY_SERVICE_FIELDS))
_OPTIONS: Final = frozenset({ATTR_CONFIG_ENTRY_ID, ATTR_RAISE_ON_FAILURE, SECTION_OPTIONS})

# As a field, since Home Assistant's editors ask for the target of an action as if it had to have one.
_TARGET_FIELD: Final = {
    "selector": validate_selector({"target": {"entity": [{"domain": list(DOMAINS)}]}}),
    "example": '{"area_id": "kitchen"}',
}


def has_target(address: str) -> bool:
    """Return whether an action takes Home Assistant's target, which is the field `target` of its content."""
    return address == ADDRESS_TOGGLE_EVERYTHING


def reserved_fields(address: str) -> frozenset[str]:
    """Return the names that the fields of an address cannot have, as its action has something else of that name."""
    return _OPTIONS | _TARGETS if has_target(address) else _OPTIONS


def content_of(address: str, data: Mapping[Any, Any]) -> dict[Any, Any]:
    """Return the content in the data of a call: all but the options of the action."""
    content = {key: value for key, value in data.items() if key not in reserved_fields(address)}
    picked = {key: data[key] for key in _TARGETS if key in data} if has_target(address) else {}
    # What is no target is for the schema to refuse.
    if picked and isinstance(target := content.get(FIELD_TARGET, {}), Mapping):
        content[FIELD_TARGET] = {**target, **picked}
    return content


def described_action(
    address: str, stored: Sequence[Mapping[str, Any]], texts: Mapping[str, str], options: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the description of the action of an address, as Home Assistant gives it to its pages.

    Args:
        address: The address.
        stored: The data of the data stream of each bot there.
        texts: The texts that all actions share.
        options: The description of the options that all actions share.

    """
    description = next((data[CONF_DESCRIPTION] for data in stored if data[CONF_DESCRIPTION]), None)
    return {
        "name": worded(address),
        "description": description or texts["description"].format(address=address),
        "fields": FormFields(address, stored, options),
    }


class FormFields(Deferred):
    """The fields in the form of an action: those that any bot declares at its address, and the options."""

    __slots__ = ("_address", "_options", "_stored")

    def __init__(self, address: str, stored: Sequence[Mapping[str, Any]], options: Mapping[str, Any]) -> None:
        """Initialize them; see `described_action`."""
        self._address = address
        self._stored = stored
        self._options = options

    @override
    def as_dict(self) -> dict[str, Any]:
        try:
            fields = merged_fields([*map(DataStream.from_data, self._stored)])
        except KeyError, TypeError, ValueError:
            # Pages ask for all actions at once, which must not fail because of what a newer version stored.
            fields = {}
        described = {name: _described_field(field, required=required) for name, (field, required) in fields.items()}
        if has_target(self._address):
            described[FIELD_TARGET] = {**described.get(FIELD_TARGET, {}), **_TARGET_FIELD}
        return {**described, SECTION_OPTIONS: self._options}


def merged_fields(streams: Sequence[DataStream]) -> dict[str, tuple[Field, bool]]:
    """Return the fields that any bot declares at an address, each with whether all of them require it."""
    fields: dict[str, Field] = {}
    for stream in streams:
        fields = {field.name: field for field in stream.fields} | fields
    required = [
        {field.name for field in stream.fields if field.required and field.default is None} for stream in streams
    ]
    return {name: (field, all(name in each for each in required)) for name, field in fields.items()}


def _described_field(field: Field, *, required: bool) -> dict[str, Any]:
    described = {
        "name": worded(field.name),
        "description": field.description,
        "required": required,
        # Home Assistant's pages fill it in as YAML, which JSON is.
        "example": json_dumps(field.example) if isinstance(field.example, (list, dict)) else field.example,
        "selector": _selector(field.type, field.limits),
    }
    return described if field.default is None else {**described, "default": field.default}


@lru_cache
def _selector(field_type: FieldType, limits: str) -> dict[str, Any]:
    """Return how Home Assistant's forms ask for a type, once for all fields of it."""
    selector: dict[str, Any] = validate_selector(kind_of(field_type, limits).selector)
    return selector


def described_options(texts: Mapping[str, str]) -> dict[str, Any]:
    """Return the description of the options that all actions share, in these texts."""
    selectors = {
        ATTR_CONFIG_ENTRY_ID: {"config_entry": {"integration": DOMAIN}},
        ATTR_RAISE_ON_FAILURE: {"boolean": {}},
    }
    return {
        "name": texts[f"sections.{SECTION_OPTIONS}.name"],
        "description": texts[f"sections.{SECTION_OPTIONS}.description"],
        "collapsed": True,
        "fields": {
            name: {
                "name": texts[f"fields.{name}.name"],
                "description": texts[f"fields.{name}.description"],
                "required": False,
                "selector": validate_selector(selector),
            }
            for name, selector in selectors.items()
        },
    }


def worded(name: str) -> str:
    """Return a name as words, as people read it in forms: `water_garden` as `Water garden`."""
    words = " ".join(name.translate(_SPACES).split()) or name
    return words[:1].upper() + words[1:]
