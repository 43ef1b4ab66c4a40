"""Microservices that other integrations add to bots, and what theirs may do wrong without harm to others."""

import asyncio
from collections.abc import Iterator
import importlib
from itertools import count
import logging
from pathlib import Path
import sys
from typing import Any, Final, Protocol

from freezegun.api import FrozenDateTimeFactory
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import Context, HomeAssistant
from homeassistant.exceptions import ServiceValidationError
from homeassistant.loader import DATA_CUSTOM_COMPONENTS
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.typing import WebSocketGenerator

import custom_components
from custom_components.datastream_bot.bot import Bot
from custom_components.datastream_bot.other_integrations import MAX_WAIT
from custom_components.datastream_bot.other_integrations.guard import MAX_WORKING
from custom_components.datastream_bot.other_integrations.watchdog import LOOKS_EVERY

from .conftest import AddBot, Send
from .days import wait_over
from .home import Reader, diagnostics_of, ticks
from .other_integrations import DOORBELL, RETURNS_CLERK, clerk, copy_integration
from .streams import add_stream

WAIT: Final = f"Event().wait({2 * LOOKS_EVERY} + 0.1)"
"""Code that holds up the event loop until the watchdog has looked twice."""


class Install(Protocol):
    """Puts another integration where Home Assistant finds it."""

    def __call__(self, domain: str, code: str | None = None) -> None:
        """Install an integration whose `datastream_bot.py` is this code, or the example."""


