"""What it costs to toggle everything, against naming everything in actions."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from itertools import cycle
from typing import Any, Final

from homeassistant.components.light.const import DATA_COMPONENT as LIGHTS
from homeassistant.components.switch.const import DATA_COMPONENT as SWITCHES

from tests.home import PretendLight, PretendSwitch

from .bots import add_bot, send
from .home import Home
from .rounds import Comparison, Once, Row


async def by_message(home: Home) -> Callable[[str], Awaitable[Any]]:
    """Return what sends a message to turn everything `on` or `off`."""
    await add_bot(home)
    return lambda state: send(home, "toggle_everything", {"on": state})


async def by_actions(home: Home) -> Callable[[str], Awaitable[Any]]:
    """Return what calls one action of lights and one of switches at the same time, each with all of them."""
    ids = {domain: {"entity_id": home.states.async_entity_ids(domain)} for domain in ("light", "switch")}
    call = partial(home.services.async_call, blocking=True)
    return lambda state: asyncio.gather(*(call(domain, f"turn_{state}", ids[domain]) for domain in ids))


async def toggles(number: int, way: Callable[[Home], Awaitable[Any]], home: Home) -> Once:
    """Toggle so many devices, half of them lights and half of them switches, on and off by turns."""
    await home.data[LIGHTS].async_add_entities([PretendLight(f"Light {n}") for n in range(number // 2)])
    await home.data[SWITCHES].async_add_entities([PretendSwitch(f"Switch {n}") for n in range(number // 2)])
    turn, states = await way(home), cycle(("on", "off"))

    async def toggle() -> None:
        await turn(state := next(states))
        # By one of them: looking at all costs too much.
        if not home.states.is_state("switch.switch_0", state):
            raise RuntimeError(f"It was not turned {state}")

    return toggle


COMPARISONS: Final = [
    Comparison(Row(f"toggle-{n}", goal, partial(toggles, n, by_message), partial(toggles, n, by_actions)), times=times)
    # On as often as off, because turning on costs more.
    for n, goal, times in ((100, 1.10, 10), (1000, 1.00, 2), (5000, 0.72, 2))
]
