"""The receipt event: tells Home Assistant's event bus, and so its recorder, what became of each message."""

from collections import deque
from datetime import datetime
import json
from typing import Any, Final

from homeassistant.config_entries import ConfigEntry
from homeassistant.const import ATTR_DEVICE_ID, ATTR_ENTITY_ID, CONF_ADDRESS, Platform
from homeassistant.core import CALLBACK_TYPE, Context, HassJob, HomeAssistant, callback
from homeassistant.helpers import device_registry as dr, entity_registry as er
from homeassistant.helpers.event import async_call_later
from homeassistant.util.json import json_loads_object

from .const import ATTR_ADDRESS, ATTR_CONTENT, DOMAIN
from .data_streams import SUBENTRY_DATA_STREAM
from .errors import shortened
from .messaging.record import Record
from .messaging.router import Router

EVENT_DATASTREAM_BOT_RECEIPT: Final = "datastream_bot_receipt"

ATTR_MORE: Final = "more"
"""Key in the data of an event that stands for messages which have none of their own, with their number."""

ATTR_RETURNED: Final = "returned"
"""Key in the data of the event of a reaction to presence: whether somebody returned, or everybody left."""

PER_SECOND: Final = 20
"""How many events there are at most."""

MAX_CONTENT: Final = 200
MAX_ERROR: Final = 200
"""How many characters an event tells of the content and of the first error."""

REFUSED_AGAIN_AFTER: Final = 60.0
"""Seconds after which a refusal for the same reason is told again."""


@callback
def async_setup_receipt_event(hass: HomeAssistant, router: Router) -> None:
    """Fire the event for each message that is over."""
    router.log.connect(ReceiptEvent(hass, router).async_tell)


class ReceiptEvent:
    """Fires the events, at most so many a second: the recorder writes each of them to the disk."""

    def __init__(self, hass: HomeAssistant, router: Router) -> None:
        """Initialize it."""
        self._hass = hass
        self._router = router
        self._now = hass.loop.time
        # When the last events were fired. One more a second tells of those that were not.
        self._fired: deque[float] = deque(maxlen=PER_SECOND - 1)
        self._more = 0
        self._waiting: CALLBACK_TYPE | None = None

    @callback
    def async_tell(self, record: Record) -> None:
        """Fire the event of a message that is over, or that was refused, unless that has been done."""
        if record.working or record.is_awaited:
            return
        now = self._now()
        if record.told_at is not None and (record.refusal is None or now - record.told_at < REFUSED_AGAIN_AFTER):
            return
        record.told_at = now
        if len(self._fired) == self._fired.maxlen and now - self._fired[0] < 1:
            self._more += 1
            if self._waiting is None:
                job = HassJob(self._tell_more, cancel_on_shutdown=True)
                self._waiting = async_call_later(self._hass, 1, job)
            return
        self._fired.append(now)
        self._fire(record)

    @callback
    def _tell_more(self, _: datetime) -> None:
        more, self._more, self._waiting = self._more, 0, None
        self._hass.bus.async_fire(EVENT_DATASTREAM_BOT_RECEIPT, {ATTR_MORE: more})

    def _fire(self, record: Record) -> None:
        """Fire the event of a message.

        Its context is not that of the message, in which Home Assistant's logbook would take what the message did for
        its cause, but another one with the same cause. Whatever it triggers still counts as caused by the message.
        """
        context = Context(user_id=record.user_id, parent_id=record.cause)
        self._router.follow_message(context, record.record_id)
        self._hass.bus.async_fire(EVENT_DATASTREAM_BOT_RECEIPT, _data(self._hass, record), context=context)


def _data(hass: HomeAssistant, record: Record) -> dict[str, Any]:
    """Return the data of the event of a message."""
    receivers = [*dict.fromkeys(delivery.bot_id for delivery in (*record.deliveries, *record.refused))]
    bot_ids = receivers or ([] if record.sender is None else [record.sender])
    data: dict[str, Any] = {
        "id": record.record_id,
        ATTR_ADDRESS: record.address,
        "outcome": record.outcome,
        "origin": record.origin,
        "sender": record.sender,
        "home": record.home,
        "bots": bot_ids,
        "counts": record.numbers,
        "elsewhere": dict(record.elsewhere),
    }
    if bot_ids and (entry := hass.config_entries.async_get_entry(bot_ids[0])) is not None:
        data |= _shown_with(hass, entry, record.address)
    if record.content is not None:
        data[ATTR_CONTENT] = _told(json_loads_object(record.content))
    if record.returned is not None:
        data[ATTR_RETURNED] = record.returned
    if record.error is not None:
        data["error"] = shortened(record.error, MAX_ERROR)
    if record.refusal is not None:
        data |= {"reason": record.refusal.reason, "number": record.refusal.count}
    return data


def _shown_with(hass: HomeAssistant, entry: ConfigEntry[Any], address: str | None) -> dict[str, str]:
    """Return the device and the entity on whose pages the logbook shows what a bot received: it takes one of each."""
    shown: dict[str, str] = {}
    devices, entities = dr.async_get(hass), er.async_get(hass)
    if (device := devices.async_get_device_by_identifier((DOMAIN, entry.entry_id), entry.entry_id)) is not None:
        shown[ATTR_DEVICE_ID] = device.id
    for stream in entry.get_subentries_of_type(SUBENTRY_DATA_STREAM):
        entity_id = entities.async_get_entity_id(Platform.EVENT, DOMAIN, stream.subentry_id)
        if stream.data[CONF_ADDRESS] == address and entity_id is not None:
            shown[ATTR_ENTITY_ID] = entity_id
    return shown


def _told(content: dict[str, Any]) -> str:
    """Return content for people, cut short."""
    told = ", ".join(
        f"{key}: {value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)}"
        for key, value in content.items()
    )
    return shortened(told, MAX_CONTENT)
