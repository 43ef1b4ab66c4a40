"""Live messages: what is in the message log, and what changes there, for a page that is open."""

import asyncio
from collections.abc import Callable
from typing import Any, Final

from homeassistant.components.websocket_api.connection import ActiveConnection
from homeassistant.components.websocket_api.decorators import require_admin, websocket_command
from homeassistant.core import HomeAssistant, callback

from .const import DOMAIN
from .messaging.record import Record
from .messaging.router import DATA_ROUTER

SENT_EVERY: Final = 0.2
"""Seconds for which changes are collected: Home Assistant closes a connection that it has too much for."""

MAX_CHANGES: Final = 100
MAX_BYTES: Final = 256 * 1024
"""How much is sent at once, about; what is beyond is only counted."""


@websocket_command({"type": f"{DOMAIN}/subscribe_messages"})
@require_admin
@callback
def async_subscribe_messages(hass: HomeAssistant, connection: ActiveConnection, msg: dict[str, Any]) -> None:
    """Send the messages that there are, then those that are new or have changed, until it is unsubscribed."""
    log = hass.data[DATA_ROUTER].log
    live = LiveMessages(hass.loop, lambda event: connection.send_event(msg["id"], event))
    disconnect = log.connect(live.async_changed)

    @callback
    def unsubscribe() -> None:
        disconnect()
        live.async_stop()

    connection.subscriptions[msg["id"]] = unsubscribe
    connection.send_result(msg["id"])
    connection.send_event(msg["id"], _event(log.records(), 0))


class LiveMessages:
    """Collects changes, and sends them together: of a message that changes many times, how it is then."""

    def __init__(self, loop: asyncio.AbstractEventLoop, send: Callable[[dict[str, Any]], None]) -> None:
        """Initialize it with what sends an event to the page."""
        self._loop = loop
        self._send = send
        # In the order in which they changed last.
        self._changed: dict[str, Record] = {}
        self._left_out = 0
        self._timer: asyncio.TimerHandle | None = None

    @callback
    def async_changed(self, record: Record) -> None:
        """Send a record soon."""
        self._changed.pop(record.record_id, None)
        self._changed[record.record_id] = record
        if len(self._changed) > MAX_CHANGES:
            del self._changed[next(iter(self._changed))]
            self._left_out += 1
        if self._timer is None:
            self._timer = self._loop.call_later(SENT_EVERY, self._send_changed)

    @callback
    def async_stop(self) -> None:
        """Send nothing more."""
        if self._timer is not None:
            self._timer.cancel()

    def _send_changed(self) -> None:
        changed, left_out = [*self._changed.values()], self._left_out
        self._changed, self._left_out, self._timer = {}, 0, None
        size = sum(record.size for record in changed)
        while size > MAX_BYTES:
            size -= changed.pop(0).size
            left_out += 1
        self._send(_event(changed, left_out))


def _event(records: list[Record], left_out: int) -> dict[str, Any]:
    """Return what a page is sent.

    Args:
        records: What is new or has changed.
        left_out: How many more there are, in their former state on the page or not at all.

    """
    return {"messages": [record.as_dict() for record in records], "left_out": left_out}
