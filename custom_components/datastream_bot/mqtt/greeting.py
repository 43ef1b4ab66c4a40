"""Greeting: a bot says hello until it hears itself, for only then does the broker let it speak and listen."""

from collections.abc import Callable
from typing import Final

from homeassistant.core import CALLBACK_TYPE, HassJob, HomeAssistant, callback
from homeassistant.helpers.event import async_call_later

FIRST_PAUSE: Final = 0.3
MAX_PAUSE: Final = 30.0
REFUSED_AFTER: Final = 30.0
"""Seconds after which a broker that is connected must have let a bot hear itself."""


class Greeting:
    """Says hello with ever longer pauses, from when there is a connection until there is an echo."""

    def __init__(
        self, hass: HomeAssistant, say_hello: Callable[[], None], heard: Callable[[], None], refused: Callable[[], None]
    ) -> None:
        """Initialize the greeting.

        Args:
            hass: Home Assistant.
            say_hello: Says hello.
            heard: Called with the first echo of a connection.
            refused: Called when there was no echo for so long that the broker must be keeping it back.

        """
        self._hass = hass
        self._say_hello = say_hello
        self._heard = heard
        self._refused = refused
        self._pause = 0.0
        self._waited = 0.0
        self._cancel: CALLBACK_TYPE | None = None

    @property
    def is_waiting(self) -> bool:
        """Return whether the echo is yet to come."""
        return self._cancel is not None

    @callback
    def async_begin(self) -> None:
        """Begin to say hello."""
        self.async_end()
        self._pause, self._waited = FIRST_PAUSE, 0.0
        self._greet()

    @callback
    def async_end(self) -> None:
        """Say no more."""
        if self._cancel is not None:
            self._cancel()
            self._cancel = None

    @callback
    def async_echo(self) -> None:
        """Take note of an echo."""
        if self.is_waiting:
            self.async_end()
            self._heard()

    @callback
    def _greet(self, *_: object) -> None:
        if self._waited < REFUSED_AFTER <= self._waited + self._pause:
            self._refused()
        self._waited += self._pause
        self._cancel = async_call_later(self._hass, self._pause, HassJob(self._greet, cancel_on_shutdown=True))
        self._pause = min(MAX_PAUSE, self._pause * 2)
        self._say_hello()
