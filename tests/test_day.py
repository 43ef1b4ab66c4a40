"""Leaving and returning, whatever happens in whatever order: random days of a home.

`scripts/test-slow` plays many more.
"""

from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import CoreState, HomeAssistant
from homeassistant.helpers import entity_registry as er
from homeassistant.util import dt as dt_util
from hypothesis import example, given, settings, strategies as st
import pytest
from pytest_homeassistant_custom_component.common import async_fire_time_changed

from .conftest import AddBot, Home, SetPresence
from .days import turn
from .home import is_on

LIGHTS = ("light.kitchen", "light.porch", "switch.fan")
FREEZER = "switch.fan"
SETTLING = 60.0

PLACES = st.sampled_from(["home", "not_home", "unavailable"])
MOVES = st.tuples(st.just("move"), st.sampled_from([("anna",), ("bo",), ("anna", "bo"), ("anna", "bo")]), PLACES)
TURNS = st.tuples(st.just("turn"), st.sampled_from(LIGHTS), st.booleans())
WAITS = st.tuples(st.just("wait"), st.just(""), st.sampled_from([30.0, 61.0]))
RESTARTS = st.tuples(st.just("restart"), st.just(""), st.just(""))
PAUSES = st.tuples(st.just("pause"), st.just(""), st.booleans())
LEAVE = [("move", ("anna", "bo"), "not_home"), ("wait", "", 61.0)]
RETURN = ("move", ("anna",), "home")
LAMP_ON, LAMP_OFF = ("turn", "light.kitchen", True), ("turn", "light.kitchen", False)
# What happens often in a home, and what takes several steps to happen, would hardly ever come about by chance.
ON_AND_OFF = st.sampled_from(LIGHTS).map(lambda entity_id: [("turn", entity_id, True), ("turn", entity_id, False)])
STEPS = st.one_of(MOVES, TURNS, TURNS, WAITS, RESTARTS, PAUSES).map(lambda step: [step])
DAYS = st.lists(st.one_of(STEPS, STEPS, st.just(LEAVE), st.just([RETURN]), ON_AND_OFF), min_size=4, max_size=20).map(
    lambda blocks: [step for block in blocks for step in block]
)


class Model:
    """What people expect of a bot that restores what was on."""

    def __init__(self) -> None:
        """Initialize it with everybody at home, and everything off."""
        self.people = {"anna": "home", "bo": "home"}
        self.on = dict.fromkeys(LIGHTS, False)
        self.acted_on = "home"
        self.sure = "home"
        self.since = 0.0
        self.was_unsure = False
        self.now = 0.0
        self.is_paused = False
        self.left: set[str] = set()

    @property
    def presence(self) -> str:
        """Return whether anyone is home, or that nobody knows."""
        states = set(self.people.values())
        if "home" in states:
            return "home"
        return "away" if states == {"not_home"} else "unsure"

    def look(self) -> None:
        """Act if it is time to."""
        was_unsure, self.was_unsure = self.was_unsure, self.presence == "unsure"
        if self.was_unsure:
            return
        has_run_out = was_unsure and self.acted_on == "home" and self.now - self.since >= SETTLING
        if self.presence != self.sure or has_run_out:
            self.sure, self.since = self.presence, self.now
        if self.sure == self.acted_on or (self.sure == "away" and self.now - self.since < SETTLING):
            return
        self.acted_on = self.sure
        if self.is_paused:
            if self.sure == "home":
                self.left.clear()
        elif self.sure == "away":
            for entity_id in self._attached():
                if self.on[entity_id]:
                    self.left.add(entity_id)
                self.on[entity_id] = False
        else:
            for entity_id in self.left:
                self.on[entity_id] = True
            self.left.clear()

    def turn(self, entity_id: str, *, on: bool) -> None:
        """Somebody turns something on or off."""
        if on and not self.on[entity_id]:
            # It is theirs now, and what becomes of it is not the bot's to undo.
            self.left.discard(entity_id)
        self.on[entity_id] = on

    def pause(self, *, paused: bool) -> None:
        """Guests come or go."""
        self.is_paused = paused
        if paused:
            self.acted_on = self.sure

    def _attached(self) -> list[str]:
        return [entity_id for entity_id in LIGHTS if entity_id != FREEZER]


@pytest.mark.warns
@pytest.mark.usefixtures("no_stack_traces")
@settings(max_examples=settings().max_examples // 10)
@given(day=DAYS)
@example(day=[LAMP_ON, *LEAVE, LAMP_ON, LAMP_OFF, RETURN])
@example(day=[LAMP_ON, *LEAVE, ("pause", "", True), RETURN, ("pause", "", False), *LEAVE, RETURN])
async def test_a_day(
    hass: HomeAssistant,
    home: Home,
    persons: SetPresence,
    add_bot: AddBot,
    freezer: FrozenDateTimeFactory,
    day: list[tuple[str, Any, Any]],
) -> None:
    """No action without an edge, nothing restored that nobody left on, and the freezer is never touched."""
    await persons("anna", "home")
    await persons("bo", "home")
    bot = await add_bot("Home", on_returning="restore", exclude={"entity_id": [FREEZER]}, settling=SETTLING)
    for entity_id, device in home.items():
        device.commands.clear()
        if is_on(hass, entity_id):
            await device.async_turn_off()
            device.commands.clear()
    model = Model()
    by_people: list[bool] = []

    for what, whom, how in day:
        match what:
            case "move":
                for person in whom:
                    model.people[person] = how
                    await persons(person, how)
                    model.look()
            case "turn":
                model.turn(whom, on=how)
                if whom == FREEZER:
                    by_people.append(how)
                await turn(hass, whom, "on" if how else "off")
            case "wait":
                model.now += how
                freezer.tick(how)
                async_fire_time_changed(hass, dt_util.utcnow())
            case "restart":
                await hass.config_entries.async_unload(bot.bot_id)
                hass.set_state(CoreState.not_running)
                assert await hass.config_entries.async_setup(bot.bot_id)
                await hass.async_block_till_done()
                await hass.async_start()
            case _:
                model.pause(paused=how)
                switch = er.async_get(hass).async_get_entity_id(
                    "switch", "datastream_bot", f"{bot.bot_id}_presence_reaction"
                )
                assert switch is not None
                await turn(hass, switch, "off" if how else "on")
        await hass.async_block_till_done()
        model.look()
        assert {entity_id: is_on(hass, entity_id) for entity_id in LIGHTS} == model.on, (what, whom, how)

    assert home[FREEZER].commands == by_people
    await hass.config_entries.async_remove(bot.bot_id)
