"""Expectations: the states that entities should still reach, and what is done until they do."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any, Final

from homeassistant.config_entries import ConfigEntry
from homeassistant.const import STATE_UNAVAILABLE
from homeassistant.core import CALLBACK_TYPE, Context, Event, EventStateChangedData, HomeAssistant, State, callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.event import async_call_later, async_track_state_change_event

from ..const import DOMAIN
from ..issues import async_create_issue, async_delete_issue
from ..rights import async_split_by_permission
from .control import async_restore, async_switch
from .domains import is_as_wanted, is_unavailable, was_reported

_DEFERRED_FOR: Final = 300.0
"""Seconds for which an entity that cannot be asked is waited for."""

_TOLD_WITHIN: Final = 60.0
"""Seconds within which an entity that is polled tells at last that it has switched."""

_TOO_OFTEN: Final = 3

type Asking = Callable[[Collection[str]], AbstractAsyncContextManager[object]]
"""Returns the context to ask entities in."""


@dataclass(slots=True, kw_only=True, eq=False)
class Expectation:
    """A state that an entity should still reach.

    Attributes:
        entity_id: Its id.
        on: Whether it should be on.
        state: The state to restore, or None when turning it on or off will do.
        context: Home Assistant's context of the message that wants it; its id is that of the message.
        asking: The context to ask it in.
        is_deferred: Whether it could not be asked yet.
        due: When to do something about it, in seconds of the loop's clock, or None while it is being asked.
        is_last: Whether it has been asked for the last time.

    """

    entity_id: str
    on: bool
    state: State | None
    context: Context
    asking: Asking
    is_deferred: bool = False
    due: float | None = None
    is_last: bool = False

    def is_met(self, state: State | None) -> bool:
        """Return whether the entity has reached the state; a deferred one may be on only because it still fades."""
        return not self.is_deferred and is_as_wanted(state, on=self.on)


class Expectations:
    """Waits for entities to do as they were told, as long as nobody wants anything else of them."""

    def __init__(
        self,
        hass: HomeAssistant,
        entry: ConfigEntry[Any],
        verify_after: float,
        still_attached: Callable[[Collection[str]], list[str]],
    ) -> None:
        """Initialize it without any.

        Args:
            hass: Home Assistant.
            entry: Config entry of the bot.
            verify_after: Seconds after which entities are asked once more, or 0 for never.
            still_attached: Returns those entities that the bot may still switch.

        """
        self._hass = hass
        self._entry = entry
        self._issue_id = f"not_reached_{entry.entry_id}"
        self._verify_after = verify_after
        self._still_attached = still_attached
        self._misses: Counter[str] = Counter()
        self._is_stopped = False
        self._expected: dict[str, Expectation] = {}
        self._stop_listening: CALLBACK_TYPE | None = None
        self._stop_timer: CALLBACK_TYPE | None = None
        self._is_about_to_look = False

    @contextmanager
    def expecting(
        self,
        entity_ids: Collection[str],
        deferred: Collection[str],
        *,
        on: bool,
        context: Context,
        asking: Asking,
        states: Mapping[str, State] | None = None,
    ) -> Iterator[None]:
        """Expect entities to be switched inside this context, and ask those that are not once more after a while.

        Those that cannot be asked now are asked when they can be, if that is within five minutes.

        Args:
            entity_ids: The entities, with the members of groups in their place.
            deferred: Those of them that cannot be asked now.
            on: Whether they should be on.
            context: Home Assistant's context of the message.
            asking: Returns the context to ask them in later.
            states: What to restore, by entity id.

        """
        states = states or {}
        due = self._hass.loop.time() + _DEFERRED_FOR
        expectations = [
            Expectation(
                entity_id=entity_id,
                on=on,
                state=states.get(entity_id),
                context=context,
                asking=asking,
                is_deferred=(is_deferred := entity_id in deferred),
                due=due if is_deferred else None,
            )
            for entity_id in (entity_ids if self._verify_after else deferred)
        ]
        if not expectations:
            yield
            return
        self._add(expectations)
        try:
            yield
        finally:
            # The time counts from when all were asked. Somebody may have wanted something else of some meanwhile.
            for expectation in expectations:
                if expectation.due is None:
                    expectation.due = self._hass.loop.time() + self._verify_after
            self._update()

    @callback
    def async_drop(self, entity_ids: Iterable[str]) -> None:
        """Drop the expectations of entities."""
        self._drop(self._expected.keys() & entity_ids)

    @callback
    def async_supersede(self, message_id: str | None) -> None:
        """Drop the expectations of a message, and all that are deferred."""
        superseded = [
            entity_id
            for entity_id, expectation in self._expected.items()
            if expectation.is_deferred or expectation.context.id == message_id
        ]
        self._drop(superseded)

    @callback
    def async_stop(self) -> None:
        """Drop all expectations, and take no more: a switching that hangs can outlast the bot."""
        self._is_stopped = True
        self._expected.clear()
        self._update()
        async_delete_issue(self._hass, self._issue_id)

    def _drop(self, entity_ids: Collection[str]) -> None:
        if entity_ids:
            for entity_id in entity_ids:
                del self._expected[entity_id]
            self._update()

    def _add(self, expectations: Iterable[Expectation]) -> None:
        """Add expectations in place of former ones of the same entities."""
        if self._is_stopped:
            return
        for expectation in expectations:
            self._expected[expectation.entity_id] = expectation
            if expectation.is_met(self._hass.states.get(expectation.entity_id)):
                self._met(expectation)
        self._update()

    def _met(self, expectation: Expectation) -> None:
        """Drop a met expectation: later changes of the entity are not the bot's concern."""
        del self._expected[expectation.entity_id]
        self._misses.pop(expectation.entity_id, None)

    def _update(self) -> None:
        """Listen to the expected entities, and set the timer to the first that is due."""
        for stop in (self._stop_listening, self._stop_timer):
            if stop is not None:
                stop()
        self._stop_listening = self._stop_timer = None
        if self._expected:
            self._stop_listening = async_track_state_change_event(self._hass, self._expected, self._state_changed)
        if due := [expectation.due for expectation in self._expected.values() if expectation.due is not None]:
            self._stop_timer = async_call_later(self._hass, max(0, min(due) - self._hass.loop.time()), self._timer)

    @callback
    def _state_changed(self, event: Event[EventStateChangedData]) -> None:
        expectation, new = self._expected.get(event.data["entity_id"]), event.data["new_state"]
        if expectation is None or new is None:
            return
        if expectation.is_met(new):
            self._met(expectation)
        elif expectation.is_deferred and new.state != STATE_UNAVAILABLE:
            self._found(expectation, event.data["old_state"], new)

    def _found(self, expectation: Expectation, old: State | None, new: State) -> None:
        """Ask an entity that could not be asked before, unless somebody has switched it meanwhile."""
        was_wanted = is_as_wanted(old, on=expectation.on)
        is_wanted = is_as_wanted(new, on=expectation.on)
        if was_wanted and is_wanted:
            return
        if is_wanted or not (was_wanted or was_reported(old, new)):
            del self._expected[expectation.entity_id]
            return
        expectation.is_deferred = False
        expectation.due = self._hass.loop.time()
        if not self._is_about_to_look:
            # Many are found at once when their bridge is.
            self._is_about_to_look = True
            self._hass.async_create_task(self._async_look(), f"{DOMAIN} asks what it has found", eager_start=False)

    async def _async_look(self) -> None:
        self._is_about_to_look = False
        self._look()

    @callback
    def _timer(self, _: datetime) -> None:
        self._look()

    def _look(self) -> None:
        """Handle what is due: ask once more, count what was missed twice, and give up what was deferred."""
        now = self._hass.loop.time()
        late: list[Expectation] = []
        for expectation in list(self._expected.values()):
            if expectation.due is None or expectation.due > now:
                continue
            is_reachable = not is_unavailable(self._hass, expectation.entity_id)
            if not expectation.is_deferred and not expectation.is_last:
                if is_reachable:
                    expectation.is_last = True
                    expectation.due = now + max(self._verify_after, _TOLD_WITHIN)
                    late.append(expectation)
                else:
                    expectation.is_deferred = True
                    expectation.due = now + _DEFERRED_FOR
                continue
            del self._expected[expectation.entity_id]
            if self._verify_after and not expectation.is_deferred and is_reachable:
                self._misses[expectation.entity_id] += 1
        self._update()
        self._report()
        for _, of_message in groupby(late, lambda expectation: expectation.context.id):
            self._ask(list(of_message))

    def _ask(self, expectations: list[Expectation]) -> None:
        """Ask entities once more for what one message wants."""
        self._hass.async_create_task(self._async_ask(expectations), f"{DOMAIN} asks once more")

    async def _async_ask(self, expectations: list[Expectation]) -> None:
        on, context, asking = expectations[0].on, expectations[0].context, expectations[0].asking
        attached = self._still_attached([expectation.entity_id for expectation in expectations])
        # The outcome shows in their states.
        with suppress(HomeAssistantError):
            allowed, _ = await async_split_by_permission(self._hass, attached, context)
            async with asking(allowed):
                wanted = {
                    one.entity_id: one.state
                    for one in expectations
                    if one.entity_id in allowed and self._expected.get(one.entity_id) is one
                }
                if None in wanted.values():
                    await async_switch(self._hass, wanted, on=on, context=context)
                else:
                    await async_restore(self._hass, filter(None, wanted.values()), context)

    def _report(self) -> None:
        """Raise a repair issue about what did not switch time and again, or delete it."""
        if never := sorted(entity_id for entity_id, count in self._misses.items() if count >= _TOO_OFTEN):
            async_create_issue(
                self._hass,
                self._issue_id,
                translation_key="not_reached",
                entry=self._entry,
                entities=", ".join(never),
            )
        else:
            async_delete_issue(self._hass, self._issue_id)
