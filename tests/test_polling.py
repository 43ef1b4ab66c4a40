"""Lamps that tell only when they are asked, and then what they were a while ago: neither people nor faults."""

import asyncio
from typing import Any, override

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir
import pytest

from .conftest import AddBot, Home, Send, SetPresence, furnish
from .days import RESTORE, everybody, go_on, turn, wait_over
from .home import PretendLight, is_on, ticks

POLLED_EVERY = 30
"""Seconds, as Home Assistant polls lights."""


class PretendPolledLight(PretendLight):
    """A lamp that Home Assistant asks what it is, and whose cloud does not know it yet."""

    _attr_should_poll = True
    cloud_says = False

    @override
    async def _switch(self, *, on: bool) -> None:
        self.commands.append(on)

    async def async_update(self) -> None:
        """Ask the cloud."""
        self._attr_is_on = self.cloud_says


@pytest.fixture
async def lamp(hass: HomeAssistant) -> PretendPolledLight:
    """Return a lamp that is on, and says so for as long as its cloud does."""
    lamp = PretendPolledLight("Lamp")
    lamp.cloud_says = True
    await furnish(hass, {"light.lamp": lamp})
    return lamp


async def result_of(
    hass: HomeAssistant, freezer: FrozenDateTimeFactory, sending: asyncio.Task[dict[str, Any]]
) -> dict[str, Any]:
    """Return what a receipt says that comes after a second."""
    await ticks(50)
    freezer.tick(1.1)
    await ticks(50)
    (delivery,) = (await sending)["handled"]
    result: dict[str, Any] = delivery["result"]
    return result


async def test_a_lamp_that_says_on_until_it_is_polled_has_not_failed(
    hass: HomeAssistant, lamp: PretendPolledLight, add_bot: AddBot, send: Send, freezer: FrozenDateTimeFactory
) -> None:
    """The receipt comes before the lamp tells."""
    await add_bot()

    sending = hass.async_create_task(send("toggle_everything", {"on": False}))

    assert (await result_of(hass, freezer, sending))["not_reached"] == ["light.lamp"]
    lamp.cloud_says = False
    await go_on(hass, freezer, POLLED_EVERY)
    assert not is_on(hass, "light.lamp")
    assert lamp.commands == [False]


async def test_a_lamp_that_tells_late_is_not_named_as_what_never_switches(
    hass: HomeAssistant,
    lamp: PretendPolledLight,
    add_bot: AddBot,
    send: Send,
    freezer: FrozenDateTimeFactory,
    issue_registry: ir.IssueRegistry,
) -> None:
    """The bot looks again before the lamp is polled, and asks it once more, which does no harm."""
    await add_bot(verify_after=10)
    for number in range(1, 5):
        lamp.cloud_says = True
        await go_on(hass, freezer, POLLED_EVERY + 1)
        sending = hass.async_create_task(send("toggle_everything", {"on": False}))
        await result_of(hass, freezer, sending)
        await go_on(hass, freezer, 11)
        await go_on(hass, freezer, 11)
        assert lamp.commands == [False, False] * number
        lamp.cloud_says = False
        await go_on(hass, freezer, POLLED_EVERY)
        assert not is_on(hass, "light.lamp")

    assert not issue_registry.issues


async def test_a_lamp_that_says_on_until_it_is_polled_comes_back(
    hass: HomeAssistant,
    lamp: PretendPolledLight,
    persons: SetPresence,
    add_bot: AddBot,
    freezer: FrozenDateTimeFactory,
) -> None:
    """Nobody has turned it on meanwhile."""
    await add_bot(**RESTORE)
    for person in ("anna", "bo"):
        hass.states.async_set(f"device_tracker.{person}", "not_home")
    await wait_over(hass, freezer)
    assert is_on(hass, "light.lamp")
    lamp.cloud_says = False
    await go_on(hass, freezer, POLLED_EVERY)
    assert not is_on(hass, "light.lamp")

    lamp.cloud_says = True
    await everybody(persons, "home")

    assert lamp.commands == [False, True]


@pytest.mark.parametrize(
    ("says_on_after", "for_seconds", "comes_back"),
    [(0, 30, True), (30, 30, True), (55, 55, True), (30, 90, False), (90, 30, False)],
)
async def test_what_says_on_once_more_after_it_was_off_comes_back(
    hass: HomeAssistant,
    home: Home,
    persons: SetPresence,
    add_bot: AddBot,
    freezer: FrozenDateTimeFactory,
    says_on_after: float,
    for_seconds: float,
    *,
    comes_back: bool,
) -> None:
    """Such as a lamp that is off at once in Home Assistant, and half a minute later on in its cloud."""
    await add_bot(**RESTORE)
    kitchen = home["light.kitchen"]
    await turn(hass, "light.kitchen", "on")
    await everybody(persons, "not_home")
    await go_on(hass, freezer, says_on_after)
    for on, seconds in ((True, for_seconds), (False, 0)):
        kitchen._attr_is_on = on
        kitchen.async_write_ha_state()
        await go_on(hass, freezer, seconds)

    await everybody(persons, "home")

    assert is_on(hass, "light.kitchen") is comes_back


async def test_who_turns_a_lamp_on_and_off_again_at_once_keeps_it_off(
    hass: HomeAssistant, home: Home, persons: SetPresence, add_bot: AddBot
) -> None:
    """Home Assistant knows that it was somebody."""
    await add_bot(**RESTORE)
    await turn(hass, "light.kitchen", "on")
    await everybody(persons, "not_home")
    await turn(hass, "light.kitchen", "on")
    await turn(hass, "light.kitchen", "off")

    await everybody(persons, "home")

    assert not is_on(hass, "light.kitchen")
