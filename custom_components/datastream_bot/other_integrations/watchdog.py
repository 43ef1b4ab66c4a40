"""The watchdog: names in Home Assistant's log who holds up the event loop."""

from collections.abc import Callable, Coroutine, Generator, Iterator
from contextlib import contextmanager
from functools import partial
import logging
from threading import Event, Thread
from types import coroutine
from typing import Any, Final

from homeassistant.const import EVENT_HOMEASSISTANT_CLOSE
from homeassistant.core import HomeAssistant, callback

from ..const import DOMAIN

_LOGGER = logging.getLogger(__name__)

LOOKS_EVERY: Final = 0.5
"""Seconds. Who is in the same step when it looks again is named."""


class Watchdog:
    """Watches each step of others' work, from one wait to the next.

    It does so from a thread: the event loop cannot tell that it is held up, and nobody can end such a step.
    """

    def __init__(self) -> None:
        """Initialize the watchdog, which sleeps."""
        self._step: tuple[str] | None = None
        self._named: set[str] = set()
        self._is_over = Event()

    @callback
    def async_start(self, hass: HomeAssistant) -> None:
        """Start to watch, until Home Assistant has stopped."""
        thread = Thread(target=self._watch, name=f"{DOMAIN} watchdog", daemon=True)

        @callback
        def stop(_: object) -> None:
            self._is_over.set()
            thread.join()

        hass.bus.async_listen_once(EVENT_HOMEASSISTANT_CLOSE, stop)
        thread.start()

    def _watch(self) -> None:
        seen = None
        while not self._is_over.wait(LOOKS_EVERY):
            step = self._step
            if step is not None and step is seen and step[0] not in self._named:
                self._named.add(step[0])
                _LOGGER.warning("%s holds up all of Home Assistant: it works without a pause", step[0])
            seen = step

    @contextmanager
    def watching(self, who: str) -> Iterator[None]:
        """Watch one step of others' work.

        Args:
            who: What the log calls whose work it is.

        Raises:
            RuntimeError: It wanted to end Home Assistant.

        """
        # Others may be at work within a step.
        outer, self._step = self._step, (who,)
        try:
            yield
        except SystemExit as err:
            raise RuntimeError(repr(err)) from err
        finally:
            self._step = outer

    @coroutine
    def watched[R](self, who: str, work: Coroutine[Any, Any, R]) -> Generator[Any, Any, R]:
        """Do work as `await` does, and have its steps watched.

        Args:
            who: What the log calls whose work it is.
            work: The work.

        Raises:
            RuntimeError: It wanted to end Home Assistant.

        """
        do_step: Callable[[], Any] = partial(work.send, None)
        while True:
            try:
                with self.watching(who):
                    awaited = do_step()
            except StopIteration as done:
                result: R = done.value
                return result
            try:
                yield awaited
            except BaseException as err:  # noqa: BLE001 - that it is cancelled, too, is for the work
                do_step = partial(work.throw, err)
            else:
                do_step = partial(work.send, None)
