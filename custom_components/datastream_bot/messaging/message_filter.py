"""The message filter: which messages a trigger waits for, and why none of them may ever come."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from homeassistant.config_entries import ConfigEntry, ConfigEntryState
from homeassistant.core import HomeAssistant, callback

from ..const import DOMAIN
from ..errors import MessageError, nearest
from .bare_keys import as_meant
from .message import Message
from .registry import is_called
from .router import DATA_ROUTER
from .schema import Schema, SchemaError


class MessageFilter:
    """Messages to some addresses, perhaps as one bot receives them, whose content has some keys with some values.

    It is read anew for each message, since bots and their fields come, change and go.

    Attributes:
        addresses: The addresses, of which there is at least one.

    """

    def __init__(
        self, hass: HomeAssistant, addresses: Sequence[str], bot: str | None, content: Mapping[str, Any]
    ) -> None:
        """Initialize the filter.

        Args:
            hass: Home Assistant.
            addresses: The addresses, of which there is at least one.
            bot: Id or name of the bot, or None for all bots, and for messages that none receives.
            content: What the content has to have, checked.

        """
        self.addresses = addresses
        self._hass = hass
        self._bot = bot
        self._content = content

    @callback
    def async_matches(self, bot_id: str | None, message: Message) -> bool:
        """Return whether it lets a message pass, as a bot receives it, or as it was sent when none does.

        Raises:
            SchemaError: The filter does not fit the fields of the bot, so that no message there can match.

        """
        if self._bot is not None and all(entry.entry_id != bot_id for entry in self._bots()):
            return False
        if not self._content:
            return True
        schema = None if bot_id is None else self._schema(bot_id, message.address)
        if schema is None or not schema.fields:
            return _contains(message.content, as_meant(self._content, message.content))
        # To a schema, null is as good as nothing.
        content = {**dict.fromkeys(schema.fields), **message.content}
        return _contains(content, schema.read_part(message.address, self._content))

    @callback
    def async_why_never(self) -> MessageError | None:
        """Return why no message can match as the bots are now, or None when one can or that is not known yet."""
        if self._bot is None and not self._content:
            return None
        bots = self._bots()
        if self._bot is not None and not bots:
            return _gone(self._bot, self._hass.config_entries.async_entries(DOMAIN))
        enabled = [entry for entry in bots if entry.disabled_by is None]
        if any(entry.state is not ConfigEntryState.LOADED for entry in enabled):
            return None
        refusals: list[SchemaError] = []
        for address in self.addresses:
            known = [schema for entry in enabled if (schema := self._schema(entry.entry_id, address)) is not None]
            if not known:
                # Messages to an address that no bot knows may have any content.
                return None
            for schema in known:
                try:
                    schema.read_part(address, self._content)
                except SchemaError as err:
                    refusals.append(err)
                else:
                    return None
        return min(refusals, key=lambda refusal: len(refusal.faults))

    def _bots(self) -> list[ConfigEntry[Any]]:
        """Return the config entries of the bots that are meant."""
        return [
            entry
            for entry in self._hass.config_entries.async_entries(DOMAIN)
            if self._bot is None or is_called(self._bot, entry.entry_id, entry.title)
        ]

    def _schema(self, bot_id: str, address: str) -> Schema | None:
        return self._hass.data[DATA_ROUTER].registry.schema_of(bot_id, address)


def _gone(bot: str, entries: Iterable[ConfigEntry[Any]]) -> MessageError:
    if similar := nearest(bot, (entry.title for entry in entries)):
        return MessageError(translation_key="bot_gone_nearest", bot=bot, nearest=similar)
    return MessageError(translation_key="bot_gone", bot=bot)


def _contains(content: object, wanted: object) -> bool:
    """Return whether content has what is wanted: all of its keys with equal values as in JSON, at every level."""
    if isinstance(wanted, Mapping):
        return isinstance(content, Mapping) and all(
            key in content and _contains(content[key], value) for key, value in wanted.items()
        )
    if isinstance(wanted, list):
        return (
            isinstance(content, list)
            and len(content) == len(wanted)
            and all(_contains(*pair) for pair in zip(content, wanted, strict=True))
        )
    # True and 1 are equal to Python, but not in JSON.
    return content == wanted and isinstance(content, bool) == isinstance(wanted, bool)