@pytest.fixture
def install(hass: HomeAssistant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Return a function that installs other integrations, which are gone after the test."""
    monkeypatch.setattr(custom_components, "__path__", [*custom_components.__path__, str(tmp_path)])

    def install_one(domain: str, code: str | None = None) -> None:
        copy_integration(tmp_path, domain, code)
        importlib.invalidate_caches()
        hass.data.pop(DATA_CUSTOM_COMPONENTS, None)

    yield install_one
    for folder in tmp_path.iterdir():
        name = f"custom_components.{folder.name}"
        for module in [each for each in sys.modules if each == name or each.startswith(f"{name}.")]:
            del sys.modules[module]


async def set_up(hass: HomeAssistant, *domains: str) -> None:
    """Set up other integrations, and wait until all of their code was imported."""
    for domain in domains:
        assert await async_setup_component(hass, domain, {})
    await hass.async_block_till_done()
    for _ in range(3):
        await hass.async_add_import_executor_job(int)
        await ticks()


def logged(caplog: pytest.LogCaptureFixture, *words: str) -> list[str]:
    """Return what the log warns of with all of these words."""
    messages = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    return [message for message in messages if all(word in message for word in words)]


async def receivers(bot: Bot, address: str, content: object = None) -> list[tuple[str, str]]:
    """Return who received a message within a bot, and what became of it."""
    receipt = await bot.async_distribute_datastream_message(address, content, external=False)
    return [(delivery.receiver, delivery.outcome.value) for delivery in receipt.deliveries]


@pytest.mark.parametrize("is_first", [True, False], ids=["before the bot", "after the bot"])
async def test_the_doorbell_adds_a_microservice_to_each_bot(
    hass: HomeAssistant, add_bot: AddBot, install: Install, notifications: list[dict[str, Any]], is_first: bool
) -> None:
    """Whichever is set up first. What it sends is sent by the bot, because of the message that it answers."""
    install(DOORBELL)
    if is_first:
        await set_up(hass, DOORBELL)
    bot, garden = await add_bot("Home"), await add_bot("Garden")
    await set_up(hass, DOORBELL)

    for one in (bot, garden):
        receipt = await one.async_distribute_datastream_message("doorbell", {"visitor": "Anna"}, external=False)
        (delivery,) = receipt.deliveries
        assert (delivery.receiver, delivery.result) == ("doorbell_demo.doorbell", {"notified": True})

    assert {shown["message"] for shown in notifications} == {"Anna is at the door"}


async def test_what_a_microservice_sends_is_counted_with_the_message_that_it_answers(
    hass: HomeAssistant, add_bot: AddBot, install: Install, send: Send
) -> None:
    """So that answers that lead to answers come to an end."""
    install(DOORBELL)
    bot = await add_bot("Home")
    await set_up(hass, DOORBELL)

    await send("doorbell", {"visitor": "Anna"}, config_entry_id=bot.bot_id)
    messages: Any = await hass.services.async_call(
        "datastream_bot", "get_messages", {}, blocking=True, return_response=True
    )

    assert [(each["address"], each["hops"]) for each in messages["messages"]] == [
        ("doorbell", 0),
        ("send_push_notification", 1),
    ]


async def test_a_microservice_leaves_with_its_bot_and_comes_back_with_it_once(
    hass: HomeAssistant, add_bot: AddBot, install: Install
) -> None:
    """However often that is loaded anew; other bots keep theirs."""
    install(DOORBELL)
    await set_up(hass, DOORBELL)
    bot, garden = await add_bot("Home"), await add_bot("Garden")

    for _ in range(2):
        await hass.config_entries.async_reload(bot.bot_id)
    loaded = bot.entry.runtime_data
    assert await receivers(loaded, "doorbell", {"visitor": "Anna"}) == [("doorbell_demo.doorbell", "handled")]
    await hass.config_entries.async_unload(bot.bot_id)

    assert loaded.microservices == []
    assert await receivers(garden, "doorbell", {"visitor": "Anna"}) == [("doorbell_demo.doorbell", "handled")]
    await hass.config_entries.async_unload(garden.bot_id)
    assert await hass.config_entries.async_setup(garden.bot_id)
    assert await receivers(garden.entry.runtime_data, "doorbell", {"visitor": "Anna"}) == [
        ("doorbell_demo.doorbell", "handled")
    ]


async def test_it_is_listed_on_the_page_and_in_the_diagnostics(
    hass: HomeAssistant, add_bot: AddBot, install: Install, hass_ws_client: WebSocketGenerator
) -> None:
    """With the integration that it is of."""
    install(DOORBELL)
    bot = await add_bot("Home")
    await set_up(hass, DOORBELL)
    page = await hass_ws_client(hass)

    await page.send_json_auto_id({"type": "datastream_bot/bots"})
    (shown,) = (await page.receive_json())["result"]
    await page.send_json_auto_id({"type": "datastream_bot/addresses"})
    (address,) = [each for each in (await page.receive_json())["result"] if each["address"] == "doorbell"]

    assert shown["microservices"][-1] == {"name": "doorbell_demo.doorbell", "addresses": ["doorbell"]}
    assert address["bots"][0]["receivers"] == ["doorbell_demo.doorbell"]
    assert (await diagnostics_of(bot))["microservices"][-1] == {
        "name": "doorbell_demo.doorbell",
        "addresses": ["doorbell"],
        "integration": DOORBELL,
        "diagnostics": {},
    }


async def test_another_integration_gets_of_a_bot_what_is_its_business(
    hass: HomeAssistant, add_bot: AddBot, install: Install
) -> None:
    """Its id, its name, also when that changes, and a way to send; and that only while the bot is loaded."""
    install("other", clerk("return None"))
    await set_up(hass, "other")
    bot = await add_bot("Home")
    host = hass.data["hosts"][0]

    assert {name for name in dir(host) if not name.startswith("_")} == {"bot_id", "name", "async_send"}
    assert (host.bot_id, host.name) == (bot.bot_id, "Home")
    hass.config_entries.async_update_entry(bot.entry, title="House")
    assert host.name == "House"
    assert [delivery.receiver for delivery in (await host.async_send("news")).deliveries] == ["other.clerk"]
    await hass.config_entries.async_reload(bot.bot_id)
    with pytest.raises(ServiceValidationError, match="not running"):
        await host.async_send("news")
    assert len(hass.data["hosts"]) == 2


@pytest.mark.warns
@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("raise ValueError('out of paper')", "out of paper"),
        ("from custom_components.datastream_bot.messaging import Nothing", "cannot import name 'Nothing'"),
        ("import no_such_module", "No module named 'no_such_module'"),
    ],
    ids=["raises", "imports what is not there", "imports a module that is not there"],
)
@pytest.mark.parametrize("is_first", [True, False], ids=["before the bot", "after the bot"])
async def test_one_that_cannot_be_imported_costs_nothing_but_itself(
    hass: HomeAssistant,
    add_bot: AddBot,
    install: Install,
    caplog: pytest.LogCaptureFixture,
    code: str,
    told: str,
    is_first: bool,
) -> None:
    """The log says once which integration it is, and why."""
    install("broken", code)
    install(DOORBELL)
    if is_first:
        await set_up(hass, "broken", DOORBELL)
    bot = await add_bot("Home")
    await set_up(hass, "broken", DOORBELL)

    assert await receivers(bot, "doorbell", {"visitor": "Anna"}) == [("doorbell_demo.doorbell", "handled")]
    assert len(logged(caplog, "The microservices of broken cannot be imported", told)) == 1


@pytest.mark.warns
@pytest.mark.parametrize(
    "code",
    [
        "",
        "async def async_get_microservices(hass, host):\n    raise ValueError('out of paper')",
        "async def async_get_microservices(hass, host):\n    return 5",
        "async def async_get_microservices(hass, host):\n    return [object()]",
        "def async_get_microservices(hass, host):\n    return []",
        f"class Clerk(Microservice):\n    pass\n{RETURNS_CLERK}",
        clerk("return None", "addresses = ['no address']"),
        clerk("return None", fields="'no field',"),
        clerk("return None", "order = 'first'"),
    ],
    ids=[
        "has no function",
        "raises",
        "returns a number",
        "returns something else",
        "does not wait",
        "has no name",
        "has no valid address",
        "has no valid field",
        "has no valid order",
    ],
)
async def test_one_that_fails_on_set_up_costs_nothing_but_itself(
    hass: HomeAssistant, add_bot: AddBot, install: Install, caplog: pytest.LogCaptureFixture, code: str
) -> None:
    """The log says once for each bot which integration it is, and why."""
    install("broken", code)
    install(DOORBELL)
    await set_up(hass, "broken", DOORBELL)

    bot = await add_bot("Home")

    assert await receivers(bot, "doorbell", {"visitor": "Anna"}) == [("doorbell_demo.doorbell", "handled")]
    assert await receivers(bot, "news") == []
    assert logged(caplog, "broken failed to add its microservices to Home") != []


@pytest.mark.warns
async def test_a_bot_does_not_wait_for_one_that_never_returns_on_set_up(
    hass: HomeAssistant,
    add_bot: AddBot,
    install: Install,
    freezer: FrozenDateTimeFactory,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The log names it after ten seconds."""
    install("stuck", "async def async_get_microservices(hass, host):\n    await asyncio.Event().wait()")
    install(DOORBELL)
    await set_up(hass, "stuck", DOORBELL)

    bot = await add_bot("Home")
    assert await receivers(bot, "doorbell", {"visitor": "Anna"}) == [("doorbell_demo.doorbell", "handled")]
    assert logged(caplog, "stuck failed") == []
    assert MAX_WAIT == 10
    await wait_over(hass, freezer)

    assert len(logged(caplog, "stuck failed to add its microservices to Home")) == 1


async def test_a_bot_that_goes_does_not_wait_for_one_that_cannot_be_cancelled(
    hass: HomeAssistant, add_bot: AddBot, install: Install
) -> None:
    """What it returns in the end comes too late for that bot."""
    free = hass.data["free"] = asyncio.Event()
    code = """
class Clerk(Microservice):
    name = "clerk"

    @datastream("news")
    async def read(self, message):
        pass

async def async_get_microservices(hass, host):
    try:
        await hass.data["free"].wait()
    except asyncio.CancelledError:
        await hass.data["free"].wait()
    return [Clerk()]
"""
    install("stuck", code)
    await set_up(hass, "stuck")
    bot = await add_bot("Home")

    async with asyncio.timeout(5):
        await hass.config_entries.async_unload(bot.bot_id)
    free.set()
    await ticks()
    assert bot.microservices == []

    assert await hass.config_entries.async_setup(bot.bot_id)
    assert await receivers(bot.entry.runtime_data, "news") == [("stuck.clerk", "handled")]


@pytest.mark.warns
@pytest.mark.parametrize(
    ("handler", "error"),
    [
        ("raise ValueError('out of paper')", "ValueError: out of paper"),
        ("raise HomeAssistantError('out of paper')", "out of paper"),
        ("return ['read']", "What came of it is nothing that JSON can carry: list instead of a mapping"),
        ("raise SystemExit('out of paper')", "RuntimeError: SystemExit('out of paper')"),
        ("return {'read': object()}", "What came of it is nothing that JSON can carry"),
    ],
)
async def test_one_that_fails_on_every_message_costs_nothing_but_itself(
    hass: HomeAssistant, add_bot: AddBot, install: Install, caplog: pytest.LogCaptureFixture, handler: str, error: str
) -> None:
    """The receipt says so, and the log names it once."""
    install("broken", clerk(handler))
    await set_up(hass, "broken")
    bot, reader = await add_bot("Home"), Reader()
    bot.attach(reader)

    for number in range(5):
        receipt = await bot.async_distribute_datastream_message("news", {"number": number}, external=False)
        told = receipt.as_dict()
        assert [(each["receiver"], each["error"][: len(error)]) for each in told["failed"]] == [("broken.clerk", error)]
        assert [each["receiver"] for each in told["handled"]] == ["reader"]

    assert reader.finished == [*range(5)]
    assert len(logged(caplog, "broken.clerk of Home failed on a message to news")) == 1


@pytest.mark.warns
async def test_one_that_never_returns_from_a_message_takes_no_more_of_them_in_the_end(
    hass: HomeAssistant, add_bot: AddBot, install: Install, freezer: FrozenDateTimeFactory
) -> None:
    """So that it cannot take up all that a door or another home may have at work; others are served."""
    install("stuck", clerk("await asyncio.Event().wait()"))
    await set_up(hass, "stuck")
    bot, reader = await add_bot("Home"), Reader()
    bot.attach(reader)

    sending = [
        hass.async_create_task(bot.async_distribute_datastream_message("news", {"number": number}, external=False))
        for number in range(MAX_WORKING + 2)
    ]
    await wait_over(hass, freezer)
    deliveries = [(await each).deliveries for each in sending]

    assert reader.finished == [*range(MAX_WORKING + 2)]
    assert [each.outcome.value for each, _ in deliveries] == ["running"] * MAX_WORKING + ["failed"] * 2
    refusal = f"It is still at work for {MAX_WORKING} messages, and takes no more until some are done"
    assert deliveries[-1][0].error == refusal


@pytest.mark.warns
async def test_one_that_holds_up_home_assistant_is_named_in_the_log(
    hass: HomeAssistant, add_bot: AddBot, install: Install, caplog: pytest.LogCaptureFixture
) -> None:
    """Once, and while it does: it cannot be stopped, and may never come to an end."""
    install("greedy", clerk(WAIT))
    await set_up(hass, "greedy")
    bot = await add_bot("Home")

    for _ in range(2):
        assert await receivers(bot, "news") == [("greedy.clerk", "handled")]

    assert len(logged(caplog, "greedy.clerk holds up all of Home Assistant")) == 1


@pytest.mark.warns
async def test_one_that_holds_up_home_assistant_on_set_up_is_named_in_the_log(
    hass: HomeAssistant, add_bot: AddBot, install: Install, caplog: pytest.LogCaptureFixture
) -> None:
    """It is only asked for its microservices."""
    code = f"async def async_get_microservices(hass, host):\n    {WAIT}\n    return []"
    install("greedy", code)
    await set_up(hass, "greedy")

    await add_bot("Home")

    assert len(logged(caplog, "greedy holds up all of Home Assistant")) == 1


async def test_a_microservice_may_wait_and_give_up(hass: HomeAssistant, add_bot: AddBot, install: Install) -> None:
    """As anywhere else."""
    handler = """
        await asyncio.sleep(0)
        try:
            async with asyncio.timeout(0.01):
                await asyncio.Event().wait()
        except TimeoutError:
            return {"gave_up": True}
"""
    install("patient", clerk(handler.strip()))
    await set_up(hass, "patient")
    bot = await add_bot("Home")

    receipt = await bot.async_distribute_datastream_message("news", {}, external=False)

    assert [delivery.result for delivery in receipt.deliveries] == [{"gave_up": True}]


@pytest.mark.parametrize(
    ("more", "would"),
    [
        ("", {"would": None}),
        ("async def async_preview(self, message): return {'would_read': 1}", {"would": {"would_read": 1}}),
        ("async def async_preview(self, message): await asyncio.Event().wait()", {"error": "TimeoutError: "}),
    ],
    ids=["says nothing", "says what", "never returns"],
)
async def test_a_dry_run_asks_them_as_well(
    hass: HomeAssistant,
    add_bot: AddBot,
    install: Install,
    freezer: FrozenDateTimeFactory,
    router: Any,
    more: str,
    would: dict[str, Any],
) -> None:
    """And does not wait for ever."""
    install("other", clerk("return None", more))
    await set_up(hass, "other")
    bot = await add_bot("Home")

    asking = hass.async_create_task(
        router().async_preview("news", {}, origin="action", context=Context(), sender=bot.bot_id, external=False)
    )
    await wait_over(hass, freezer)

    assert await asking == [{"bot": "Home", "config_entry_id": bot.bot_id, "receiver": "other.clerk", **would}]


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("raise ValueError('out of paper')", {"error": "ValueError: out of paper"}),
        ("raise SystemExit('out of paper')", {"error": "RuntimeError: SystemExit('out of paper')"}),
        ("told = {}; told['self'] = told; return told", {"error": "TypeError: Recursion limit reached"}),
        ("return {'large': 'a' * 20000}", {"error": "ValueError: 20012 bytes, more than 16384"}),
        ("return {'name': 'device'}", {"name": "device"}),
        ("return {'numbers': {1}}", {"numbers": [1]}),
    ],
    ids=["raises", "ends Home Assistant", "holds itself", "is too large", "takes the name of another", "is no JSON"],
)
async def test_what_one_tells_of_itself_does_not_spoil_the_diagnostics(
    hass: HomeAssistant, add_bot: AddBot, install: Install, code: str, told: dict[str, Any]
) -> None:
    """It stands there as JSON, or why it does not."""
    install("other", clerk("return None", f"def diagnostics(self): {code}"))
    await set_up(hass, "other")
    bot = await add_bot("Home")

    shown = {each["name"]: each for each in (await diagnostics_of(bot))["microservices"]}

    assert shown["other.clerk"]["diagnostics"] == told
    assert {"location", "device"} < shown.keys()


