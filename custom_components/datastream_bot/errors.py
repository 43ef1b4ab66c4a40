"""The errors of messages, translated."""

from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers.translation import async_get_translations
from homeassistant.helpers.typing import ConfigType
import voluptuous as vol

from .const import DOMAIN


class MessageError(ServiceValidationError):
    """A message was refused because of its content or its address.

    Attributes:
        code: Name of the error for programs.

    """

    def __init__(self, *, translation_key: str, **placeholders: object) -> None:
        """Initialize the error."""
        super().__init__(
            translation_domain=DOMAIN,
            translation_key=translation_key,
            translation_placeholders={name: _quoted(value) for name, value in placeholders.items()},
        )
        self.code = translation_key


async def async_text(hass: HomeAssistant, err: MessageError, language: str = "en") -> str:
    """Return the text of an error in a language, also while the integration is not set up."""
    texts = await async_get_translations(hass, language, "exceptions", {DOMAIN})
    text = texts[f"component.{DOMAIN}.exceptions.{err.code}.message"].rstrip(".")
    return text.format(**(err.translation_placeholders or {}))


async def async_validated(hass: HomeAssistant, schema: Callable[[ConfigType], Any], config: ConfigType) -> ConfigType:
    """Validate the configuration of a trigger or a condition by its schema.

    Raises:
        vol.Invalid: It is not valid, with the text of our own error if it is one of these.

    """
    try:
        validated: ConfigType = schema(config)
    except MessageError as err:
        raise vol.Invalid(await async_text(hass, err)) from err
    return validated


def _quoted(value: object) -> str:
    """Return what came in as text for an error: shortened, and Unicode that can be encoded."""
    return str(value)[:4000].encode(errors="backslashreplace").decode()


class PartlyFailedError(HomeAssistantError):
    """A receiver did its work but for some entities.

    Attributes:
        result: What the receiver did and did not do.

    """

    def __init__(self, *, translation_key: str, errors: Mapping[str, str], result: Mapping[str, Any]) -> None:
        """Initialize the error with the error of each entity and with the result, which gets them as `failed`."""
        super().__init__(
            translation_domain=DOMAIN,
            translation_key=translation_key,
            translation_placeholders={
                "entities": "; ".join(f"{entity_id}: {error}" for entity_id, error in errors.items())
            },
        )
        self.result: dict[str, Any] = {**result, "failed": errors}


def printable(text: str) -> str:
    """Return a text for the log as one line: what cannot be seen, such as line ends and directions, is escaped."""
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)


def shortened(text: str, length: int) -> str:
    """Return a text as one line, with what cannot be seen escaped, and cut short to a number of characters."""
    shown = printable(text[:length])
    return shown if len(text) <= length >= len(shown) else f"{shown[: length - 1]}…"


def nearest(name: str, known: Iterable[str]) -> str:
    """Return the known names that are most similar to an unknown one, for people; empty when none is."""
    by_folded = {each.casefold(): each for each in known}
    return ", ".join(by_folded[match] for match in get_close_matches(name.casefold(), by_folded))
