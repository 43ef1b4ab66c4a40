"""Home Assistant's Activity page: what became of each message, in a sentence, as its recorder and logbook tell it."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import Context, HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers.recorder import get_instance
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import MockUser, async_capture_events, async_fire_time_changed
from pytest_homeassistant_custom_component.typing import WebSocketGenerator

from custom_components.datastream_bot.const import DOMAIN
from custom_components.datastream_bot.messaging.record import OUTCOMES
from custom_components.datastream_bot.messaging.router import DATA_ROUTER
from custom_components.datastream_bot.receipt_event import (
    EVENT_DATASTREAM_BOT_RECEIPT,
    MAX_CONTENT,
    MAX_ERROR,
    PER_SECOND,
    REFUSED_AGAIN_AFTER,
)

from .conftest import AddBot, Home, Send, SetPresence
from .days import everybody
from .doors import Client, open_webhook
from .home import Reader
from .messages import change_log, get_messages
from .streams import add_stream, row

type Activity = Callable[..., Awaitable[list[dict[str, Any]]]]


@pytest.fixture
async def activity(recorder_mock: Any, hass: HomeAssistant, hass_ws_client: WebSocketGenerator) -> Activity:
    """Return a function that returns what the page shows, of everything or of some devices and entities."""
    hass.config.components.add("frontend")
    assert await async_setup_component(hass, "logbook", {})
    began = datetime.now(UTC) - timedelta(minutes=1)

    async def shown(**of: list[str]) -> list[dict[str, Any]]:
        # Not before the bot is there: nothing can be added to what answers over HTTP then.
        client = await hass_ws_client()
        await hass.async_block_till_done(wait_background_tasks=True)
        await get_instance(hass).async_block_till_done()
        await client.send_json_auto_id({"type": "logbook/get_events", "start_time": began.isoformat(), **of})
        events: list[dict[str, Any]] = (await client.receive_json())["result"]
        return [event for event in events if event.get("domain") == DOMAIN]

    return shown


def sentences(events: list[dict[str, Any]]) -> list[str]:
    """Return what the page says of events."""
    return [f"{event['name']} {event['message']}" for event in events]


def receipts(hass: HomeAssistant) -> list[Any]:
    """Return the receipt events, as they come."""
    return async_capture_events(hass, EVENT_DATASTREAM_BOT_RECEIPT)


@pytest.mark.warns
async def test_activity_says_in_a_sentence_what_became_of_each_message(
    hass: HomeAssistant,
    activity: Activity,
    home: Home,
    persons: SetPresence,
    add_bot: AddBot,
    client: Client,
    send: Send,
) -> None:
    """From wherever it came."""
    bot = await add_bot("Demo")
    path = await open_webhook(bot)
    await add_stream(bot, "door_bell", fields=[row("times", "number", required=True), row("visitor")])
    await everybody(persons, "not_home")
    await everybody(persons, "home")
    await client.post(path, json={"address": "toggle_everything", "content": {"on": False}})
    await hass.services.async_call("button", "press", {"entity_id": "button.demo_turn_everything_on"}, blocking=True)
    home["light.kitchen"].broken = "Kitchen does not answer"
    await send("toggle_everything", {"on": False, "target": {"entity_id": "light.kitchen"}})
    await send("door_bell", {"times": 2, "visitor": "Bo"})
    await send("doorbel", {"times": 2})
    with pytest.raises(ServiceValidationError):
        await send("door_bell", {"tims": 2})

    events = await activity()

    failed = "These could not be switched: light.kitchen: Kitchen does not answer"
    faults = "tims is unknown, perhaps times is meant; times is missing, it must be a number"
    assert sentences(events) == [
        "Demo: everybody left: 3 turned off",
        "Demo: somebody returned: 3 turned on",
        "Demo: toggle everything (on: false) from the webhook: 3 switched",
        "Demo: toggle everything (on: true) by a button: 3 switched",
        f'Demo: toggle everything (on: false, target: {{"entity_id": "light.kitchen"}}) failed: {failed}',
        "Demo: door bell (times: 2, visitor: Bo): handled",
        "Data Stream Bot: doorbel (times: 2): no bot listens to it",
        f"Demo: door bell was refused: The content does not fit door_bell: {faults}",
    ]
    assert [event["icon"].removeprefix("mdi:message-") for event in events] == [
        *["check-outline"] * 4,
        "alert-outline",
        "check-outline",
        "question-outline",
        "off-outline",
    ]


async def test_activity_is_on_the_pages_of_the_bot_and_of_the_data_stream(
    hass: HomeAssistant, activity: Activity, add_bot: AddBot, send: Send
) -> None:
    """And not on those of others."""
    bot, other = await add_bot("Demo"), await add_bot("Other")
    stream, closed = await add_stream(bot, "news"), await add_stream(bot, "closed")
    await add_stream(other, "weather")
    await send("news", {"number": 1})
    await send("weather")
    devices = dr.async_get(hass)

    def device_of(stream_id: str) -> str:
        device = devices.async_get_device_by_identifier((DOMAIN, stream_id), bot.bot_id)
        assert device is not None
        return device.id

    on_bot = await activity(device_ids=[bot.device_id], entity_ids=["switch.demo_doors"])
    on_stream = await activity(device_ids=[device_of(stream.subentry_id)], entity_ids=["event.demo_news"])
    elsewhere = await activity(device_ids=[device_of(closed.subentry_id)], entity_ids=["event.demo_closed"])

    assert sentences(on_bot) == ["Demo: news (number: 1): handled"]
    assert sentences(on_stream) == sentences(on_bot)
    assert elsewhere == []


async def test_activity_names_the_user_and_the_automation_that_caused_a_message(
    hass: HomeAssistant, activity: Activity, home: Home, add_bot: AddBot, send: Send, hass_admin_user: MockUser
) -> None:
    """And not what the message did."""
    await add_bot("Demo")
    sending = {"action": "datastream_bot.send", "data": {"address": "toggle_everything", "content": {"on": True}}}
    config = {"alias": "Evening", "triggers": {"trigger": "event", "event_type": "evening"}, "actions": sending}
    assert await async_setup_component(hass, "automation", {"automation": config})
    await send("toggle_everything", {"on": False}, context=Context(user_id=hass_admin_user.id))
    hass.bus.async_fire("evening")

    by_user, by_automation = await activity()

    assert by_user["context_user_id"] == hass_admin_user.id
    assert by_user.get("context_service") in {None, "send"}
    assert (by_automation["context_event_type"], by_automation["context_name"]) == ("automation_triggered", "Evening")


async def test_activity_says_what_presence_was_without_the_content(
    hass: HomeAssistant, activity: Activity, home: Home, persons: SetPresence, add_bot: AddBot
) -> None:
    """Which is not kept where the user says so."""
    await change_log(await add_bot("Demo"), keep_content=False, content_in_diagnostics=False)
    await everybody(persons, "not_home")
    await everybody(persons, "home")
    # What else presence may cause one day.
    await hass.data[DATA_ROUTER].async_dispatch("news", {}, origin="presence")
    assert sentences(await activity()) == [
        "Demo: everybody left: 3 turned off",
        "Demo: somebody returned: 3 turned on",
        "Data Stream Bot: news: no bot listens to it",
    ]


async def test_activity_has_a_sentence_for_every_outcome(
    hass: HomeAssistant, activity: Activity, add_bot: AddBot, send: Send
) -> None:
    """Also for `running`, which another home may answer."""
    await add_bot("Demo")
    fired = receipts(hass)
    await send("news")
    for outcome in OUTCOMES:
        hass.bus.async_fire(EVENT_DATASTREAM_BOT_RECEIPT, {**fired[0].data, "outcome": outcome})
    told = await activity()
    assert sentences(told[1:]) == [
        f"Data Stream Bot: news{result}"
        for result in (": handled", " failed", ": running", ": pending", " was refused", ": no bot listens to it")
    ]
    assert all(event["icon"] for event in told)


async def test_internal_messages_are_told_as_well(hass: HomeAssistant, activity: Activity, add_bot: AddBot) -> None:
    """And who sent what others received."""
    bot, other = await add_bot("Demo"), await add_bot("Other")
    await add_stream(bot, "notes", external=False)
    await add_stream(other, "news")
    await bot.async_distribute_datastream_message("notes", {}, external=False)
    await bot.async_distribute_datastream_message("news", {})
    await bot.async_distribute_datastream_message("nothing", {})
    told = sentences(await activity())
    assert told == [
        "Demo: notes: handled",
        "Other: news from Demo: handled",
        "Demo: nothing: no bot listens to it",
    ]
    assert not any("datastream_bot_message" in sentence for sentence in told)


async def test_a_message_to_many_bots_names_some(
    hass: HomeAssistant, activity: Activity, add_bot: AddBot, send: Send
) -> None:
    """And a bot that is gone is told as such."""
    bots = [await add_bot(f"Bot {number}") for number in range(5)]
    for bot in bots:
        await add_stream(bot, "news")
    await send("news", {"text": "x" * 500, "\u202eeven": "\n"})
    await hass.config_entries.async_remove(bots[0].bot_id)
    (told,) = sentences(await activity())
    assert told.startswith("a bot that was removed, Bot 1, Bot 2, 2 more: news (text: xxx")
    assert told.endswith("x…): handled")


async def test_the_event_of_a_message_tells_little(hass: HomeAssistant, add_bot: AddBot, send: Send) -> None:
    """It is for the recorder."""
    bot = await add_bot("Demo")
    await add_stream(bot, "news")
    fired = receipts(hass)
    receipt = await send("news", {"text": "é" * 500, "hidden\u202e": "\n"})
    (event,) = fired
    assert event.data == {
        "id": receipt["message_id"],
        "address": "news",
        "outcome": "handled",
        "origin": "action",
        "sender": None,
        "home": None,
        "bots": [bot.bot_id],
        "counts": {},
        "elsewhere": {},
        "device_id": bot.device_id,
        "entity_id": "event.demo_news",
        "content": f"text: {'é' * 193}…",
    }
    assert len(event.data["content"]) == MAX_CONTENT
    await send("news", {"hidden\u202e": "\n"})
    assert fired[1].data["content"] == "hidden\\u202e: \\n"
    dr.async_get(hass).async_remove_device(bot.device_id)
    await send("news")
    assert "device_id" not in fired[2].data


@pytest.mark.warns
async def test_the_event_keeps_to_what_may_be_kept_of_the_content(
    hass: HomeAssistant, add_bot: AddBot, send: Send
) -> None:
    """Which is nothing where the user says so."""
    bot = await add_bot("Demo")
    await change_log(bot, keep_content=False, content_in_diagnostics=False)
    fired = receipts(hass)
    await send("send_push_notification", {"message": "hunter2"})
    with pytest.raises(ServiceValidationError):
        await send("send_push_notification", {"hunter2": "hunter2"})
    assert [event.data["outcome"] for event in fired] == ["handled", "refused"]
    assert "hunter2" not in repr([event.data for event in fired])


@pytest.mark.warns
async def test_a_message_is_told_when_it_is_over_and_once(
    hass: HomeAssistant, activity: Activity, add_bot: AddBot
) -> None:
    """Not when it begins."""
    bot = await add_bot("Demo")
    readers = [Reader(), Reader()]
    for reader in readers:
        reader.free.clear()
        reader.error = HomeAssistantError("x" * 1000)
        bot.attach(reader)
    fired = receipts(hass)
    await bot.async_dispatch("news", {})
    assert fired == []
    readers[0].free.set()
    await asyncio.sleep(0.01)
    assert fired == []
    readers[1].free.set()
    await hass.async_block_till_done()
    assert [event.data["outcome"] for event in fired] == ["failed"]
    assert len(fired[0].data["error"]) == MAX_ERROR
    (told,) = sentences(await activity())
    assert told.startswith("Demo: news failed: xxx")


async def test_of_very_many_messages_most_are_only_counted(
    hass: HomeAssistant, activity: Activity, add_bot: AddBot, send: Send, freezer: FrozenDateTimeFactory
) -> None:
    """In one event a second."""
    await add_bot("Demo")
    fired = receipts(hass)
    clock = stopped_clock(hass)
    for number in range(500):
        await send("news", {"number": number})
    assert len(fired) == PER_SECOND - 1
    freezer.tick(60)
    async_fire_time_changed(hass)
    await hass.async_block_till_done()
    assert len(fired) == PER_SECOND
    assert fired[-1].data == {"more": 500 - PER_SECOND + 1}
    clock.append(2.0)
    for number in range(PER_SECOND):
        await send("news", {"number": number})
    assert len(fired) == 2 * PER_SECOND - 1
    freezer.tick(60)
    async_fire_time_changed(hass)
    freezer.tick(1)

    told = sentences(await activity())

    assert told[PER_SECOND - 1] == f"Data Stream Bot: {500 - PER_SECOND + 1} more messages at the same time"
    assert told[-1] == "Data Stream Bot: 1 more message at the same time"


async def test_a_flood_of_refusals_is_told_once_a_minute(
    hass: HomeAssistant, activity: Activity, add_bot: AddBot, send: Send
) -> None:
    """With how many there were."""
    await add_bot("Demo")
    clock = stopped_clock(hass)

    async def flood() -> None:
        for _ in range(50):
            with pytest.raises(ServiceValidationError):
                await send("no address")

    await flood()
    clock.append(REFUSED_AGAIN_AFTER + 1)
    await flood()

    first, second = sentences(await activity())
    assert first.startswith("Data Stream Bot: a message was refused: 'no address' is not an address")
    assert second.startswith("Data Stream Bot: a message was refused 51 times: ")


@pytest.mark.warns
async def test_an_automation_that_answers_receipts_comes_to_an_end(
    hass: HomeAssistant, add_bot: AddBot, send: Send
) -> None:
    """What a receipt triggers counts as caused by its message."""
    await add_bot("Demo")
    fired = receipts(hass)
    sending = {"action": "datastream_bot.send", "data": {"address": "news"}}
    triggers = {"trigger": "event", "event_type": EVENT_DATASTREAM_BOT_RECEIPT}
    config = {"alias": "Endless", "mode": "parallel", "triggers": triggers, "actions": sending}
    assert await async_setup_component(hass, "automation", {"automation": config})
    await hass.async_block_till_done()
    await send("news")
    for _ in range(20):
        await hass.async_block_till_done()
    assert max(message["hops"] for message in await get_messages(hass, outcome="unheard")) == 8
    assert len(fired) < 20


@pytest.mark.warns
async def test_a_listener_that_fails_keeps_nothing_from_anybody(
    hass: HomeAssistant, add_bot: AddBot, send: Send, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither the sender from the receipt, nor other listeners from being told."""
    await add_bot("Demo")

    def fail(_: object) -> None:
        raise RuntimeError("listener")

    hass.data[DATA_ROUTER].log.connect(fail)
    assert (await send("news"))["failed"] == []
    assert "A listener of the message log failed on a message to news" in caplog.text


def stopped_clock(hass: HomeAssistant) -> list[float]:
    """Stop the clock that events are counted by, and return by how much it is set forward, in steps."""
    steps = [hass.loop.time()]
    (tell,) = hass.data[DATA_ROUTER].log._listeners
    tell.__self__._now = lambda: sum(steps)  # type: ignore[attr-defined]
    return steps