@pytest.mark.warns
@pytest.mark.parametrize(
    ("who", "code"),
    [
        ("greedy.clerk", clerk("return None", f"def diagnostics(self): return {{'is': {WAIT}}}")),
        ("greedy", f"def async_get_microservices(hass, host):\n    {WAIT}\n    return asyncio.sleep(0, [])"),
        ("greedy", clerk("return None", f"order = property(lambda self: int({WAIT}))")),
    ],
    ids=["in its diagnostics", "before it waits on set up", "in an attribute"],
)
async def test_one_that_holds_up_home_assistant_elsewhere_is_named_in_the_log(
    hass: HomeAssistant, add_bot: AddBot, install: Install, caplog: pytest.LogCaptureFixture, who: str, code: str
) -> None:
    """Wherever its code is called."""
    install("greedy", code)
    await set_up(hass, "greedy")

    await diagnostics_of(await add_bot("Home"))

    assert len(logged(caplog, f"{who} holds up all of Home Assistant")) == 1


@pytest.mark.warns
async def test_the_fields_of_a_microservice_count_for_it_alone(
    hass: HomeAssistant, add_bot: AddBot, install: Install, send: Send
) -> None:
    """What does not fit them still reaches all others; what does is read as the types say."""
    fields = "Field(name='number', type=FieldType.NUMBER, required=True), Field(name='on', type=FieldType.BOOLEAN),"
    install("other", clerk("return dict(message.content)", fields=fields))
    await set_up(hass, "other")
    await add_stream(await add_bot("Home"), "news")

    fits = await send("news", {"number": "5", "true": "yes", "more": None})
    does_not = await send("news", {"more": 1})

    assert [(each["receiver"], each.get("result")) for each in fits["handled"]] == [
        ("mapping", None),
        ("other.clerk", {"more": None, "number": 5, "on": True}),
    ]
    assert [each["receiver"] for each in does_not["handled"]] == ["mapping"]
    ((receiver, error),) = [(each["receiver"], each["error"]) for each in does_not["failed"]]
    assert receiver == "other.clerk"
    assert "number is missing, it must be a number" in error


