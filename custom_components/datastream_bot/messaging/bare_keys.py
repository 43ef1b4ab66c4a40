"""Bare keys: YAML takes a bare `on` for true, and Home Assistant's editor makes that the text "true"."""

from collections.abc import Collection, Mapping
from typing import Any, Final

_TAKEN_FOR: Final = {"on": "true", "yes": "true", "off": "false", "no": "false"}


def with_text_keys(content: object) -> object:
    """Return content with the keys true and false as text, as Home Assistant's editor has them."""
    if not isinstance(content, Mapping):
        return content
    texts = {key: text for key in content if isinstance(key, bool) and (text := str(key).lower()) not in content}
    return {texts.get(key, key): value for key, value in content.items()} if texts else content


def as_meant(content: Mapping[str, Any], names: Collection[str]) -> Mapping[str, Any]:
    """Return content with the one name that was meant in place of a key that YAML made of it."""
    meant: dict[str, str] = {}
    for key in ("true", "false"):
        if key in content and key not in names:
            possible = [name for name in names if _TAKEN_FOR.get(name.lower()) == key]
            if len(possible) == 1 and possible[0] not in content:
                meant[key] = possible[0]
    return {meant.get(key, key): value for key, value in content.items()} if meant else content
