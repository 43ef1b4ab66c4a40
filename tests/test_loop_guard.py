"""Messages that cause messages: followed through automations and scripts, and stopped before they go on for ever."""

import asyncio
from http import HTTPStatus
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import Context, HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import issue_registry as ir
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.common import async_capture_events
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.datastream_bot.bot import Bot
from custom_components.datastream_bot.const import DOMAIN
from custom_components.datastream_bot.messaging.loop_guard import MAX_MESSAGES, MAX_REMEMBERED

from .conftest import AddBot, Home, Send


def automation(name: str, listens_to: str, *actions: dict[str, Any]) -> dict[str, Any]:
    """Return an automation that listens to an address."""
    return {
        "alias": name,
        "mode": "parallel",
        "triggers": {"trigger": "event", "event_type": "datastream_bot_message", "event_data": {"address": listens_to}},
        "actions": list(actions),
    }


def sends(address: str) -> dict[str, Any]:
    """Return the action that sends a message from outside."""
    return {"action": "datastream_bot.send", "data": {"address": address}}


async def after_eight_messages(hass: HomeAssistant, bot: Bot) -> Context:
    """Return the context of a message that eight others led to."""
    events = async_capture_events(hass, "datastream_bot_message")
    context = Context()
    for _ in range(9):
        await bot.async_distribute_datastream_message("other", {}, context=context)
        context = events[-1].context
    return context


async def settle(hass: HomeAssistant) -> None:
    """Let all automations come to an end."""
    for _ in range(20):
        await hass.async_block_till_done()
        await asyncio.sleep(0)


@pytest.mark.warns
async def test_two_automations_that_answer_each_other_come_to_an_end(
    hass: HomeAssistant,
    add_bot: AddBot,
    send: Send,
    caplog: pytest.LogCaptureFixture,
    issue_registry: ir.IssueRegistry,
) -> None:
    """After 8 hops the next message is refused, once in the log, and a repair issue names the address."""
    await add_bot()
    events = async_capture_events(hass, "datastream_bot_message")
    config = [automation("Ping", "ping", sends("pong")), automation("Pong", "pong", sends("ping"))]
    assert await async_setup_component(hass, "automation", {"automation": config})

    await send("ping")
    await settle(hass)

    assert [(event.data["address"], event.data["hops"]) for event in events] == [
        ("ping" if hops % 2 == 0 else "pong", hops) for hops in range(9)
    ]
    refusals = [record for record in caplog.records if record.name.endswith("messaging.loop_guard")]
    assert [record.getMessage() for record in refusals] == [
        (
            "A message to pong was refused, as messages lead to each other without end; "
            "look for automations that answer each other"
        )
    ]
    issue = issue_registry.async_get_issue(DOMAIN, "endless_pong")
    assert issue is not None
    assert issue.translation_placeholders == {"address": "pong"}

    await send("ping")
    await settle(hass)
    assert len(events) == 18
    assert len([record for record in caplog.records if record.name.endswith("messaging.loop_guard")]) == 1


@pytest.mark.warns
@pytest.mark.parametrize(
    "between",
    [
        pytest.param({"action": "script.relay"}, id="a script"),
        pytest.param({"action": "script.turn_on", "target": {"entity_id": "script.relay"}}, id="a script of its own"),
        pytest.param({"event": "relay"}, id="an event"),
        pytest.param({"action": "light.toggle", "target": {"entity_id": "light.porch"}}, id="a light"),
    ],
)
async def test_hops_are_counted_through_what_stands_between_two_messages(
    hass: HomeAssistant, add_bot: AddBot, home: Home, send: Send, between: dict[str, Any]
) -> None:
    """A chain that leads through scripts, events or states comes to an end as well."""
    await add_bot()
    events = async_capture_events(hass, "datastream_bot_message")
    by_event = {"trigger": "event", "event_type": "relay"}
    by_light = {"trigger": "state", "entity_id": "light.porch"}
    relays = [
        {"alias": name, "mode": "parallel", "triggers": trigger, "actions": sends("ping")}
        for name, trigger in (("By event", by_event), ("By light", by_light))
    ]
    relay = {"mode": "parallel", "sequence": {**sends("ping"), "continue_on_error": True}}
    assert await async_setup_component(hass, "script", {"script": {"relay": relay}})
    assert await async_setup_component(
        hass, "automation", {"automation": [automation("Ping", "ping", between), *relays]}
    )

    await send("ping")
    await settle(hass)

    assert [event.data["hops"] for event in events] == list(range(9))


async def test_a_script_may_send_as_often_as_it_likes(hass: HomeAssistant, add_bot: AddBot) -> None:
    """Messages that one script sends one after the other do not lead to each other."""
    await add_bot()
    events = async_capture_events(hass, "datastream_bot_message")
    sequence = [{"repeat": {"count": 20, "sequence": sends("news")}}]
    assert await async_setup_component(hass, "script", {"script": {"often": {"sequence": sequence}}})

    await hass.services.async_call("script", "often", blocking=True)

    assert [event.data["hops"] for event in events] == [0] * 20


