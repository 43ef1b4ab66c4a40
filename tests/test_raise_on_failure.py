"""The option `raise_on_failure` of the action `datastream_bot.send`: a failure in the receipt fails the action."""

import re
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.auth.models import Group
from homeassistant.core import Context, HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import MockUser, async_capture_events

from custom_components.datastream_bot.const import DOMAIN
from custom_components.datastream_bot.messaging.receipt import failures_in

from .conftest import AddBot, Home, Send
from .days import wait_over
from .home import Reader, is_on
from .streams import add_stream, row

pytestmark = pytest.mark.warns

FAILS = [{"stop": "Nobody is there", "error": True}]
TOLD = "The message to news failed at: "


async def automate(hass: HomeAssistant, **action: Any) -> list[dict[str, Any]]:
    """Send the news in an automation, and return what it does after that."""
    events = async_capture_events(hass, "went_on")
    send = {"action": "datastream_bot.send", "data": {"address": "news", "raise_on_failure": True}, **action}
    went_on = {
        "event": "went_on",
        "event_data": {"receipt": "{{ receipt.handled | count if receipt is defined else 'none' }}"},
    }
    automation = {
        "alias": "Tell",
        "triggers": {"trigger": "event", "event_type": "go"},
        "actions": [send, went_on],
    }
    assert await async_setup_component(hass, "automation", {"automation": automation})
    hass.bus.async_fire("go")
    await hass.async_block_till_done()
    return [dict(event.data) for event in events]


async def test_an_automation_stops_where_a_receiver_failed(
    hass: HomeAssistant, add_bot: AddBot, caplog: pytest.LogCaptureFixture
) -> None:
    """The reason is in the log."""
    await add_stream(await add_bot(), "news", actions=FAILS)

    assert await automate(hass, response_variable="receipt") == []
    assert f"{TOLD}Home (mapping): The actions stopped with an error: Nobody is there" in caplog.text


async def test_an_automation_that_continues_on_errors_goes_on(hass: HomeAssistant, add_bot: AddBot) -> None:
    """Without the receipt."""
    await add_stream(await add_bot(), "news", actions=FAILS)

    went_on = await automate(hass, response_variable="receipt", continue_on_error=True)

    assert went_on == [{"receipt": "none"}]


async def test_an_automation_goes_on_when_all_is_well(hass: HomeAssistant, add_bot: AddBot) -> None:
    """With the receipt, or without asking for it."""
    await add_stream(await add_bot(), "news", actions=[{"event": "x"}])
    assert await automate(hass, response_variable="receipt") == [{"receipt": 1}]


async def test_without_asking_for_the_receipt_a_failure_fails_as_well(hass: HomeAssistant, add_bot: AddBot) -> None:
    """And nothing is answered when all is well; by default, only the receipt tells it."""
    bot = await add_bot()
    bot.attach(Reader())
    data: dict[str, Any] = {"address": "news", "raise_on_failure": True}
    assert await hass.services.async_call(DOMAIN, "send", data, blocking=True) is None

    await add_stream(bot, "news", actions=FAILS)
    with pytest.raises(HomeAssistantError, match=re.escape(f"{TOLD}Home (mapping): ")):
        await hass.services.async_call(DOMAIN, "send", data, blocking=True)
    for default in ({"address": "news"}, {"address": "news", "raise_on_failure": False}):
        receipt = await hass.services.async_call(DOMAIN, "send", default, blocking=True, return_response=True)
        assert receipt is not None
        assert receipt["failed"]


async def test_what_is_done_in_part_has_failed(home: Home, add_bot: AddBot, send: Send, hass: HomeAssistant) -> None:
    """What was done stays done."""
    await add_bot()
    home["light.porch"].broken = "stuck"

    with pytest.raises(HomeAssistantError) as failed:
        await send("toggle_everything", {"on": True}, raise_on_failure=True)

    assert str(failed.value) == (
        "The message to toggle_everything failed at: Home (device): These could not be switched: light.porch: stuck"
    )
    assert not isinstance(failed.value, ServiceValidationError)
    assert is_on(hass, "light.kitchen")


