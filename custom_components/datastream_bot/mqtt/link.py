"""The link: Home Assistant's MQTT integration, as a door sees it, however often it comes and goes."""

from collections.abc import Callable, Collection
import logging
from typing import Final

from homeassistant.config_entries import (
    SIGNAL_CONFIG_ENTRY_CHANGED,
    ConfigEntry,
    ConfigEntryChange,
    ConfigEntryState,
)
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.dispatcher import async_dispatcher_connect

_LOGGER = logging.getLogger(__name__)

ACKNOWLEDGED_WITHIN: Final = 9.5

_MQTT: Final = "mqtt"

type Payload = str | bytes | bytearray
type Received = Callable[[str, Payload, bool], None]
"""Takes the topic and payload of what came in, and whether the broker had kept it."""


class Link:
    """A way to the broker that Home Assistant is connected to.

    The MQTT integration may be added, changed, reloaded and removed at any time; it is not even imported before it is
    there.
    """

    def __init__(
        self,
        hass: HomeAssistant,
        topics: Collection[str],
        received: Received,
        changed: Callable[[bool], None],
        missing: Callable[[bool], None],
    ) -> None:
        """Initialize the link.

        Args:
            hass: Home Assistant.
            topics: What to listen to.
            received: Takes what comes in.
            changed: Called with whether there is a connection, whenever that changes.
            missing: Called with whether Home Assistant has no MQTT integration, whenever that may have changed.

        """
        self.is_connected = False
        self._hass = hass
        self._topics = topics
        self._received = received
        self._changed = changed
        self._missing = missing
        self._connections = 0
        self._leave: list[CALLBACK_TYPE] = []

    @property
    def is_set_up(self) -> bool:
        """Return whether Home Assistant has an MQTT integration to use."""
        return bool(self._leave)

    async def async_open(self) -> CALLBACK_TYPE:
        """Connect now and whenever that is possible, until the returned callback is called."""
        unfollow = async_dispatcher_connect(self._hass, SIGNAL_CONFIG_ENTRY_CHANGED, self._entry_changed)
        if self._hass.config_entries.async_loaded_entries(_MQTT):
            await self._async_join()
        self._look_for_mqtt()

        @callback
        def close() -> None:
            unfollow()
            self._quit()

        return close

    async def async_publish(self, topic: str, payload: bytes) -> bool:
        """Publish, and return whether the broker has surely got it."""
        connection = self._connections
        is_taken = self.is_connected and await async_publish(self._hass, topic, payload)
        # The connection may have broken, and the answer of the broker with it.
        return is_taken and self.is_connected and connection == self._connections

    @callback
    def _entry_changed(self, change: ConfigEntryChange, entry: ConfigEntry) -> None:
        if entry.domain != _MQTT:
            return
        self._quit()
        if entry.state is ConfigEntryState.LOADED:
            self._hass.async_create_task(self._async_join())
        self._look_for_mqtt()

    def _look_for_mqtt(self) -> None:
        entries = self._hass.config_entries
        self._missing(not entries.async_has_entries(_MQTT, include_ignore=False, include_disabled=False))

    async def _async_join(self) -> None:
        from homeassistant.components import mqtt  # noqa: PLC0415

        @callback
        def received(message: mqtt.ReceiveMessage) -> None:
            self._received(message.topic, message.payload, message.retain)

        for topic in self._topics:
            # Bytes, because text that is not Unicode would be told to the log with all that is in it.
            self._leave.append(await mqtt.async_subscribe(self._hass, topic, received, qos=1, encoding=None))
        self._leave.append(mqtt.async_subscribe_connection_status(self._hass, self._set_connected))
        self._set_connected(mqtt.is_connected(self._hass))

    @callback
    def _quit(self) -> None:
        while self._leave:
            self._leave.pop()()
        self._set_connected(False)  # noqa: FBT003

    @callback
    def _set_connected(self, is_connected: bool, /) -> None:  # noqa: FBT001 - the MQTT integration calls it
        if is_connected == self.is_connected:
            return
        self.is_connected = is_connected
        self._connections += is_connected
        self._changed(is_connected)


async def async_publish(hass: HomeAssistant, topic: str, payload: bytes) -> bool:
    """Publish, and return whether there is a broker that has taken it."""
    # Without a connection the client would keep it, and all that follows, in memory.
    if not hass.config_entries.async_loaded_entries(_MQTT):
        return False
    from homeassistant.components import mqtt  # noqa: PLC0415

    if not mqtt.is_connected(hass):
        return False
    began = hass.loop.time()
    try:
        await mqtt.async_publish(hass, topic, payload, qos=1, retain=False)
    except HomeAssistantError as err:
        _LOGGER.debug("The broker did not take a message: %s", err)
        return False
    # It also returns when the broker has not acknowledged the message for ten seconds.
    return hass.loop.time() < began + ACKNOWLEDGED_WITHIN
