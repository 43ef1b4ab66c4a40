"""The message filter: which messages a trigger waits for, why one is none of them, and why none may ever come."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import IntEnum
from typing import Any, NamedTuple

from homeassistant.config_entries import ConfigEntry, ConfigEntryState
from homeassistant.core import HomeAssistant, callback

from ..const import DOMAIN
from ..errors import MessageError, nearest
from .bare_keys import as_meant
from .message import Message
from .registry import is_called
from .router import DATA_ROUTER
from .schema import MAX_SHOWN, Schema, SchemaError, shown


class Nearness(IntEnum):
    """What of a message does not fit, where all before it does."""

    TARGET = 0
    BOT = 1
    CONTENT = 2


class Miss(NamedTuple):
    """Why a message is not waited for: the greatest one came nearest.

    Attributes:
        nearness: What does not fit.
        reason: The reason, for people.

    """

    nearness: Nearness
    reason: str


class MessageFilter:
    """Messages to some addresses or in a target, as one or any bot receives them, with some values in their content.

    It is read anew for each message, since bots and their fields come, change and go.

    Attributes:
        addresses: The addresses, or none for any address in the target.

    """

    def __init__(
        self,
        hass: HomeAssistant,
        addresses: Sequence[str],
        bot: str | None,
        content: Mapping[str, Any],
        is_targeted: Callable[[str, str], bool] | None,
    ) -> None:
        """Initialize the filter.

        Args:
            hass: Home Assistant.
            addresses: The addresses, or none for any address in the target.
            bot: Id or name of the bot, or None for all bots, and for messages that none receives.
            content: What the content has to have, checked.
            is_targeted: Returns whether a target has what a bot of an id receives at an address, or None for no target.

        """
        self.addresses = addresses
        self._hass = hass
        self._bot = bot
        self._content = content
        self._is_targeted = is_targeted

    @callback
    def async_miss(self, bot_id: str | None, message: Message) -> Miss | None:
        """Return why it does not let a message pass, as a bot receives it, or as it was sent when none does; or None.

        Raises:
            SchemaError: The filter does not fit the fields of the bot, so that no message there can match.

        """
        if self._is_targeted is not None and (bot_id is None or not self._is_targeted(bot_id, message.address)):
            return Miss(Nearness.TARGET, self._received_by(bot_id, f"its {message.address} is not in the target"))
        if self._bot is not None and all(entry.entry_id != bot_id for entry in self._bots()):
            return Miss(Nearness.BOT, self._received_by(bot_id, "the trigger waits for another bot"))
        if differences := self._differences(bot_id, message):
            return Miss(Nearness.CONTENT, f"The content differs: {'; '.join(differences[:MAX_SHOWN])}")
        return None

    def _differences(self, bot_id: str | None, message: Message) -> list[str]:
        """Return what the content does not have as it should, for people."""
        if not self._content:
            return []
        schema = None if bot_id is None else self._schema(bot_id, message.address)
        if schema is None or not schema.fields:
            content, wanted = message.content, as_meant(self._content, message.content)
        else:
            # To a schema, null is as good as nothing.
            content = {**dict.fromkeys(schema.fields), **message.content}
            wanted = schema.read_part(message.address, self._content)
        return [
            f"{name} is {shown(content[name]) if name in content else 'missing'}, not {shown(value)}"
            for name, value in wanted.items()
            if name not in content or not _contains(content[name], value)
        ]

    def _received_by(self, bot_id: str | None, objection: str) -> str:
        if bot_id is None:
            return "No bot received the message"
        return f"{self._hass.config_entries.async_get_known_entry(bot_id).title} received the message, but {objection}"

    @callback
    def async_why_never(self) -> MessageError | None:
        """Return why no message can match as the bots are now, or None when one can or that is not known yet."""
        if self._bot is None and not self._content:
            return None
        bots = self._bots()
        if self._bot is not None and not bots:
            return _gone(self._bot, self._hass.config_entries.async_entries(DOMAIN))
        enabled = [entry for entry in bots if entry.disabled_by is None]
        if not self.addresses or any(entry.state is not ConfigEntryState.LOADED for entry in enabled):
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
