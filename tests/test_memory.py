"""What leaving remembers and what messages remember are kept apart, by occasion."""

from typing import Any

from homeassistant.core import HomeAssistant
import pytest

from .conftest import AddBot, Home, Send, SetPresence
from .days import LEAVING, RESTORE, RETURNING, everybody, restart, turn
from .home import diagnostics_of, remembered


async def test_returning_brings_back_what_was_on_when_they_left_and_nothing_else(
    hass: HomeAssistant, home: Home, persons: SetPresence, add_bot: AddBot, send: Send, on: Any
) -> None:
    """Good night remembers for the morning; who leaves meanwhile and returns does not bring that back."""
    bot = await add_bot(**RESTORE)
    await turn(hass, "light.kitchen", "on")
    await send("toggle_everything", LEAVING)
    await turn(hass, "light.porch", "on")

    await everybody(persons, "not_home")
    await everybody(persons, "home")

    assert on() == ["light.porch"]
    assert await remembered(bot) == ["light.kitchen"]
    await send("toggle_everything", RETURNING)
    assert on() == ["light.kitchen", "light.porch"]
    assert await remembered(bot) == []


async def test_a_message_neither_restores_nor_forgets_what_was_on_when_they_left(
    hass: HomeAssistant, home: Home, persons: SetPresence, add_bot: AddBot, send: Send, on: Any
) -> None:
    """Not even by the name that it has on disk."""
    await add_bot(**RESTORE)
    await turn(hass, "light.kitchen", "on")
    await everybody(persons, "not_home")

    await send("toggle_everything", RETURNING)
    await send("toggle_everything", {**RETURNING, "memory": "leaving"})
    assert on() == []
    await everybody(persons, "home")

    assert on() == ["light.kitchen"]


async def test_each_occasion_has_a_memory_of_its_own(
    hass: HomeAssistant, home: Home, add_bot: AddBot, send: Send, on: Any
) -> None:
    """Also across a restart; without a name, all share one."""
    bot = await add_bot()
    await turn(hass, "light.kitchen", "on")
    await send("toggle_everything", {**LEAVING, "memory": "film"})
    await turn(hass, "light.porch", "on")
    await send("toggle_everything", LEAVING)
    microservices = {one["name"]: one for one in (await diagnostics_of(bot))["microservices"]}
    assert microservices["device"]["remembered"] == {"messages film": ["light.kitchen"], "messages": ["light.porch"]}
    await restart(hass, bot)

    await send("toggle_everything", {**RETURNING, "memory": "film"})
    assert on() == ["light.kitchen"]
    await send("toggle_everything", {**RETURNING, "memory": "dinner"})
    assert on() == ["light.kitchen"]
    await send("toggle_everything", RETURNING)
    assert on() == ["light.kitchen", "light.porch"]


@pytest.mark.warns
@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ({"on": False, "memory": "film"}, "A memory is for remember and restore"),
        ({"on": True, "memory": "film"}, "A memory is for remember and restore"),
        ({**LEAVING, "memory": "f" * 65}, "64 characters at most"),
    ],
)
async def test_a_memory_that_says_nothing_is_refused(
    hass: HomeAssistant, home: Home, add_bot: AddBot, send: Send, on: Any, content: dict[str, Any], problem: str
) -> None:
    """Nothing is switched."""
    await add_bot()
    await turn(hass, "light.kitchen", "on")

    (failure,) = (await send("toggle_everything", content))["failed"]

    assert problem in failure["error"]
    assert on() == ["light.kitchen"]


@pytest.mark.warns
async def test_there_is_an_end_to_memories(
    hass: HomeAssistant, home: Home, add_bot: AddBot, send: Send, on: Any
) -> None:
    """Those that remember nothing any more make room."""
    await add_bot()

    async def remember(number: int) -> dict[str, Any]:
        await turn(hass, "light.kitchen", "on")
        return await send("toggle_everything", {**LEAVING, "memory": f"occasion {number}"})

    for number in range(50):
        assert (await remember(number))["failed"] == []
    (failure,) = (await remember(50))["failed"]
    assert "50 memories" in failure["error"]
    assert on() == ["light.kitchen"]
    await send("toggle_everything", {"on": False})

    await send("toggle_everything", {**RETURNING, "memory": "occasion 7"})
    assert (await remember(50))["failed"] == []