@pytest.mark.warns
async def test_a_required_field_of_a_microservice_does_not_keep_the_bot_from_turning_everything_off(
    hass: HomeAssistant, add_bot: AddBot, install: Install, router: Any
) -> None:
    """Neither in earnest nor in a dry run."""
    required = "Field(name='number', type=FieldType.NUMBER, required=True),"
    install("other", clerk("return None", fields=required, address="toggle_everything"))
    await set_up(hass, "other")
    bot = await add_bot("Home")

    outcomes = await receivers(bot, "toggle_everything", {"on": False})
    previews = await router().async_preview(
        "toggle_everything", {"on": False}, origin="action", context=Context(), sender=bot.bot_id, external=False
    )

    assert dict(outcomes)["device"] == "handled"
    assert dict(outcomes)["other.clerk"] == "failed"
    assert [each["receiver"] for each in previews if "error" in each] == ["other.clerk"]


@pytest.mark.parametrize(
    "more",
    ["fields = {5: ()}", "fields = {'no address!': ()}", "fields = {'letters': ()}"],
    ids=["a number", "no valid address", "an address that it has no handler for"],
)
async def test_fields_make_no_address_known(
    hass: HomeAssistant, add_bot: AddBot, install: Install, router: Any, more: str
) -> None:
    """Only those count that the microservice subscribes to."""
    install("other", clerk("return None", more))
    await set_up(hass, "other")
    bot = await add_bot("Home")
    known = {*router().registry.addresses}

    await hass.config_entries.async_unload(bot.bot_id)

    assert known - router().registry.addresses >= {"news"}
    assert known.isdisjoint({5, "no address!", "letters"})


