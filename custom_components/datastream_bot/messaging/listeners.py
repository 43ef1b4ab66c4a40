"""The listeners: who hears of messages, and of which. They outlive the bots, and need none to be loaded."""

from collections.abc import Callable, Mapping
from functools import partial
import logging
from typing import Final

from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.helpers.singleton import singleton
from homeassistant.util.hass_dict import HassKey

from ..const import DOMAIN
from .message import Message

_LOGGER = logging.getLogger(__name__)

type Listener = Callable[[Message, Mapping[str, Message]], None]
"""Is told of an accepted message, and of it as each bot receives it, by bot id."""

type _Key = tuple[str | None, str | None]
"""A bot and an address."""

type _Connection = tuple[Listener]
"""A listener in a tuple of its own, so that who disconnects twice disconnects nobody else."""

_DATA: Final[HassKey[Listeners]] = HassKey(f"{DOMAIN}.listeners")


@singleton(_DATA)
@callback
def async_get_listeners(hass: HomeAssistant) -> Listeners:
    """Return the listeners of a home."""
    return Listeners()


class Listeners:
    """Tells listeners of messages, in the order sent, before these are received."""

    def __init__(self) -> None:
        """Initialize it with nobody."""
        # By bot and address, so that listeners to others cost nothing. Replaced as a whole, as one of them may connect
        # or disconnect others while they are told of a message.
        self._connected: dict[_Key, tuple[_Connection, ...]] = {}

    @callback
    def connect(self, listener: Listener, *, address: str | None = None, bot_id: str | None = None) -> CALLBACK_TYPE:
        """Connect a listener; return the function that disconnects it from later messages.

        Args:
            listener: The listener.
            address: What it hears messages to; None for any.
            bot_id: Config entry id of the bot that has to receive them there, or None where it does not matter.

        """
        key, connection = (bot_id, address), (listener,)
        self._connected[key] = (*self._connected.get(key, ()), connection)
        return partial(self._disconnect, key, connection)

    def _disconnect(self, key: _Key, connection: _Connection) -> None:
        others = tuple(each for each in self._connected.pop(key, ()) if each is not connection)
        if others:
            self._connected[key] = others

    @callback
    def tell(self, message: Message, received: Mapping[str, Message]) -> None:
        """Tell of a message, and of it as each bot receives it."""
        address, connected = message.address, self._connected
        listeners = (*connected.get((None, None), ()), *connected.get((None, address), ()))
        for bot_id in received:
            listeners += connected.get((bot_id, address), ())
        for (listener,) in listeners:
            try:
                listener(message, received)
            except Exception:
                _LOGGER.exception("A listener failed on a message to %s", address)
