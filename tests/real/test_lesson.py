"""The lesson, in a real Home Assistant: messages, people who leave and return, a script, and a program outside."""

import asyncio
import json
import sys
from typing import Any

import pytest

from .demo import DEVICES
from .home import PROJECT, RealHome

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

NOTIFICATION = {"title": "Lesson 6", "message": "Hello from a script"}


class Lesson:
    """The home of the demo, with the bot that the lesson is about."""

    def __init__(self, home: RealHome, bot: str) -> None:
        """Initialize the lesson."""
        self.home = home
        self._bot = bot

    async def send(self, *, on: bool) -> list[str]:
        """Send a message that toggles everything, and return who handled it."""
        message = {"address": "toggle_everything", "content": {"on": on}}
        return handlers(await self.home.act_for_response("datastream_bot.send", message))

    async def send_from_outside(self, webhook: str, *, on: bool) -> list[str]:
        """Send the same with the command line, which knows nothing but the webhook."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, str(PROJECT / "scripts" / "send_datastream")),
            *("toggle_everything", f"on={on}", "--output", "json"),
            env={"DATASTREAM_WEBHOOK": webhook},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        output, error = await process.communicate()
        assert process.returncode == 0, error.decode()
        return handlers(json.loads(output))

    async def open_webhook(self) -> str:
        """Open the bot's webhook, and return what a program outside is told of it."""
        shown = await self.home.open_doors(self._bot, webhook={"open": True, "signed": True})
        return f"{shown['url']} {shown['secret']}"

    async def move(self, person: str, *, home: bool) -> None:
        """Let a person come home or leave."""
        action = "turn_on" if home else "turn_off"
        await self.home.act(f"input_boolean.{action}", {"entity_id": f"input_boolean.{person}_is_home"})

    async def last_reaction(self) -> Any:
        """Return the receipt of the last message that presence made the bot send."""
        microservices = {each["name"]: each for each in (await self.home.diagnostics(self._bot))["microservices"]}
        return microservices["location"]["last_reaction"]

    async def reaction_after(self, former: Any) -> list[str]:
        """Wait for another reaction to presence, and return who handled its message."""

        async def is_there() -> bool:
            return bool(await self.last_reaction() != former)

        await self.home.wait_for("The reaction to presence", is_there)
        return handlers(await self.last_reaction())

    async def states(self) -> set[str]:
        """Return the states that the lights and switches have."""
        return {await self.home.state(entity_id) for entity_id in DEVICES}

    async def all_are(self, state: str) -> None:
        """Wait until all lights and switches have a state."""

        async def are() -> bool:
            return await self.states() == {state}

        await self.home.wait_for(f"All lights and switches being {state}", are, 3)


def handlers(receipt: Any) -> list[str]:
    """Return who handled the message of a receipt."""
    return [delivery["receiver"] for delivery in receipt["handled"]]


@pytest.fixture
async def lesson(demo: RealHome) -> Lesson:
    """Add a bot as its form is offered; only the wait before it acts on leaving is short."""
    return Lesson(demo, await demo.add_bot(more={"settling": 1}))


async def test_the_lesson(lesson: Lesson, subtests: pytest.Subtests) -> None:
    """Each step begins with what the one before it left."""
    home = lesson.home

    with subtests.test("A message turns everything on"):
        assert await lesson.send(on=True) == ["device"]
        await lesson.all_are("on")

    with subtests.test("Another turns everything off"):
        assert await lesson.send(on=False) == ["device"]
        await lesson.all_are("off")

    with subtests.test("And everything is turned on again"):
        assert await lesson.send(on=True) == ["device"]
        await lesson.all_are("on")

    with subtests.test("Anna leaves, and nothing changes"):
        former = await lesson.last_reaction()
        await lesson.move("anna", home=False)
        # What does not come can only be waited for.
        await asyncio.sleep(2)
        assert await home.state("person.anna") == "not_home"
        assert await lesson.last_reaction() == former
        assert await lesson.states() == {"on"}

    with subtests.test("Bo leaves, the last, and the bot turns everything off"):
        former = await lesson.last_reaction()
        await lesson.move("bo", home=False)
        assert await lesson.reaction_after(former) == ["device"]
        await lesson.all_are("off")

    with subtests.test("Anna returns, the first, and the bot turns everything on"):
        former = await lesson.last_reaction()
        await lesson.move("anna", home=True)
        assert await lesson.reaction_after(former) == ["device"]
        await lesson.all_are("on")

    with subtests.test("Bo returns, and nothing changes"):
        former = await lesson.last_reaction()
        await lesson.move("bo", home=True)
        await asyncio.sleep(2)
        assert await home.state("person.bo") == "home"
        assert await lesson.last_reaction() == former
        assert await lesson.states() == {"on"}

    with subtests.test("A script sends a push notification"):
        assert handlers(await home.act_for_response("script.push_notification", {})) == ["location"]
        shown = await home.ask("persistent_notification/get")
        assert NOTIFICATION in [{"title": one["title"], "message": one["message"]} for one in shown]
        assert await lesson.states() == {"on"}

    with subtests.test("A program outside turns everything off through the bot's signed webhook"):
        assert await lesson.send_from_outside(await lesson.open_webhook(), on=False) == ["device"]
        await lesson.all_are("off")

    with subtests.test("The log warns of nothing"):
        assert home.warnings() == []
