"""How messages are carried: to whom, in which order, and what the sender hears of it."""

import asyncio
from collections.abc import Callable
import gc
import logging
import re
from typing import Any, cast

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import Context, Event, HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
import pytest
from pytest_homeassistant_custom_component.common import async_capture_events

from custom_components.datastream_bot.errors import MessageError
from custom_components.datastream_bot.messaging.failure_log import FailureLog
from custom_components.datastream_bot.messaging.message import Message
from custom_components.datastream_bot.messaging.microservice import Microservice, datastream
from custom_components.datastream_bot.messaging.receipt import Receipt
from custom_components.datastream_bot.messaging.router import Router

from .conftest import AddBot
from .days import wait_over
from .home import Reader, Scribbler


async def send_news(router: Router, number: int = 0) -> Receipt:
    """Send news from outside, and return the receipt."""
    dispatch = await router.async_dispatch("news", {"number": number, "list": []}, origin="action")
    return await dispatch.async_receipt()


def outcomes(receipt: Receipt) -> list[tuple[str, str, str]]:
    """Return who answered what."""
    return [(delivery.bot_name, delivery.receiver, delivery.outcome.value) for delivery in receipt.deliveries]


async def test_an_internal_message_reaches_the_senders_own_microservices_only(
    add_bot: AddBot, router: Callable[[], Router]
) -> None:
    """Declared or not, the address is heard within the bot, and nowhere else."""
    home, garden = await add_bot("Home"), await add_bot("Garden")
    own, other = Reader(), Reader()
    home.attach(own)
    garden.attach(other)
    router().registry.open(garden.bot_id, "news")

    receipt = await home.async_distribute_datastream_message("news", {"number": 1}, external=False)

    assert outcomes(receipt) == [("Home", "reader", "handled")]
    assert [message.content for message in own.messages] == [{"number": 1}]
    assert other.messages == []


async def test_an_external_message_reaches_the_bots_that_opened_the_address_and_never_the_sender(
    add_bot: AddBot, router: Callable[[], Router]
) -> None:
    """A bot that listens without having opened the address hears nothing from outside."""
    home, garden, shed = await add_bot("Home"), await add_bot("Garden"), await add_bot("Shed")
    readers = {bot: Reader() for bot in (home, garden, shed)}
    for bot, reader in readers.items():
        bot.attach(reader)
    for bot in (home, garden):
        router().registry.open(bot.bot_id, "news")

    receipt = await home.async_distribute_datastream_message("news", None, internal=False)

    assert outcomes(receipt) == [("Garden", "reader", "handled")]
    assert {bot.entry.title: len(reader.messages) for bot, reader in readers.items()} == {
        "Home": 0,
        "Garden": 1,
        "Shed": 0,
    }


async def test_a_message_from_outside_reaches_every_bot_that_opened_the_address(
    add_bot: AddBot, router: Callable[[], Router]
) -> None:
    """Nobody is the sender, so nobody is left out."""
    for name in ("Home", "Garden"):
        bot = await add_bot(name)
        bot.attach(Reader())
        router().registry.open(bot.bot_id, "news")

    receipt = await send_news(router())

    assert outcomes(receipt) == [("Home", "reader", "handled"), ("Garden", "reader", "handled")]
    assert [delivery.result for delivery in receipt.deliveries] == [{"read_by": "reader"}] * 2


async def test_internal_comes_before_external_and_each_bot_keeps_its_order(
    add_bot: AddBot, router: Callable[[], Router]
) -> None:
    """Receivers start in the order in which they are wired."""
    log: list[tuple[str, Any]] = []
    garden, home = await add_bot("Garden"), await add_bot("Home")
    for bot in (garden, home):
        for called in ("first", "second"):
            bot.attach(Reader(log, f"{bot.entry.title} {called}"))
        router().registry.open(bot.bot_id, "news")

    await home.async_distribute_datastream_message("news", {"number": 1})

    assert log == [("Home first", 1), ("Home second", 1), ("Garden first", 1), ("Garden second", 1)]


class Answerer(Microservice):
    """Sends the next number before it returns."""

    name = "answerer"

    def __init__(self, bot: Any) -> None:
        """Initialize the answerer."""
        self._bot = bot
        self.receipts: list[Receipt] = []

    @datastream("news")
    async def answer(self, message: Message) -> None:
        """Send the next number, up to three."""
        if (number := message.content["number"]) < 3:
            self.receipts.append(
                await self._bot.async_distribute_datastream_message(
                    "news", {"number": number + 1}, context=message.context
                )
            )


