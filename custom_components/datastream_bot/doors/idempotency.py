"""Idempotency keys: a message that comes again is answered with its first receipt, and not sent again."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
import re
import time
from typing import Any, Final, NamedTuple

from homeassistant.core import HomeAssistant, callback
from homeassistant.util.hass_dict import HassKey
import voluptuous as vol

from ..clock import SAVED, moment_of, timestamp_of
from ..const import DOMAIN
from ..errors import MessageError
from ..messaging.receipt import Outcome, Receipt
from ..rights import anonymous_receipt
from ..storage import async_get_storage, timestamp
from .signature import STANDARD_ID, is_by_standard

HEADER_ID: Final = "X-Datastream-Id"
MAX_KEY_LENGTH: Final = 128
MAX_KEYS: Final = 1000
"""How many keys a door remembers, the last ones."""

MAX_AGE: Final = 24 * 60 * 60
"""Seconds for which a key is remembered."""

MAX_ERROR_LENGTH: Final = 200
"""How much of an error is remembered: a file is written as a whole with each message."""

_KEY: Final = re.compile(rf"[ -~]{{1,{MAX_KEY_LENGTH}}}")

_DATA: HassKey[dict[tuple[str, str], Receipts]] = HassKey(f"{DOMAIN}.receipts")

_AT: Final = "at"
_KEYS: Final = "keys"
_RECEIPT: Final = "receipt"
_DELIVERY: Final = {
    **{vol.Required(name): str for name in ("bot", "config_entry_id", "receiver")},
    vol.Optional("error"): str,
}
_STORED: Final = vol.Schema(
    {
        vol.Required(SAVED): timestamp,
        vol.Required(_KEYS): {
            str: {
                vol.Required(_AT): timestamp,
                vol.Required(_RECEIPT): {
                    **{vol.Required(name): str for name in ("message_id", "address")},
                    **{vol.Optional(outcome.value, default=list): [_DELIVERY] for outcome in Outcome},
                },
            }
        },
    }
)

type _Answer = dict[str, Any]


class _Record(NamedTuple):
    """A receipt, and when its key came in seconds of the event loop's clock."""

    at: float
    receipt: _Answer


def key_in(headers: Mapping[str, str]) -> str | None:
    """Return the idempotency key in the headers of a request, or None when there is none.

    Raises:
        MessageError: It is not valid.

    """
    name = STANDARD_ID if is_by_standard(headers) else HEADER_ID
    key = headers.get(name)
    if key is not None and not _KEY.fullmatch(key):
        raise MessageError(translation_key="id_not_valid", header=name, max_length=MAX_KEY_LENGTH)
    return key


@callback
def async_get_receipts(hass: HomeAssistant, bot_id: str, origin: str) -> Receipts:
    """Return the receipts of a door of a bot.

    There is one of these for each door as long as Home Assistant runs: a message may outlive a reload of its bot.
    """
    by_door = hass.data.setdefault(_DATA, {})
    if (bot_id, origin) not in by_door:
        by_door[bot_id, origin] = Receipts(hass, bot_id, origin)
    return by_door[bot_id, origin]


