"""Whoever sends very much waits for their turn, and lets others have theirs."""

import asyncio
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.auth.const import GROUP_ID_USER
from homeassistant.auth.models import Group
from homeassistant.core import Context, HomeAssistant
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import MockUser, async_fire_time_changed

from .conftest import AddBot, Send
from .home import Reader, ticks

pytestmark = pytest.mark.usefixtures("no_stack_traces")


async def test_a_user_who_sends_too_much_waits_and_is_refused_after_ten_seconds(
    hass: HomeAssistant, add_bot: AddBot, send: Send, freezer: FrozenDateTimeFactory
) -> None:
    """Nothing of what was sent before is lost."""
    await add_bot()
    user = MockUser(groups=[Group("users", {"entities": True}, GROUP_ID_USER)]).add_to_hass(hass)
    context = Context(user_id=user.id)

    sending = [asyncio.ensure_future(send("news", {}, context=context)) for _ in range(1200)]
    await ticks(100)
    refused = [each for each in sending if each.done() and each.exception()]
    sent = [each for each in sending if each not in refused]
    # Home Assistant's tests let a moment pass with each step.
    assert 150 < len(refused) <= 200
    assert all("more than 50 a second" in str(each.exception()) for each in refused)
    assert 500 <= sum(each.done() for each in sent) < 550
    for seconds in (1, 5, 10):
        freezer.tick(seconds)
        async_fire_time_changed(hass)
        await ticks(100)
    assert len({(await each)["message_id"] for each in sent}) == len(sent)


@pytest.mark.parametrize("is_admin", [True, False])
async def test_administrators_and_automations_are_not_slowed_down(
    hass: HomeAssistant, add_bot: AddBot, send: Send, *, is_admin: bool
) -> None:
    """Who is gone is."""
    await add_bot()
    admin = MockUser(is_owner=True).add_to_hass(hass)
    context = Context(user_id=admin.id) if is_admin else Context()

    for _ in range(600):
        await send("news", {}, context=context)


async def test_a_script_of_very_many_messages_lets_others_run(hass: HomeAssistant, add_bot: AddBot) -> None:
    """Each of which is received before the next is sent."""
    bot = await add_bot()
    reader = Reader()
    bot.attach(reader)
    message = {"address": "news", "content": {"number": "{{ repeat.index }}"}, "config_entry_id": bot.bot_id}
    repeat: dict[str, Any] = {"count": 500, "sequence": [{"action": "datastream_bot.send", "data": message}]}
    assert await async_setup_component(hass, "script", {"script": {"flood": {"sequence": [{"repeat": repeat}]}}})
    rounds = 0

    async def go_round() -> None:
        nonlocal rounds
        while True:
            rounds += 1
            await asyncio.sleep(0)

    others = asyncio.ensure_future(go_round())
    await asyncio.sleep(0)
    before = rounds
    await hass.services.async_call("script", "flood", blocking=True)
    others.cancel()

    assert len(reader.messages) == 500
    assert rounds - before > 1


async def test_what_lets_others_run_is_not_overtaken(add_bot: AddBot, send: Send) -> None:
    """Messages arrive in the order in which they were sent, however many are sent at once."""
    bot = await add_bot()
    reader = Reader()
    bot.attach(reader)

    sending = (send("news", {"number": number}, config_entry_id=bot.bot_id) for number in range(1000))
    await asyncio.gather(*sending)

    assert [message.content["number"] for message in reader.messages] == list(range(1000))
