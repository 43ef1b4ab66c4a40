"""Expectations: the states that entities should still reach, and what is done until they do."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any, Final

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import CALLBACK_TYPE, Context, Event, EventStateChangedData, HomeAssistant, State, callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.event import async_call_later, async_track_state_change_event

from ..const import DOMAIN
from ..issues import async_create_issue, async_delete_issue
from ..rights import async_split_by_permission
from .control import async_restore, async_switch
from .domains import can_be_turned_on, is_as_wanted, is_unavailable, was_turned_on

_DEFERRED_FOR: Final = 300.0
"""Seconds for which the restore of an entity that cannot be asked is deferred."""

_TOO_OFTEN: Final = 3


@dataclass(slots=True, kw_only=True, eq=False)
class Expectation:
    """A state that an entity should still reach.

    Attributes:
        entity_id: Its id.
        on: Whether it should be on.
        state: The state to restore, or None when turning it on or off will do.
        context: Home Assistant's context of the message that wants it; its id is that of the message.
        is_deferred: Whether its restore waits until it is off.
        due: When to do something about it, in seconds of the loop's clock, or None while it is being asked.
        is_retried: Whether it was asked once more.

    """

    entity_id: str
    on: bool
    state: State | None
    context: Context
    is_deferred: bool = False
    due: float | None = None
    is_retried: bool = False

    def is_met(self, state: State | None) -> bool:
        """Return whether the entity has reached the state; a deferred one is never met, but restored or given up."""
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

    @contextmanager
    def expecting(
        self, entity_ids: Iterable[str], *, on: bool, context: Context, states: Mapping[str, State] | None = None
    ) -> Iterator[None]:
        """Expect entities to be switched inside this context, and ask those that are not once more after a while.

        Args:
            entity_ids: The entities, with the members of groups in their place.
            on: Whether they should be on.
            context: Home Assistant's context of the message.
            states: What to restore, by entity id.

        """
        if not self._verify_after:
            yield
            return
        states = states or {}
        expectations = [
            Expectation(entity_id=entity_id, on=on, state=states.get(entity_id), context=context)
            for entity_id in entity_ids
        ]
        self._add(expectations)
        try:
            yield
        finally:
            # The time counts from when all were asked. Somebody may have wanted something else of some meanwhile.
            for expectation in expectations:
                expectation.due = self._hass.loop.time() + self._verify_after
            self._update()

    @callback
    def async_defer(self, states: Iterable[State], context: Context) -> None:
        """Defer the restore of entities that cannot be asked now until each is off, for five minutes."""
        due = self._hass.loop.time() + _DEFERRED_FOR
        self._add(
            Expectation(entity_id=state.entity_id, on=True, state=state, context=context, is_deferred=True, due=due)
            for state in states
        )

    @callback
    def async_drop(self, entity_ids: Collection[str]) -> None:
        """Drop the expectations of entities."""
        self._drop([entity_id for entity_id in self._expected if entity_id in entity_ids])

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
        elif expectation.is_deferred and was_turned_on(event):
            del self._expected[expectation.entity_id]
        elif expectation.is_deferred and can_be_turned_on(new):
            del self._expected[expectation.entity_id]
            self._ask([expectation])

    @callback
    def _timer(self, _: datetime) -> None:
        """Handle what is due: ask once more, count what was missed twice, and give up what was deferred."""
        self._stop_timer = None
        now = self._hass.loop.time()
        late: list[Expectation] = []
        for expectation in list(self._expected.values()):
            if expectation.due is None or expectation.due > now:
                continue
            is_reachable = not is_unavailable(self._hass, expectation.entity_id)
            if not expectation.is_deferred and not expectation.is_retried:
                expectation.is_retried = True
                expectation.due = now + self._verify_after
                if is_reachable:
                    late.append(expectation)
                continue
            del self._expected[expectation.entity_id]
            if not expectation.is_deferred and is_reachable:
                self._misses[expectation.entity_id] += 1
        self._update()
        self._report()
        for _, of_message in groupby(late, lambda expectation: expectation.context.id):
            self._ask(list(of_message))

    def _ask(self, expectations: list[Expectation]) -> None:
        """Ask entities once more for what one message wants."""
        self._hass.async_create_task(self._async_ask(expectations), f"{DOMAIN} asks once more")

    async def _async_ask(self, expectations: list[Expectation]) -> None:
        on, context = expectations[0].on, expectations[0].context
        attached = self._still_attached([expectation.entity_id for expectation in expectations])
        # The outcome shows in their states.
        with suppress(HomeAssistantError):
            allowed, _ = await async_split_by_permission(self._hass, attached, context)
            states = [expectation.state for expectation in expectations if expectation.entity_id in allowed]
            if None in states:
                await async_switch(self._hass, allowed, on=on, context=context)
            else:
                await async_restore(self._hass, [state for state in states if state is not None], context)

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