@pytest.mark.parametrize(
    "code",
    [
        clerk("return dict(message.content)", fields="Field(name=each, type=FieldType.NUMBER) for each in 'ab'"),
        clerk(
            "return dict(message.content)",
            """def __init__(self):
        self.fields = {"news": (Field(name=each, type=FieldType.NUMBER) for each in "ab")}""",
        ),
    ],
    ids=["of the handler", "of each microservice"],
)
async def test_fields_may_come_from_a_generator(
    hass: HomeAssistant, add_bot: AddBot, install: Install, code: str
) -> None:
    """They count for every bot."""
    install("other", code)
    await set_up(hass, "other")

    for bot in (await add_bot("Home"), await add_bot("Garden")):
        receipt = await bot.async_distribute_datastream_message("news", {"a": "1", "b": "2"}, external=False)
        assert [delivery.result for delivery in receipt.deliveries] == [{"a": 1, "b": 2}]


@pytest.mark.warns
async def test_all_microservices_of_an_integration_are_added_or_none(
    hass: HomeAssistant, add_bot: AddBot, install: Install, caplog: pytest.LogCaptureFixture, router: Any
) -> None:
    """The log names the integration whose microservices could not be added."""
    code = clerk("return None").replace("return [Clerk()]", "return [Clerk(), Clerk()]")
    install("other", code)
    bot = await add_bot("Home")
    own = bot.microservices
    numbers = count(-1)
    # Fails the second time.
    router().registry.observe(lambda: 1 / next(numbers))

    await set_up(hass, "other")

    assert bot.microservices == own
    assert len(logged(caplog, "other failed to add its microservices to Home")) == 1