async def test_a_receiver_gets_messages_in_the_order_sent_even_when_one_causes_the_next(add_bot: AddBot) -> None:
    """What a microservice answers queues up behind the message at those after it."""
    bot = await add_bot()
    answerer, reader = Answerer(bot), Reader()
    bot.attach(answerer)
    bot.attach(reader)

    await bot.async_distribute_datastream_message("news", {"number": 0})

    assert [message.content["number"] for message in reader.messages] == [0, 1, 2, 3]
    assert [message.envelope.hops for message in reader.messages] == [0, 1, 2, 3]
    assert all(outcomes(receipt)[1] == ("Home", "reader", "handled") for receipt in answerer.receipts)


async def test_a_message_that_waits_for_its_turn_is_not_overtaken(hass: HomeAssistant, add_bot: AddBot) -> None:
    """Whoever sends right after the receivers were started comes after whoever sent while they were."""
    bot = await add_bot()
    reader = Reader()
    sending: list[asyncio.Task[Receipt]] = []

    def send(number: int) -> None:
        message = bot.async_distribute_datastream_message("news", {"number": number}, external=False)
        sending.append(hass.async_create_task(message))

    class Hasty(Microservice):
        name = "hasty"

        @datastream("news")
        async def read(self, message: Message) -> None:
            if message.content["number"] == 0:
                send(1)

    for microservice in (Hasty(), reader):
        bot.attach(microservice)

    send(0)
    send(2)
    await asyncio.gather(*sending)

    assert [message.content["number"] for message in reader.messages] == [0, 1, 2]


async def test_listeners_hear_of_a_message_before_its_receivers(hass: HomeAssistant, add_bot: AddBot) -> None:
    """So an automation's trigger comes before the lights."""
    bot = await add_bot()
    log: list[tuple[str, Any]] = []
    bot.attach(Reader(log))

    @callback
    def heard(event: Event) -> None:
        log.append(("event", event.data["content"]["number"]))

    hass.bus.async_listen("datastream_bot_message", heard)

    await bot.async_distribute_datastream_message("news", {"number": 1})

    assert log == [("event", 1), ("reader", 1)]


async def test_who_gives_up_before_its_turn_keeps_nobody_waiting(hass: HomeAssistant, add_bot: AddBot) -> None:
    """What is sent while a message is handed out waits; giving up is the sender's right."""
    bot = await add_bot("Home")
    tasks: list[asyncio.Task[Receipt]] = []

    class Fickle(Microservice):
        """Answers twice, and takes the first answer back at once."""

        name = "fickle"

        @datastream("news")
        async def answer(self, message: Message) -> None:
            for _ in range(message.content["answers"]):
                answering = bot.async_distribute_datastream_message("news", {"answers": 0}, external=False)
                tasks.append(hass.async_create_task(answering))
            tasks[0].cancel()

    reader = Reader()
    bot.attach(Fickle())
    bot.attach(reader)

    await bot.async_distribute_datastream_message("news", {"answers": 2}, external=False)
    receipt = await tasks[1]

    assert tasks[0].cancelled()
    assert outcomes(receipt) == [("Home", "fickle", "handled"), ("Home", "reader", "handled")]
    assert [message.content["answers"] for message in reader.messages] == [2, 0]


async def test_what_a_receiver_does_to_its_copy_is_seen_by_nobody_else(add_bot: AddBot) -> None:
    """Not by the other receivers, not by the event bus, not by the sender."""
    bot = await add_bot()
    scribbler, reader = Scribbler(), Reader()
    bot.attach(scribbler)
    bot.attach(reader)
    events = async_capture_events(bot.hass, "datastream_bot_message")
    content: dict[str, Any] = {"list": [1]}

    await bot.async_distribute_datastream_message("news", content)

    assert scribbler.messages[0].content == {"list": [1, "scribble"], "scribble": True}
    assert reader.messages[0].content == {"list": [1]}
    assert events[0].data["content"] == {"list": [1]}
    assert content == {"list": [1]}