async def test_a_refusal_by_the_fields_of_one_bot_is_a_failure(add_bot: AddBot, send: Send) -> None:
    """The other one has received the message."""
    home, garden = await add_bot("Home"), await add_bot("Garden")
    await add_stream(home, "news", fields=[row("times", "number", required=True)])
    await add_stream(garden, "news")
    reader = Reader()
    garden.attach(reader)

    with pytest.raises(HomeAssistantError, match=re.escape(f"{TOLD}Home (schema): The content does not fit news: ")):
        await send("news", raise_on_failure=True)

    assert len(reader.messages) == 1


async def test_that_nobody_received_it_is_no_failure(add_bot: AddBot, send: Send) -> None:
    """There is an option of its own for that, which goes first."""
    await add_bot()
    receipt = await send("nobody", raise_on_failure=True)
    assert receipt["failed"] == []
    with pytest.raises(ServiceValidationError, match="Nobody received the message"):
        await send("nobody", raise_on_failure=True, require_receiver=True)


async def test_what_is_still_at_work_is_no_failure(
    hass: HomeAssistant, add_bot: AddBot, send: Send, freezer: FrozenDateTimeFactory
) -> None:
    """Nobody knows yet what becomes of it."""
    bot = await add_bot()
    reader = Reader()
    bot.attach(reader)
    reader.free.clear()

    sending = hass.async_create_task(send("news", config_entry_id=bot.bot_id, raise_on_failure=True))
    await wait_over(hass, freezer)
    receipt = await sending
    reader.free.set()

    assert [delivery["receiver"] for delivery in receipt["running"]] == ["reader"]


async def test_many_and_long_failures_are_told_in_short(add_bot: AddBot, send: Send) -> None:
    """On one line; the receipt has all of it."""
    bot = await add_bot()
    for number in range(7):
        reader = Reader(called=f"reader {number}")
        reader.error = HomeAssistantError("\n" + "x" * 100_000)
        bot.attach(reader)

    with pytest.raises(HomeAssistantError) as failed:
        await send("news", config_entry_id=bot.bot_id, raise_on_failure=True)

    told = str(failed.value)
    assert told.startswith(f"{TOLD}Home (reader): \\nxxx")
    assert told.endswith("xxx; and 2 more")
    assert len(told) < 3000


async def test_nothing_is_told_that_the_receipt_would_not_tell(
    hass: HomeAssistant, home: Home, add_bot: AddBot, send: Send
) -> None:
    """Entities that a user may not see are not named, and who may not speak for a bot is told so."""
    bot = await add_bot()
    user = MockUser(name="Child").add_to_hass(hass)
    user.groups = [Group(name="Children", policy={"entities": {"entity_ids": {"light.porch": True}}})]
    child = Context(user_id=user.id)

    with pytest.raises(HomeAssistantError) as failed:
        await send("toggle_everything", {"on": True}, context=child, raise_on_failure=True)
    with pytest.raises(HomeAssistantError, match=re.escape("Home (rights): You may not speak for Home")):
        await send("news", config_entry_id=bot.bot_id, context=child, raise_on_failure=True)

    assert str(failed.value) == (
        "The message to toggle_everything failed at: Home (device): It failed for 2 of the entities"
    )


def test_a_failure_in_another_home_is_told_with_the_home() -> None:
    """Also that of the organization, and one without a reason."""
    mapping = {"bot": "Far", "config_entry_id": "1", "receiver": "mapping"}
    failed = [
        {**mapping, "bot": "Home", "error": "Stuck"},
        {**mapping, "bot": "Headquarters", "home": "organization", "error": "Busy"},
        {**mapping, "bot": "Villa", "home": "villa"},
        {**mapping, "bot": "Villa", "home": "villa", "receiver": "device"},
    ]
    assert failures_in({"failed": failed}) == [
        "Home (mapping): Stuck",
        "Headquarters in organization (mapping): Busy",
        "Villa in villa (mapping)",
        "Villa in villa (device)",
    ]