@pytest.mark.warns
async def test_home_assistant_starts_without_waiting_for_one_that_never_returns(
    hass: HomeAssistant, add_bot: AddBot, install: Install
) -> None:
    """It is at work in the background."""
    install("stuck", clerk("await asyncio.Event().wait()"))
    await set_up(hass, "stuck")
    bot = await add_bot("Home")
    dispatch = await bot.async_dispatch("news", {}, external=False)

    async with asyncio.timeout(5):
        await hass.async_block_till_done()

    ended = asyncio.Event()
    dispatch.async_call_when_finished(ended.set)
    assert not ended.is_set()


async def test_work_that_never_ends_is_cancelled_with_its_bot(
    hass: HomeAssistant, add_bot: AddBot, install: Install
) -> None:
    """So that reloads leave nothing behind, and the receipt does not wait."""
    install("stuck", clerk("await asyncio.Event().wait()"))
    await set_up(hass, "stuck")
    bot = await add_bot("Home")
    dispatch = await bot.async_dispatch("news", {}, external=False)

    await hass.config_entries.async_reload(bot.bot_id)
    async with asyncio.timeout(5):
        (delivery,) = (await dispatch.async_receipt()).deliveries

    assert (delivery.receiver, delivery.outcome, delivery.error) == ("stuck.clerk", "failed", "Cancelled")


async def test_a_microservice_may_reload_its_own_bot(hass: HomeAssistant, add_bot: AddBot, install: Install) -> None:
    """That is not cancelled halfway."""
    handler = "await async_get_hass().config_entries.async_reload(message.envelope.sender)"
    install("other", "from homeassistant.core import async_get_hass\n" + clerk(handler))
    await set_up(hass, "other")
    bot = await add_bot("Home")

    assert await receivers(bot, "news") == [("other.clerk", "handled")]
    assert bot.entry.state is ConfigEntryState.LOADED