@pytest.mark.warns
@pytest.mark.parametrize(
    ("error", "told", "level"),
    [
        (ValueError("broken"), "ValueError: broken", logging.ERROR),
        (HomeAssistantError("out of paper"), "out of paper", logging.WARNING),
        (
            MessageError(translation_key="content_too_large", max_kib=1),
            "The content is larger than 1 KiB as JSON",
            logging.WARNING,
        ),
    ],
)
async def test_a_receiver_that_fails_is_in_the_receipt_and_once_in_the_log(
    add_bot: AddBot, caplog: pytest.LogCaptureFixture, error: Exception, told: str, level: int
) -> None:
    """The others are served as if nothing had happened."""
    bot = await add_bot()
    broken, sound = Reader(called="broken"), Reader(called="sound")
    broken.error = error
    bot.attach(broken)
    bot.attach(sound)

    receipt = await bot.async_distribute_datastream_message("news", {"number": 1})

    assert [delivery["error"] for delivery in receipt.as_dict()["failed"]] == [told]
    assert [delivery["result"] for delivery in receipt.as_dict()["handled"]] == [{"read_by": "sound"}]
    logged = [
        record for record in caplog.records if record.levelno >= logging.WARNING and "news" in record.getMessage()
    ]
    assert [record.levelno for record in logged] == [level]


async def test_a_receiver_that_is_cancelled_has_failed(add_bot: AddBot) -> None:
    """The others are served."""
    bot = await add_bot()
    cancelled, sound = Reader(called="cancelled"), Reader(called="sound")
    cancelled.error = asyncio.CancelledError()
    bot.attach(cancelled)
    bot.attach(sound)

    receipt = await bot.async_distribute_datastream_message("news", {})

    assert [delivery.error for delivery in receipt.deliveries] == ["Cancelled", None]


async def test_a_receiver_that_hangs_is_running_and_goes_on(
    hass: HomeAssistant, add_bot: AddBot, freezer: FrozenDateTimeFactory
) -> None:
    """The sender has its receipt after the wait, with the others' answers in it."""
    bot = await add_bot()
    hanging, sound = Reader(called="hanging"), Reader(called="sound")
    hanging.free.clear()
    bot.attach(hanging)
    bot.attach(sound)
    sending = hass.async_create_task(bot.async_distribute_datastream_message("news", {"number": 1}))
    await wait_over(hass, freezer)
    receipt = await sending
    assert [(delivery.outcome.value, delivery.result) for delivery in receipt.deliveries] == [
        ("running", None),
        ("handled", {"read_by": "sound"}),
    ]

    second = hass.async_create_task(bot.async_distribute_datastream_message("news", {"number": 2}))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert [message.content["number"] for message in sound.messages] == [1, 2]
    hanging.free.set()
    assert [delivery.outcome.value for delivery in (await second).deliveries] == ["handled", "handled"]
    await hass.async_block_till_done()
    assert hanging.finished == [1, 2]


async def test_what_a_sender_started_goes_on_when_the_sender_is_cancelled(hass: HomeAssistant, add_bot: AddBot) -> None:
    """As when an automation is restarted while it waits for its receipt."""
    bot = await add_bot()
    slow = Reader()
    slow.free.clear()
    bot.attach(slow)
    sending = hass.async_create_task(bot.async_distribute_datastream_message("news", {"number": 1}))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    sending.cancel()
    await asyncio.sleep(0)
    slow.free.set()
    await hass.async_block_till_done()

    assert slow.finished == [1]


async def test_external_messages_fire_an_event_and_internal_ones_do_not(hass: HomeAssistant, add_bot: AddBot) -> None:
    """The event has all that an automation may ask for, and leads back to the cause."""
    bot = await add_bot()
    events = async_capture_events(hass, "datastream_bot_message")
    context = Context(user_id="anna")

    await bot.async_distribute_datastream_message("secret", {"a": 1}, external=False)
    receipt = await bot.async_distribute_datastream_message("news", {"a": [1]}, context=context)

    assert [event.data for event in events] == [
        {
            "address": "news",
            "content": {"a": [1]},
            "id": receipt.message_id,
            "sender": bot.bot_id,
            "origin": "microservice",
            "home": None,
            "hops": 0,
        }
    ]
    assert (events[0].context.user_id, events[0].context.parent_id) == ("anna", context.id)


async def test_a_microservice_that_cannot_be_attached_leaves_nothing_behind(
    add_bot: AddBot, router: Callable[[], Router]
) -> None:
    """Whoever attaches it has the error."""
    bot = await add_bot()

    broken = Reader()
    broken.fields = {"half": (), "news": cast(Any, None)}
    with pytest.raises(TypeError):
        bot.attach(broken)

    assert broken not in bot.microservices
    assert "half" not in router().registry.addresses