class Receipts:
    """The receipts of a door by idempotency key, without results; also across a restart."""

    def __init__(self, hass: HomeAssistant, bot_id: str, origin: str) -> None:
        """Initialize the receipts of a door; see `async_get_receipts`."""
        self._hass = hass
        self._door = (bot_id, origin)
        self._storage = async_get_storage(hass, f"{bot_id}.receipts.{origin}", _STORED)
        self._records: dict[str, _Record] = {}
        self._at_work: dict[str, asyncio.Task[Receipt]] = {}
        self._is_loaded = False

    async def async_load(self) -> None:
        """Load what was remembered before a restart, with the first key that comes: most doors see none."""
        if not self._is_loaded and (stored := await self._storage.async_load()) is not None:
            before = {
                key: _Record(moment_of(self._hass, data[_AT], stored[SAVED]), data[_RECEIPT])
                for key, data in stored[_KEYS].items()
            }
            self._records = before | self._records
        self._is_loaded = True

    async def async_remove(self) -> None:
        """Remove what is remembered."""
        self._hass.data[_DATA].pop(self._door, None)
        await self._storage.async_remove()

    async def async_find(self, key: str) -> _Answer | None:
        """Return the first receipt for a key when it is there, or None when the key has not come yet."""
        if (task := self._at_work.get(key)) is not None:
            return _without_results(self._hass, await asyncio.shield(task))
        self._forget_old()
        record = self._records.get(key)
        return None if record is None else record.receipt

    @callback
    def async_begin(self, key: str, task: asyncio.Task[Receipt]) -> None:
        """Let a task send the message of a key."""
        self._at_work[key] = task
        task.add_done_callback(lambda _: self._at_work.pop(key))

    async def async_note(self, key: str, receipt: _Answer) -> None:
        """Remember a receipt for a key; when this returns, it outlives a power cut."""
        self._records[key] = _Record(self._hass.loop.time(), receipt)
        self._forget_old()
        await self._storage.async_save_together(self._stored)

    async def async_forget(self, key: str) -> None:
        """Forget a key whose message was refused."""
        self._records.pop(key, None)
        await self._storage.async_save_together(self._stored)

    def _forget_old(self) -> None:
        oldest = self._hass.loop.time() - MAX_AGE
        kept = [(key, record) for key, record in self._records.items() if record.at >= oldest]
        self._records = dict(kept[-MAX_KEYS:])

    def _stored(self) -> dict[str, Any]:
        keys = {
            key: {_AT: timestamp_of(self._hass, record.at), _RECEIPT: record.receipt}
            for key, record in self._records.items()
        }
        return {SAVED: time.time(), _KEYS: keys}


async def async_once(
    hass: HomeAssistant,
    doors: Collection[Receipts],
    key: str,
    interrupted: _Answer,
    send: Callable[[], Awaitable[Receipt]],
) -> _Answer:
    """Send a message unless its key has come before, and return its receipt, or else the first one for the key.

    Args:
        hass: Home Assistant.
        doors: The receipts of the doors by which it comes in.
        key: The key, which is on disk before the message is sent.
        interrupted: The receipt in case Home Assistant stops before there is another.
        send: Sends the message; when it is refused, the key may come again.

    """
    # All of them first: between finding and beginning nothing waits, so that of two that come at once one is the first.
    for receipts in doors:
        await receipts.async_load()
    for receipts in doors:
        if (first := await receipts.async_find(key)) is not None:
            return first
    # On its own, so that it is finished whoever goes away meanwhile.
    sending = _async_first(hass, doors, key, interrupted, send)
    task = hass.async_create_task(sending, f"{DOMAIN} message with a key", eager_start=False)
    for receipts in doors:
        receipts.async_begin(key, task)
    return (await asyncio.shield(task)).as_dict()


async def _async_first(
    hass: HomeAssistant,
    doors: Collection[Receipts],
    key: str,
    interrupted: _Answer,
    send: Callable[[], Awaitable[Receipt]],
) -> Receipt:
    await asyncio.gather(*(receipts.async_note(key, interrupted) for receipts in doors))
    try:
        receipt = await send()
    except Exception:
        await asyncio.gather(*(receipts.async_forget(key) for receipts in doors))
        raise
    first = _without_results(hass, receipt)
    await asyncio.gather(*(receipts.async_note(key, first) for receipts in doors))
    return receipt


def _without_results(hass: HomeAssistant, receipt: Receipt) -> _Answer:
    """Return a receipt that names no entity, so that whoever may read it later may read all of it."""
    told = anonymous_receipt(hass, {"message_id": receipt.message_id, "address": receipt.address, **receipt.lists()})
    return {
        name: [_without_result(delivery) for delivery in value] if isinstance(value, list) else value
        for name, value in told.items()
    }


def _without_result(delivery: Mapping[str, Any]) -> _Answer:
    short = {name: value for name, value in delivery.items() if name != "result"}
    if "error" in short:
        short["error"] = short["error"][:MAX_ERROR_LENGTH]
    return short
