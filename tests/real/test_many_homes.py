"""Homes far from each other: real Home Assistants, each in a process of its own, and a real broker between them."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from ..broker import ORGANIZATION, Broker, needs_broker, running_broker
from .conftest import StartHome
from .home import RealHome

pytestmark = [*needs_broker, pytest.mark.slow, pytest.mark.timeout(240)]


def _send(number: int) -> dict[str, Any]:
    """Return the action that sends one of ten messages."""
    content = {"n": f"{{{{ first + repeat.index * 10 - 10 + {number} }}}}"}
    data = {"address": "news", "config_entry_id": "{{ bot }}", "internal": False, "content": content}
    return {"action": "datastream_bot.send", "data": data}


# What comes is written down outside of Home Assistant, where no crash of it can undo it.
CONFIGURATION = """
homeassistant:
diagnostics:
history:
shell_command:
  note: 'sh -c "echo $0 >> notebook" {{ n }}'
script:
  tell:
    sequence:
      - repeat:
          count: "{{ count // 10 }}"
          sequence:
            - parallel: SENDS
""".replace("SENDS", json.dumps([_send(number) for number in range(1, 11)]))


NEWS = {
    "address": "news",
    "external": True,
    "mode": "queued",
    "actions": [
        {"condition": "template", "value_template": "{{ message.home == 'cottage' }}"},
        {"action": "shell_command.note", "data": {"n": "{{ content.n }}"}},
    ],
}


class Home:
    """A real Home Assistant with a bot that reaches other homes."""

    def __init__(self, api: RealHome) -> None:
        """Initialize the home."""
        self.api = api
        self.bot = ""

    async def furnish(self, broker: Broker) -> None:
        """Connect Home Assistant to the broker, and add a bot that speaks for the cottage."""
        await self.api.connect_to_broker(broker.port)
        self.bot = await self.api.add_bot()
        await self.api.add_data_stream(self.bot, NEWS)
        await self.api.reach_other_homes(self.bot, role="home", organization=ORGANIZATION, home="cottage")
        await self.api.wait_for("The connection", self.is_connected, 30)

    async def restart(self) -> None:
        """Kill Home Assistant, and start it again."""
        await self.api.kill()
        await self.api.start()

    async def is_connected(self) -> bool:
        """Return whether the bot's door is connected, and another bot is known."""
        mqtt = (await self.api.diagnostics(self.bot))["mqtt"]
        return bool(mqtt and mqtt["connected"] and mqtt["bots_known"])

    async def send(self, content: Any) -> Any:
        """Send a message and return the receipt."""
        data = {"address": "news", "content": content, "config_entry_id": self.bot, "internal": False}
        return await self.api.act_for_response("datastream_bot.send", data)

    async def tell(self, first: int, count: int) -> None:
        """Send so many messages, one after the other."""
        await self.api.act("script.tell", {"bot": self.bot, "first": first, "count": count})

    def noted(self) -> list[int]:
        """Return what was written down."""
        notebook = self.api.folder / "notebook"
        return [int(line) for line in notebook.read_text().split()] if notebook.exists() else []

    async def has_noted(self, number: int) -> None:
        """Wait until a number was written down."""

        async def is_so() -> bool:
            return number in self.noted()

        await self.api.wait_for(f"Number {number}", is_so, 90)


async def test_two_homes_lose_nothing_whatever_is_killed(start_home: StartHome, tmp_path: Path) -> None:
    """Neither is anything doubled, and it comes in the order sent. Ten messages are on their way at a time."""
    async with running_broker(tmp_path / "broker") as broker:
        one, two = [Home(api) for api in await asyncio.gather(start_home(CONFIGURATION), start_home(CONFIGURATION))]
        await asyncio.gather(one.furnish(broker), two.furnish(broker))

        for number, sender, receiver in ((1, one, two), (2, two, one)):
            receipt = await sender.send({"n": number})
            (answer,) = receipt["handled"]
            assert answer["home"] == "cottage"
            assert answer["config_entry_id"] == receiver.bot
            await receiver.has_noted(number)

        # The broker is killed in the middle of a thousand messages, and comes back.
        telling = asyncio.create_task(one.tell(1000, 1000))
        await two.has_noted(1200)
        await broker.kill()
        await asyncio.sleep(1)
        await broker.start()
        await telling
        await two.has_noted(2000)
        assert two.noted() == [1, *range(1001, 2001)]

        # So is the home that receives, while messages go on.
        telling = asyncio.create_task(one.tell(2000, 300))
        await two.has_noted(2100)
        await two.restart()
        await telling
        await two.has_noted(2300)
        noted = two.noted()
        # Whatever it was at work for is not done twice: it may have pressed a button already.
        interrupted = {*range(2001, 2301)} - {*noted}
        assert noted == [1, *(number for number in range(1001, 2301) if number not in interrupted)]
        assert len({(number - 1) // 10 for number in interrupted}) <= 1

        # And the home that sends, while the broker is away as well.
        await broker.kill()
        await one.tell(3000, 50)
        await one.restart()
        await one.tell(3050, 50)
        await broker.start()
        await two.has_noted(3100)
        assert two.noted() == [*noted, *range(3001, 3101)]
        said = [*one.api.warnings(), *two.api.warnings()]
        assert [line for line in said if "The broker cannot be reached" not in line] == []