async def test_a_microservice_that_is_detached_hears_no_more(add_bot: AddBot, router: Callable[[], Router]) -> None:
    """An address that nobody listens to any more is forgotten."""
    bot = await add_bot()
    reader = Reader()
    detach = bot.attach(reader)
    close = router().registry.open(bot.bot_id, "news")
    assert "news" in router().registry.addresses

    detach()
    assert "news" in router().registry.addresses
    close()

    assert "news" not in router().registry.addresses
    assert outcomes(await send_news(router())) == []
    assert reader not in bot.microservices


@pytest.mark.slow
@pytest.mark.usefixtures("no_stack_traces")
async def test_ten_thousand_messages_at_once_lose_nothing_and_leave_nothing(
    hass: HomeAssistant, add_bot: AddBot, router: Callable[[], Router]
) -> None:
    """All arrive, in order, and the memory they took is free again."""
    bot = await add_bot()
    log: list[tuple[str, Any]] = []
    reader = Reader(log)
    bot.attach(reader)
    router().registry.open(bot.bot_id, "news")

    async def flood() -> None:
        receipts = await asyncio.gather(*(send_news(router(), number) for number in range(10_000)))
        assert all(outcomes(receipt) == [("Home", "reader", "handled")] for receipt in receipts)
        assert [number for _, number in log] == list(range(10_000))
        assert len(reader.messages) == 10_000
        log.clear()
        reader.messages.clear()

    await flood()
    gc.collect()
    before = len(gc.get_objects())
    await flood()
    await hass.async_block_till_done()
    gc.collect()
    assert len(gc.get_objects()) - before < 100


HOSTILE = "one\ntwo\r\x1b[31m\u202e\u2028end"


def lines_of(caplog: pytest.LogCaptureFixture, text: str) -> list[str]:
    """Return what the log says with a text in it, as it is written to a file."""
    formatter = logging.Formatter("%(message)s")
    written = [formatter.format(record) for record in caplog.records if "asyncio" not in record.name]
    return [message for message in written if text in message]


@pytest.mark.warns
@pytest.mark.parametrize("error", [ValueError(HOSTILE), HomeAssistantError(HOSTILE), ServiceValidationError(HOSTILE)])
async def test_content_reaches_the_log_as_text_that_can_be_seen_or_not_at_all(
    add_bot: AddBot, caplog: pytest.LogCaptureFixture, error: Exception
) -> None:
    """Whatever a receiver makes an error of."""
    bot = await add_bot()
    reader = Reader()
    reader.error = error
    bot.attach(reader)

    receipt = await bot.async_distribute_datastream_message("news", {}, external=False)

    assert str(error) in str(receipt.deliveries[0].error)
    written = "\n".join(lines_of(caplog, "news"))
    assert "reader of Home" in written
    assert not re.search(r"[\r\x1b\u202e\u2028]|one\n", written)


@pytest.mark.warns
async def test_the_same_failure_is_written_once_a_minute(
    add_bot: AddBot, caplog: pytest.LogCaptureFixture, freezer: FrozenDateTimeFactory
) -> None:
    """Each kind by itself; receipts tell all of them."""
    bot = await add_bot()
    reader = Reader()
    bot.attach(reader)

    async def fail(error: Exception) -> None:
        reader.error = error
        receipt = await bot.async_distribute_datastream_message("news", {}, external=False)
        assert receipt.deliveries[0].error == str(error)

    for _ in range(3):
        await fail(HomeAssistantError("no answer"))
    await fail(ServiceValidationError("not so"))
    freezer.tick(61)
    await fail(HomeAssistantError("no answer"))

    warnings = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert [warning for warning in warnings if "to news" in warning] == [
        "reader of Home failed on a message to news: no answer",
        "reader of Home refused a message to news",
        "reader of Home failed on a message to news: no answer",
    ]


@pytest.mark.warns
async def test_the_failures_of_very_many_addresses_are_written_and_forgotten(
    hass: HomeAssistant, caplog: pytest.LogCaptureFixture
) -> None:
    """Of a thousand it is known when they were written."""
    log = FailureLog(hass)
    for number in range(1001):
        log.write("id", "reader", f"news{number}", HomeAssistantError("no answer"))
    caplog.clear()

    log.write("id", "reader", "news0", HomeAssistantError("no answer"))
    log.write("id", "reader", "news1000", HomeAssistantError("no answer"))

    assert [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING] == [
        "reader failed on a message to news0: no answer"
    ]
