"""Live messages: what is in the message log, and what changes there, for a page that is open."""

import asyncio
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any, Final, NamedTuple

from homeassistant.components.websocket_api.connection import ActiveConnection
from homeassistant.components.websocket_api.decorators import websocket_command
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
import voluptuous as vol

from .bot import loaded_bots
from .const import DOMAIN
from .messaging.log import MessageLog
from .messaging.record import Record
from .messaging.router import DATA_ROUTER

SENT_EVERY: Final = 0.2
"""Seconds for which changes are collected: Home Assistant closes a connection that it has too much for."""

MAX_CHANGES: Final = 200
MAX_BYTES: Final = 256 * 1024
"""How much is sent at once, about. What there is at first comes in slices; of changes, the rest is only counted."""

_SHOWN_TO_EVERYONE: Final = ("id", "time", "address", "content", "outcome", "duration")

MAX_UNREAD: Final = 10
"""How many events a page is sent that has not said that it has read them: one that hangs is sent nothing more."""


class View(NamedTuple):
    """What somebody may know of the messages.

    Attributes:
        is_shown: Returns whether they may know of one.
        show: Returns what they may know of it.

    """

    is_shown: Callable[[Record], bool]
    show: Callable[[Record], dict[str, Any]]


ALL: Final = View(lambda _: True, Record.as_dict)


@websocket_command({"type": f"{DOMAIN}/messages/subscribe"})
@callback
def async_subscribe_messages(hass: HomeAssistant, connection: ActiveConnection, msg: dict[str, Any]) -> None:
    """Send the messages that there are, then those that are new or have changed, until it is unsubscribed.

    Administrators get all; others the content and the outcome of those that a bot shows to everyone.
    """
    log = hass.data[DATA_ROUTER].log
    subscription = msg["id"]
    live = LiveMessages(
        hass.loop,
        log,
        lambda event: connection.send_event(subscription, {"subscription": subscription, **event}),
        ALL if connection.user.is_admin else View(partial(_is_shown_to_everyone, hass), _for_everyone),
    )
    connection.subscriptions[subscription] = live
    connection.send_result(subscription)
    live.async_start()


@websocket_command({vol.Required("type"): f"{DOMAIN}/messages/read", vol.Required("subscription"): int})
@callback
def async_read_messages(hass: HomeAssistant, connection: ActiveConnection, msg: dict[str, Any]) -> None:
    """Note that a page has read an event of its subscription."""
    connection.send_result(msg["id"])
    live = connection.subscriptions.get(msg["subscription"])
    if isinstance(live, LiveMessages):
        live.async_read()


class LiveMessages:
    """Sends what there is, a slice for each that has been read; then changes, which it collects and sends together.

    A message that changes many times is sent as it is then.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        log: MessageLog,
        send: Callable[[dict[str, Any]], None],
        view: View,
    ) -> None:
        """Initialize it.

        Args:
            loop: The event loop.
            log: The message log.
            send: Sends an event to the page.
            view: What the page may know.

        """
        self._loop = loop
        self._log = log
        self._send = send
        self._view = view
        # Of what there is at first, the rest.
        self._first: deque[Record] = deque()
        # In the order in which they changed last.
        self._changed: dict[str, Record] = {}
        self._left_out = 0
        self._unread = 0
        self._timer: asyncio.TimerHandle | None = None
        self._disconnect: CALLBACK_TYPE

    @callback
    def async_start(self) -> None:
        """Begin to send what there is, and to collect changes."""
        self._disconnect = self._log.connect(self._note)
        self._first.extend(filter(self._view.is_shown, self._log.records()))
        self._send_first()

    @callback
    def __call__(self) -> None:
        """Send nothing more: Home Assistant calls what it has of a subscription to end it."""
        self._disconnect()
        if self._timer is not None:
            self._timer.cancel()

    @callback
    def async_read(self) -> None:
        """Note that the page has read an event."""
        self._unread = max(0, self._unread - 1)
        if self._first:
            self._send_first()
        else:
            self._send_soon()

    def _send_first(self) -> None:
        """Send the next slice of what there is at first, of one message at least."""
        records: list[Record] = []
        size = 0
        while self._first and len(records) < MAX_CHANGES:
            size += self._first[0].size
            if records and size > MAX_BYTES:
                break
            records.append(self._first.popleft())
        self._send_event(records, 0)

    def _note(self, record: Record) -> None:
        if not self._view.is_shown(record):
            return
        self._changed.pop(record.record_id, None)
        self._changed[record.record_id] = record
        if len(self._changed) > MAX_CHANGES:
            del self._changed[next(iter(self._changed))]
            self._left_out += 1
        self._send_soon()

    def _send_soon(self) -> None:
        if self._changed and not self._first and self._timer is None and self._unread < MAX_UNREAD:
            self._timer = self._loop.call_later(SENT_EVERY, self._send_changed)

    def _send_changed(self) -> None:
        changed, left_out = [*self._changed.values()], self._left_out
        self._changed, self._left_out, self._timer = {}, 0, None
        size = sum(record.size for record in changed)
        while size > MAX_BYTES:
            size -= changed.pop(0).size
            left_out += 1
        self._send_event(changed, left_out)

    def _send_event(self, records: list[Record], left_out: int) -> None:
        """Send an event.

        Args:
            records: What is new or has changed.
            left_out: How many more there are, in their former state on the page or not at all.

        """
        self._unread += 1
        self._send({"messages": [*map(self._view.show, records)], "left_out": left_out})


def _is_shown_to_everyone(hass: HomeAssistant, record: Record) -> bool:
    """Return whether a bot that a message concerns shows its address to everyone."""
    return any(bot.bot_id in record.bot_ids and record.address in bot.data_streams.shown for bot in loaded_bots(hass))


def _for_everyone(record: Record) -> dict[str, Any]:
    """Return of a message what it says and what became of it, and nothing that may name devices or people."""
    message = record.as_dict()
    return {name: message[name] for name in _SHOWN_TO_EVERYONE if name in message}
