"""Who relies on the fields of a data stream: to be told before one is renamed or removed."""

from collections.abc import Collection, Iterator, Mapping
import re

from homeassistant.core import HomeAssistant, callback

from ..usages import async_automations


@callback
def async_relying_on(hass: HomeAssistant, addressed: Collection[str], fields: Collection[str]) -> list[str]:
    """Return the names of the automations and scripts that name an address or its action, and one of the fields.

    Fields also stand in templates, so this looks for words: it may tell too many, but not too few.

    Args:
        hass: Home Assistant.
        addressed: What they call the data stream: its address, and its action.
        fields: The names of the fields.

    """
    words = re.compile("|".join(rf"(?<![\w-]){re.escape(field)}(?![\w-])" for field in fields))
    relying: list[str] = []
    for entity in async_automations(hass):
        texts = set(_texts(entity.raw_config))
        if not texts.isdisjoint(addressed) and any(map(words.search, texts)):
            relying.append(str(entity.name or entity.entity_id))
    return sorted(relying)


def _texts(part: object) -> Iterator[str]:
    """Yield all keys and texts of a part of a configuration."""
    if isinstance(part, Mapping):
        for key, value in part.items():
            # YAML takes a bare `on` for true.
            yield from _texts({True: "on", False: "off"}.get(key, key))
            yield from _texts(value)
    elif isinstance(part, list):
        for each in part:
            yield from _texts(each)
    elif isinstance(part, str):
        yield part
