"""What it costs to toggle everything, against naming everything in actions."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from itertools import cycle
import time
from typing import Any, Final

from homeassistant.components.light.const import DATA_COMPONENT as LIGHTS
from homeassistant.components.switch.const import DATA_COMPONENT as SWITCHES
from homeassistant.const import EVENT_CALL_SERVICE
from homeassistant.core import Event, HomeAssistant, callback

from tests.home import PretendLight, PretendSwitch

from .bots import add_bot, send
from .home import new_home, set_up
from .rounds import FEW, SOME, Comparison, Pair, Timed

DOMAINS: Final = ("light", "switch")
SLOW: Final = 0.02
BUSY: Final = 0.2
BUSY_MESSAGES: Final = 100


async def add_lights(hass: HomeAssistant, number: int, *, takes: float = 0) -> None:
    """Add so many devices, half of them lights and half of them switches, which take so many seconds to switch."""
    lights = [PretendLight(f"Light {n}") for n in range(number // 2)]
    switches = [PretendSwitch(f"Switch {n}") for n in range(number // 2)]
    for device in (*lights, *switches):
        device.seconds = takes
    for domain in DOMAINS:
        await set_up(hass, domain)
    await hass.data[LIGHTS].async_add_entities(lights)
    await hass.data[SWITCHES].async_add_entities(switches)
    await hass.async_block_till_done()


async def by_actions(hass: HomeAssistant, entity_ids: dict[str, list[str]], content: dict[str, bool]) -> None:
    """Call one action of lights and one of switches at the same time, each with all that is to be toggled."""
    service = "turn_on" if content["on"] else "turn_off"
    await asyncio.gather(
        *(
            hass.services.async_call(domain, service, {"entity_id": entity_ids[domain]}, blocking=True)
            for domain in DOMAINS
        )
    )


@asynccontextmanager
async def everything(number: int, *, times: int, takes: float = 0) -> AsyncIterator[Pair]:
    """Compare a message with two actions, on and off by turns; everything is switched each time."""
    async with new_home() as home, new_home() as other_home:
        await add_lights(home, number, takes=takes)
        await add_lights(other_home, number, takes=takes)
        await add_bot(home)
        entity_ids = {domain: other_home.states.async_entity_ids(domain) for domain in DOMAINS}

        def turn(hass: HomeAssistant, toggle: Any) -> Timed:
            wanted = cycle((True, False))

            async def toggle_times() -> None:
                for _ in range(times):
                    on = next(wanted)
                    await toggle({"on": on})
                    _check(hass, number, on=on)
                await hass.async_block_till_done()

            return Timed(job=toggle_times, times=times, clock=time.perf_counter if takes else time.process_time)

        yield Pair(
            ours=turn(home, partial(send, home, "toggle_everything")),
            theirs=turn(other_home, partial(by_actions, other_home, entity_ids)),
        )


def _check(hass: HomeAssistant, number: int, *, on: bool) -> None:
    """Check that everything is as it should be, by one of each kind: looking at all costs too much."""
    for domain in DOMAINS:
        state = hass.states.get(f"{domain}.{domain}_{number // 2 - 1}")
        if state is None or state.state != ("on" if on else "off"):
            raise RuntimeError(f"A {domain} was not switched")


@asynccontextmanager
async def while_busy() -> AsyncIterator[Pair]:
    """Compare the calls of an action that many messages lead to, all sent while lights are switching, with them.

    Lights and switches have a call each, and two calls count as one.
    """
    async with new_home() as home:
        await add_lights(home, 10, takes=BUSY)
        await add_bot(home)
        calls = 0

        @callback
        def called(event: Event) -> None:
            nonlocal calls
            calls += event.data["domain"] in DOMAINS

        home.bus.async_listen(EVENT_CALL_SERVICE, called)

        async def ours() -> float:
            before = calls
            contents = [{"on": n % 2 == 0} for n in range(BUSY_MESSAGES)]
            await asyncio.gather(*(send(home, "toggle_everything", content) for content in contents))
            await home.async_block_till_done()
            _check(home, 10, on=contents[-1]["on"])
            return (calls - before) / len(DOMAINS)

        async def theirs() -> float:
            return BUSY_MESSAGES

        yield Pair(ours=ours, theirs=theirs)


# The goal, how often in a turn, always on as well as off, because turning on costs more, and how many rounds.
_SIZES: Final = ((100, 1.05, 10, SOME), (1000, 1.00, 2, SOME), (5000, 0.75, 2, FEW))

MEASUREMENTS: Final = (
    *(
        Comparison(
            name=f"toggle-{number}",
            what=f"message to toggle {number} lights and switches : two actions that name them",
            goal=goal,
            sides=partial(everything, number, times=times),
            rounds=rounds,
            unit=("ms", 1000),
        )
        for number, goal, times, rounds in _SIZES
    ),
    *(
        Comparison(
            name=f"slow-{number}",
            what=f"the same in wall time, when each of {number} takes 20 ms",
            goal=1.05,
            sides=partial(everything, number, times=2, takes=SLOW),
            rounds=rounds,
            unit=("ms", 1000),
        )
        for number, _, _, rounds in _SIZES
    ),
    Comparison(
        name="busy",
        what="calls that 100 messages to busy lights lead to : 100",
        goal=0.05,
        sides=while_busy,
        rounds=7,
        warm_ups=0,
        unit=("calls", 1),
    ),
)
