"""What a receipt calls switched is as it was wanted; what is not in time is named."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
import pytest

from .conftest import AddBot, Home, Send
from .days import LEAVING, RETURNING, go_on, group
from .home import remembered, ticks

type Begin = Callable[[dict[str, Any]], Coroutine[Any, Any, asyncio.Task[dict[str, Any]]]]


@pytest.fixture
def begin(hass: HomeAssistant, send: Send) -> Begin:
    """Return a function that sends a message, and returns while its sender still waits for the receipt."""

    async def begin(content: dict[str, Any]) -> asyncio.Task[dict[str, Any]]:
        sending = hass.async_create_task(send("toggle_everything", content))
        await ticks(50)
        return sending

    return begin


async def lists(sending: asyncio.Task[dict[str, Any]]) -> tuple[list[str], list[str]]:
    """Return what a receipt that is there by now calls switched, and what not reached."""
    assert sending.done()
    (delivery,) = (await sending)["handled"]
    return delivery["result"]["switched"], delivery["result"]["not_reached"]


def report(home: Home, entity_id: str, *, on: bool) -> None:
    """Let a device tell that it is on or off."""
    home[entity_id]._attr_is_on = on
    home[entity_id].async_write_ha_state()


async def wait_over_a_second(freezer: FrozenDateTimeFactory) -> None:
    """Let the time pass that a receipt waits for what was switched."""
    freezer.tick(1.1)
    await ticks(50)


@pytest.fixture
def deaf(home: Home) -> None:
    """Let the lamp on the porch say yes, and do nothing."""
    home["light.porch"].is_momentary = True


@pytest.mark.usefixtures("deaf")
async def test_what_does_not_switch_is_named_after_a_second(
    add_bot: AddBot, begin: Begin, freezer: FrozenDateTimeFactory
) -> None:
    """It has not failed."""
    await add_bot()

    sending = await begin({"on": True})
    freezer.tick(0.9)
    await ticks(50)
    assert not sending.done()
    freezer.tick(0.2)
    await ticks(50)

    assert await lists(sending) == (["light.kitchen", "switch.fan"], ["light.porch"])


@pytest.mark.usefixtures("deaf")
async def test_who_tells_later_is_waited_for_and_no_longer_than_needed(
    home: Home, add_bot: AddBot, begin: Begin, freezer: FrozenDateTimeFactory
) -> None:
    """Such as lamps that fade, or that are asked for their state; what else they tell does not count."""
    await add_bot()
    home["light.kitchen"].is_momentary = True

    sending = await begin({"on": True})
    freezer.tick(0.5)
    home["light.kitchen"].set_available(available=False)
    report(home, "light.porch", on=True)
    await ticks(50)
    assert not sending.done()
    home["light.kitchen"].set_available(available=True)
    report(home, "light.kitchen", on=True)
    # What becomes of it after that is another matter.
    report(home, "light.porch", on=False)
    await ticks(50)

    assert await lists(sending) == (["light.kitchen", "light.porch", "switch.fan"], [])


@pytest.mark.usefixtures("deaf")
@pytest.mark.parametrize(("on", "missing"), [(True, ["light.porch"]), (False, [])])
async def test_the_next_message_does_not_wait_for_it(
    home: Home, add_bot: AddBot, begin: Begin, freezer: FrozenDateTimeFactory, *, on: bool, missing: list[str]
) -> None:
    """Nobody misses what the next message wants otherwise."""
    await add_bot()

    first = await begin({"on": True})
    second = await begin({"on": on})
    assert home["light.porch"].commands == [True, on]
    assert not first.done()
    await wait_over_a_second(freezer)

    assert await lists(first) == (["light.kitchen", "switch.fan"], missing)
    assert (await lists(second))[1] == missing


@pytest.mark.usefixtures("deaf")
@pytest.mark.parametrize("seconds", [9.5, 9.9])
async def test_the_receipt_is_there_within_ten_seconds_all_the_same(
    home: Home, add_bot: AddBot, begin: Begin, freezer: FrozenDateTimeFactory, seconds: float
) -> None:
    """What takes long is waited for less than a second more, or not at all."""
    await add_bot()
    home["light.kitchen"].responding.clear()

    sending = await begin({"on": True})
    freezer.tick(seconds)
    home["light.kitchen"].responding.set()
    await ticks(50)
    freezer.tick(9.98 - seconds)
    await ticks(50)

    assert await lists(sending) == (["light.kitchen", "switch.fan"], ["light.porch"])


@pytest.mark.usefixtures("deaf")
@pytest.mark.parametrize(
    ("is_deaf", "expected"),
    [(False, (["light.both", "switch.fan"], [])), (True, (["switch.fan"], ["light.both"]))],
)
async def test_a_group_is_judged_by_its_own_state(
    hass: HomeAssistant,
    home: Home,
    add_bot: AddBot,
    begin: Begin,
    freezer: FrozenDateTimeFactory,
    *,
    is_deaf: bool,
    expected: tuple[list[str], list[str]],
) -> None:
    """This one is on as soon as one light in it is."""
    await group(hass, "Both", ["light.kitchen", "light.porch"])
    await add_bot()
    home["light.kitchen"].is_momentary = is_deaf

    sending = await begin({"on": True})
    await wait_over_a_second(freezer)

    assert await lists(sending) == expected


@pytest.mark.usefixtures("deaf")
async def test_a_group_is_not_missed_when_the_next_message_wants_something_else_of_what_is_in_it(
    hass: HomeAssistant, home: Home, add_bot: AddBot, begin: Begin, freezer: FrozenDateTimeFactory
) -> None:
    """The first message was about the group, the next one is about a light in it."""
    await group(hass, "Both", ["light.porch"])
    await add_bot()

    first = await begin({"on": True})
    await begin({"on": False, "target": {"entity_id": "light.porch"}})
    await wait_over_a_second(freezer)

    assert await lists(first) == (["light.kitchen", "switch.fan"], [])


@pytest.mark.usefixtures("deaf")
async def test_what_is_not_reached_is_asked_once_more_as_anything_else(
    hass: HomeAssistant, home: Home, add_bot: AddBot, begin: Begin, freezer: FrozenDateTimeFactory
) -> None:
    """When the bot is to look again."""
    await add_bot(verify_after=10)

    sending = await begin({"on": True})
    await wait_over_a_second(freezer)
    await go_on(hass, freezer, 11)

    assert (await lists(sending))[1] == ["light.porch"]
    assert home["light.porch"].commands == [True, True]


async def test_what_does_not_come_back_is_named(home: Home, add_bot: AddBot, send: Send) -> None:
    """And forgotten like what did, as it has not failed."""
    bot = await add_bot()
    await send("toggle_everything", {"on": True})
    await send("toggle_everything", LEAVING)
    home["light.porch"].is_momentary = True

    (delivery,) = (await send("toggle_everything", RETURNING))["handled"]

    assert delivery["result"]["switched"] == ["light.kitchen", "switch.fan"]
    assert delivery["result"]["not_reached"] == ["light.porch"]
    assert await remembered(bot) == []
