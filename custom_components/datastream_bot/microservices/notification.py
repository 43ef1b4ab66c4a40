"""Notification: tells people something, on the devices that the user chose, or in Home Assistant itself."""

from collections import OrderedDict
from collections.abc import Sequence
import re
from typing import Any, Final

from homeassistant.components import persistent_notification
from homeassistant.components.notify.const import (
    ATTR_MESSAGE,
    ATTR_TITLE,
    DOMAIN as NOTIFY_DOMAIN,
    SERVICE_SEND_MESSAGE,
)
from homeassistant.config_entries import ConfigEntry
from homeassistant.const import ATTR_ENTITY_ID, STATE_UNAVAILABLE
from homeassistant.core import HomeAssistant
from homeassistant.util.hass_dict import HassKey

from ..const import DOMAIN
from ..devices.control import async_gather_errors
from ..errors import PartlyFailedError
from ..messaging.message import Envelope, Message
from ..settings import resolve_entity_ids

CLEAR: Final = "clear_notification"
"""The message that takes a notification away, as in Home Assistant's own apps."""

_KEPT: Final = 20
"""How many notifications of a bot Home Assistant shows at most."""

_NOTIFICATION_ID: Final = persistent_notification.ATTR_NOTIFICATION_ID
_PUNCTUATION: Final = re.compile(r"([!-/:-@\[-`{-~])")

# They are there until Home Assistant restarts, whatever becomes of the bot.
_SHOWN: HassKey[dict[str, OrderedDict[str, None]]] = HassKey(f"{DOMAIN}.notifications")


class OwnNotifications:
    """What a bot shows in Home Assistant itself."""

    def __init__(self, hass: HomeAssistant, entry: ConfigEntry[Any]) -> None:
        """Initialize it with what the bot has shown before it was loaded anew."""
        self._hass = hass
        self._entry = entry
        self._prefix = f"{DOMAIN}.{entry.entry_id}."
        self._shown = hass.data.setdefault(_SHOWN, {}).setdefault(entry.entry_id, OrderedDict())

    def show(self, message: Message) -> dict[str, Any]:
        """Show a notification in place of the bot's own with the same `notification_id`, or take that away.

        Returns:
            Who was `notified`, its `notification_id`, and the names of what was `ignored` of the data.

        """
        content = message.content
        data = content.get("data", {})
        notification_id = self._id(data.get(_NOTIFICATION_ID, message.message_id))
        if content["message"] == CLEAR:
            self._dismiss(notification_id)
        else:
            text = _told(content["message"], message.envelope, self._entry.title)
            persistent_notification.async_create(self._hass, text, content.get("title"), notification_id)
            self._shown[notification_id] = None
            self._shown.move_to_end(notification_id)
            if len(self._shown) > _KEPT:
                self._dismiss(next(iter(self._shown)))
        return {
            "notified": [persistent_notification.DOMAIN],
            _NOTIFICATION_ID: notification_id,
            "ignored": sorted(data.keys() - {_NOTIFICATION_ID}),
        }

    def _id(self, given: object) -> str:
        """Return an id that no other notification of Home Assistant has; receipts tell it, so it may come back."""
        return f"{self._prefix}{str(given).removeprefix(self._prefix)}"

    def _dismiss(self, notification_id: str) -> None:
        persistent_notification.async_dismiss(self._hass, notification_id)
        self._shown.pop(notification_id, None)


def _told(text: str, envelope: Envelope, bot_name: str) -> str:
    """Return the text of a notification; what came from outside is no Markdown, and says by which way it came."""
    if envelope.entrance is None:
        return text
    way = " · ".join(filter(None, (bot_name, envelope.entrance, envelope.home)))
    return f"{_as_plain_text(text)}\n\n— {_as_plain_text(way)}"


def _as_plain_text(text: str) -> str:
    return _PUNCTUATION.sub(r"\\\1", text)


async def async_notify(hass: HomeAssistant, ids: Sequence[str], message: Message) -> dict[str, Any]:
    """Notify by each of the notify entities, which take none of the data.

    Returns:
        Who was `notified`, and the names of what was `ignored` of the data.

    Raises:
        PartlyFailedError: Some could not be notified. Its result has them with their errors.

    """
    entity_ids = resolve_entity_ids(hass, ids)
    service_data = {name: message.content[name] for name in (ATTR_MESSAGE, ATTR_TITLE) if name in message.content}
    # Home Assistant passes over unavailable entities without an error.
    errors = {
        entity_id: STATE_UNAVAILABLE
        for entity_id in entity_ids
        if (state := hass.states.get(entity_id)) is None or state.state == STATE_UNAVAILABLE
    }
    calls = {
        entity_id: hass.services.async_call(
            NOTIFY_DOMAIN,
            SERVICE_SEND_MESSAGE,
            {ATTR_ENTITY_ID: entity_id, **service_data},
            blocking=True,
            context=message.context,
        )
        for entity_id in entity_ids
        if entity_id not in errors
    }
    errors |= await async_gather_errors(calls)
    failed = {entity_id: errors[entity_id] for entity_id in entity_ids if entity_id in errors}
    result = {
        "notified": [entity_id for entity_id in entity_ids if entity_id not in failed],
        "ignored": sorted(message.content.get("data", {})),
    }
    if failed:
        raise PartlyFailedError(translation_key="not_notified", errors=failed, result=result)
    return result
