"""The streak: how often something has come without a pause."""

from collections.abc import Callable
from typing import Any

from homeassistant.core import CALLBACK_TYPE, HassJob, HomeAssistant, callback
from homeassistant.helpers.event import async_call_later


class Streak:
    """Counts what comes until a while passes without it."""

    def __init__(self, hass: HomeAssistant, pause: float, over: Callable[[], None]) -> None:
        """Initialize the streak.

        Args:
            hass: Home Assistant.
            pause: After how many seconds without any it is over.
            over: Called then.

        """
        self._hass = hass
        self._pause = pause
        self._over = over
        self._count = 0
        self._cancel: CALLBACK_TYPE | None = None

    @callback
    def async_count(self) -> int:
        """Count one, and return how many there are by now."""
        if self._cancel is not None:
            self._cancel()
        self._cancel = async_call_later(self._hass, self._pause, HassJob(self._end, cancel_on_shutdown=True))
        self._count += 1
        return self._count

    @callback
    def async_end(self) -> None:
        """End it, if there is one."""
        if self._cancel is not None:
            self._cancel()
            self._end()

    @callback
    def _end(self, *_: Any) -> None:
        self._cancel = None
        self._count = 0
        self._over()