@pytest.mark.warns
async def test_the_repair_issue_goes_when_the_user_says_that_it_is_mended(
    hass: HomeAssistant,
    add_bot: AddBot,
    hass_client: ClientSessionGenerator,
    issue_registry: ir.IssueRegistry,
) -> None:
    """And it comes back when it was not."""
    assert await async_setup_component(hass, "repairs", {})
    bot = await add_bot()
    context = await after_eight_messages(hass, bot)

    async def one_too_many() -> None:
        with pytest.raises(HomeAssistantError, match="more than 8 messages led to it"):
            await bot.async_distribute_datastream_message("news", {}, context=context)

    await one_too_many()
    client = await hass_client()
    flow = await client.post("/api/repairs/issues/fix", json={"handler": DOMAIN, "issue_id": "endless_news"})
    assert flow.status == HTTPStatus.OK
    step = await client.post(f"/api/repairs/issues/fix/{(await flow.json())['flow_id']}", json={})
    assert (await step.json())["type"] == "create_entry"
    assert issue_registry.async_get_issue(DOMAIN, "endless_news") is None

    await one_too_many()
    assert issue_registry.async_get_issue(DOMAIN, "endless_news") is not None


@pytest.mark.warns
async def test_the_repair_issue_comes_back_after_a_restart(
    hass: HomeAssistant, add_bot: AddBot, issue_registry: ir.IssueRegistry
) -> None:
    """Home Assistant remembers the issues of the time before, but does not show them."""
    bot = await add_bot()
    context = await after_eight_messages(hass, bot)
    issue_registry.issues[DOMAIN, "endless_news"] = ir.IssueEntry(
        active=False,
        breaks_in_ha_version=None,
        created=dt_util.utcnow(),
        data=None,
        dismissed_version=None,
        domain=DOMAIN,
        is_fixable=None,
        is_persistent=False,
        issue_domain=None,
        issue_id="endless_news",
        learn_more_url=None,
        severity=None,
        translation_key=None,
        translation_placeholders=None,
    )

    with pytest.raises(HomeAssistantError):
        await bot.async_distribute_datastream_message("news", {}, context=context)

    issue = issue_registry.async_get_issue(DOMAIN, "endless_news")
    assert issue is not None
    assert issue.active


@pytest.mark.slow
@pytest.mark.warns
@pytest.mark.usefixtures("no_stack_traces")
async def test_an_automation_that_answers_itself_many_times_over_comes_to_an_end(
    hass: HomeAssistant, add_bot: AddBot, send: Send
) -> None:
    """However fast its messages multiply, only so many come of one."""
    await add_bot()
    events = async_capture_events(hass, "datastream_bot_message")
    thrice = {"repeat": {"count": 3, "sequence": {**sends("ping"), "continue_on_error": True}}}
    config = {**automation("Ping", "ping", thrice), "max": 10_000}
    assert await async_setup_component(hass, "automation", {"automation": config})

    await send("ping")
    await settle(hass)
    assert 900 < len(events) <= MAX_MESSAGES

    events.clear()
    await send("other")
    assert [event.data["hops"] for event in events] == [0]


async def test_only_so_many_contexts_are_remembered(add_bot: AddBot) -> None:
    """The oldest are forgotten, and what they cause starts a chain of its own."""
    bot = await add_bot()
    messages = [(await bot.async_dispatch("news", {})).message for _ in range(MAX_REMEMBERED + 1)]

    follow_up = await bot.async_dispatch("news", {}, context=messages[MAX_MESSAGES].context)
    assert follow_up.message.envelope.hops == 1
    follow_up = await bot.async_dispatch("news", {}, context=messages[0].context)
    assert follow_up.message.envelope.hops == 0


@pytest.mark.warns
async def test_what_goes_on_slowly_is_not_endless(add_bot: AddBot, freezer: FrozenDateTimeFactory) -> None:
    """Such as one message an hour, each because of the last."""
    bot = await add_bot()
    context = Context()

    for _ in range(12):
        freezer.tick(61)
        context = (await bot.async_dispatch("news", {}, context=context)).message.context

    for _ in range(8):
        freezer.tick(59)
        context = (await bot.async_dispatch("news", {}, context=context)).message.context
    with pytest.raises(HomeAssistantError, match="more than 8 messages"):
        await bot.async_dispatch("news", {}, context=context)


@pytest.mark.warns
async def test_of_one_message_no_more_come_than_a_thousand(add_bot: AddBot) -> None:
    """Itself included."""
    bot = await add_bot()
    context = (await bot.async_dispatch("news", {})).message.context

    for _ in range(MAX_MESSAGES - 1):
        await bot.async_dispatch("news", {}, context=context)

    with pytest.raises(HomeAssistantError, match="more than 1000 messages"):
        await bot.async_dispatch("news", {}, context=context)
