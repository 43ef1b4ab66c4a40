"""Verification: looks whether what was switched did switch, asks once more, and tells of what never does."""

from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from typing import Final

from homeassistant.const import STATE_OFF, STATE_ON, STATE_UNAVAILABLE
from homeassistant.core import CALLBACK_TYPE, Event, EventStateChangedData, HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import issue_registry as ir
from homeassistant.helpers.event import async_call_later, async_track_state_change_event

from ..const import DOMAIN
from ..errors import PartlyFailedError
from .control import NOT_ALLOWED
from .groups import Groups
from .selection import async_single_out

_TOO_OFTEN: Final = 3

type Ask = Callable[[list[str]], Awaitable[object]]
"""Asks entities once more."""


class Verification:
    """Waits for lights and switches to do what they were told, as long as nobody tells them anything else."""

    def __init__(self, hass: HomeAssistant, bot_id: str, bot_name: str, verify_after: float) -> None:
        """Initialize what looks after some seconds, or never when there are none."""
        self._hass = hass
        self._bot_name = bot_name
        self._issue_id = f"not_reached_{bot_id}"
        self._verify_after = verify_after
        self._misses: Counter[str] = Counter()
        self._watches: list[_Watch] = []

    @contextmanager
    def expecting(self, entity_ids: Iterable[str], *, on: bool, ask: Ask, is_reaction: bool) -> Iterator[None]:
        """Expect of entities that they are switched in this context, rather than what was expected of them before."""
        if not self._verify_after:
            yield
            return
        told = set(async_single_out(self._hass, entity_ids, Groups(self._hass)))
        self.async_expect_nothing(told)
        watch = _Watch(self._hass, told, STATE_ON if on else STATE_OFF, ask, is_reaction=is_reaction)
        self._watches.append(watch)
        try:
            yield
        except PartlyFailedError as err:
            failed = err.result["failed"]
            not_allowed = [entity_id for entity_id in failed if failed[entity_id] == NOT_ALLOWED]
            watch.waiting.difference_update(async_single_out(self._hass, not_allowed, Groups(self._hass)))
            raise
        except Exception:
            # Nobody was asked.
            watch.waiting.clear()
            raise
        finally:
            self._start(watch)

    @callback
    def async_expect_nothing(self, entity_ids: Iterable[str]) -> None:
        """Expect no longer of entities what was expected of them before."""
        for watch in self._watches:
            watch.waiting.difference_update(entity_ids)

    @callback
    def async_drop_reactions(self) -> None:
        """Expect no longer what presence has brought about."""
        for watch in [watch for watch in self._watches if watch.is_reaction]:
            self._drop(watch)

    def _drop(self, watch: _Watch) -> None:
        watch.async_stop()
        self._watches.remove(watch)

    def _start(self, watch: _Watch) -> None:
        """Start to count the seconds once everybody was asked, which may take its time, unless it is all over."""
        if watch in self._watches:
            watch.async_start(self._verify_after, self._seen)

    @callback
    def async_stop(self) -> None:
        """Look no more."""
        for watch in list(self._watches):
            self._drop(watch)
        ir.async_delete_issue(self._hass, DOMAIN, self._issue_id)

    @callback
    def _seen(self, watch: _Watch) -> None:
        """Count who did not do it, time and again."""
        self._watches.remove(watch)
        for entity_id in watch.reached:
            self._misses.pop(entity_id, None)
        self._misses.update(entity_id for entity_id in watch.waiting if not _is_unavailable(self._hass, entity_id))
        if never := sorted(entity_id for entity_id, count in self._misses.items() if count >= _TOO_OFTEN):
            ir.async_create_issue(
                self._hass,
                DOMAIN,
                self._issue_id,
                is_fixable=False,
                severity=ir.IssueSeverity.WARNING,
                translation_key="not_reached",
                translation_placeholders={"bot": self._bot_name, "entities": ", ".join(never)},
            )
        else:
            ir.async_delete_issue(self._hass, DOMAIN, self._issue_id)


class _Watch:
    """Watches entities reach a state.

    Attributes:
        is_reaction: Whether presence wants them to.
        reached: Who has been in the state; what becomes of them later is somebody else's wish.
        waiting: Who has not.

    """

    def __init__(self, hass: HomeAssistant, entity_ids: set[str], wanted: str, ask: Ask, *, is_reaction: bool) -> None:
        self.is_reaction = is_reaction
        self._hass = hass
        self._wanted = wanted
        self._ask = ask
        self.reached = {
            entity_id
            for entity_id in entity_ids
            if (state := hass.states.get(entity_id)) is not None and state.state == wanted
        }
        self.waiting = entity_ids - self.reached
        self._stop_listening = async_track_state_change_event(hass, self.waiting, self._changed)
        self._stop_timer: CALLBACK_TYPE | None = None

    @callback
    def async_start(self, seconds: float, done: Callable[[_Watch], None]) -> None:
        """Ask once more after some seconds, and tell after as many again."""

        async def look(_: datetime) -> None:
            self._stop_timer = async_call_later(self._hass, seconds, look_again)
            if late := sorted(one for one in self.waiting if not _is_unavailable(self._hass, one)):
                # What they answer is to be seen from their states.
                with suppress(HomeAssistantError):
                    await self._ask(late)

        @callback
        def look_again(_: datetime) -> None:
            self._stop_timer = None
            self._stop_listening()
            done(self)

        self._stop_timer = async_call_later(self._hass, seconds, look)

    @callback
    def async_stop(self) -> None:
        self._stop_listening()
        if self._stop_timer is not None:
            self._stop_timer()

    @callback
    def _changed(self, event: Event[EventStateChangedData]) -> None:
        entity_id, new = event.data["entity_id"], event.data["new_state"]
        if new is not None and new.state == self._wanted and entity_id in self.waiting:
            self.waiting.remove(entity_id)
            self.reached.add(entity_id)


def _is_unavailable(hass: HomeAssistant, entity_id: str) -> bool:
    return (state := hass.states.get(entity_id)) is None or state.state == STATE_UNAVAILABLE
