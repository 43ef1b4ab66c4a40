"""Bots that come and go, also while messages are on their way."""

from collections.abc import Callable
from typing import Any

from homeassistant.config_entries import (
    SIGNAL_CONFIG_ENTRY_CHANGED,
    ConfigEntry,
    ConfigEntryChange,
    ConfigEntryState,
)
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers.dispatcher import async_dispatcher_connect
import pytest

from custom_components.datastream_bot.bot import Bot
from custom_components.datastream_bot.const import DOMAIN
from custom_components.datastream_bot.messaging.message import Message
from custom_components.datastream_bot.messaging.microservice import Microservice, datastream
from custom_components.datastream_bot.messaging.router import Router
from custom_components.datastream_bot.microservices import ORDER_LOCATION

from .conftest import AddBot, Home, Send, SetPresence
from .home import Reader, is_on, ticks
from .streams import add_stream, stream_of


async def test_two_bots_side_by_side_keep_to_themselves(
    hass: HomeAssistant, home: Home, persons: SetPresence, add_bot: AddBot, send: Send
) -> None:
    """Each with its own persons and lights; a message from outside reaches both."""
    await add_bot("Anna", persons=["person.anna"], target={"entity_id": ["light.kitchen"]})
    await add_bot("Bo", persons=["person.bo"], target={"entity_id": ["light.porch", "switch.fan"]})

    receipt = await send("toggle_everything", {"on": True})
    assert [delivery["bot"] for delivery in receipt["handled"]] == ["Anna", "Bo"]
    await persons("anna", "not_home")

    assert [is_on(hass, entity_id) for entity_id in home] == [False, True, True]


async def test_an_unloaded_bot_leaves_nothing_behind(
    hass: HomeAssistant, home: Home, persons: SetPresence, add_bot: AddBot, send: Send, router: Callable[[], Router]
) -> None:
    """No address, no listener, no reaction."""
    listeners = dict(hass.bus.async_listeners())
    bot = await add_bot()
    for _ in range(3):
        assert await hass.config_entries.async_unload(bot.bot_id)
        assert router().registry.addresses == set()
        assert hass.bus.async_listeners().get("state_changed") == listeners.get("state_changed")
        await persons("anna", "not_home")
        await persons("bo", "not_home")
        assert (await send("toggle_everything", {"on": True}))["handled"] == []
        await persons("anna", "home")
        await persons("bo", "home")
        assert await hass.config_entries.async_setup(bot.bot_id)
        await hass.async_block_till_done()

    assert [device.commands for device in home.values()] == [[], [], []]
    assert [delivery["receiver"] for delivery in (await send("toggle_everything", {"on": True}))["handled"]] == [
        "device"
    ]


async def test_a_removed_bot_takes_with_it_what_it_stored(
    hass: HomeAssistant,
    hass_storage: dict[str, Any],
    persons: SetPresence,
    add_bot: AddBot,
    device_registry: dr.DeviceRegistry,
) -> None:
    """Also what it was about to store."""
    bot = await add_bot()
    key = f"{DOMAIN}.{bot.bot_id}"
    assert hass_storage[key]["data"]["presence"] == "home"

    hass.states.async_set("person.anna", "not_home")
    hass.states.async_set("person.bo", "not_home")
    await hass.config_entries.async_remove(bot.bot_id)
    await hass.async_block_till_done()

    assert key not in hass_storage
    assert dr.async_entries_for_config_entry(device_registry, bot.bot_id) == []


@pytest.mark.warns
@pytest.mark.parametrize("action", ["unload", "reload", "remove"])
async def test_a_bot_that_goes_while_messages_wait_switches_nothing_more(
    hass: HomeAssistant, home: Home, add_bot: AddBot, send: Send, action: str
) -> None:
    """What is being switched is finished; what waited for its turn has failed, and the receipt says why."""
    bot = await add_bot()
    home["light.kitchen"].responding.clear()
    sending = []
    for _ in range(3):
        sending.append(hass.async_create_task(send("toggle_everything", {"on": True})))
        await ticks()

    await getattr(hass.config_entries, f"async_{action}")(bot.bot_id)
    home["light.kitchen"].responding.set()
    receipts = [await task for task in sending]
    await hass.async_block_till_done()

    assert [len(receipt["handled"]) for receipt in receipts] == [1, 0, 0]
    assert {delivery["error"] for receipt in receipts[1:] for delivery in receipt["failed"]} == {
        "The bot was unloaded before it was the message's turn"
    }
    assert home["light.kitchen"].commands == [True]


class Troublemaker(Microservice):
    """Does something to its own bot because of a message."""

    name = "troublemaker"

    def __init__(self, bot: Bot, action: str) -> None:
        """Initialize the troublemaker."""
        self._bot = bot
        self._action = action

    @datastream("trouble")
    async def trouble(self, message: Message) -> None:
        """Unload, reload or remove the bot."""
        await getattr(self._bot.hass.config_entries, f"async_{self._action}")(self._bot.bot_id)


@pytest.mark.parametrize(
    ("action", "state"),
    [
        ("unload", ConfigEntryState.NOT_LOADED),
        ("reload", ConfigEntryState.LOADED),
        ("remove", ConfigEntryState.NOT_LOADED),
    ],
)
async def test_a_message_may_be_the_reason_that_its_own_bot_goes(
    add_bot: AddBot, action: str, state: ConfigEntryState
) -> None:
    """The receipt still comes, and the bot is not stuck halfway."""
    bot = await add_bot()
    bot.attach(Troublemaker(bot, action))

    receipt = await bot.async_distribute_datastream_message("trouble", {})

    assert [delivery.outcome.value for delivery in receipt.deliveries] == ["handled"]
    assert bot.entry.state is state


async def test_an_address_that_is_closed_is_closed_to_the_outside_only(
    hass: HomeAssistant, add_bot: AddBot, send: Send
) -> None:
    """The bot itself still listens."""
    bot = await add_bot()
    for stream in list(bot.entry.subentries.values()):
        hass.config_entries.async_update_subentry(bot.entry, stream, data={**stream.data, "external": False})
    await hass.async_block_till_done()

    assert (await send("send_push_notification", {"message": "hello"}))["handled"] == []
    assert (await send("send_push_notification", {"message": "hello"}, config_entry_id=bot.bot_id))["handled"] != []


@pytest.mark.warns
async def test_a_data_stream_that_goes_in_front_of_a_message_does_nothing_with_it(add_bot: AddBot) -> None:
    """The receipt says so."""
    bot = await add_bot()
    await add_stream(bot, "news")

    class Cleaner(Microservice):
        """Removes the data stream, before the message gets there."""

        name = "cleaner"
        order = ORDER_LOCATION

        @datastream("news")
        async def clean(self, message: Message) -> None:
            bot.hass.config_entries.async_remove_subentry(bot.entry, stream_of(bot, "news").subentry_id)

    bot.attach(Cleaner())
    receipt = await bot.async_distribute_datastream_message("news", {}, external=False)

    assert [(delivery.receiver, delivery.outcome.value) for delivery in receipt.deliveries] == [
        ("cleaner", "handled"),
        ("mapping", "failed"),
    ]


async def test_a_data_stream_that_changes_in_front_of_a_message_is_the_new_one(add_bot: AddBot) -> None:
    """It does with the message what it does from now on."""
    bot = await add_bot()
    await add_stream(bot, "news")

    class Editor(Microservice):
        """Changes the data stream, before the message gets there."""

        name = "editor"
        order = ORDER_LOCATION

        @datastream("news")
        async def edit(self, message: Message) -> None:
            stream = stream_of(bot, "news")
            bot.hass.config_entries.async_update_subentry(
                bot.entry, stream, data={**stream.data, "event_type": "edited"}
            )

    bot.attach(Editor())
    receipt = await bot.async_distribute_datastream_message("news", {}, external=False)

    assert [delivery.result for delivery in receipt.deliveries] == [None, {"event": "edited"}]


async def test_a_microservice_of_another_integration_leaves_with_the_bot(
    hass: HomeAssistant, add_bot: AddBot, router: Any
) -> None:
    """Whoever attaches it anew after a reload has it once; and may detach it late."""
    bot = await add_bot()
    reader = Reader()
    detach = bot.attach(reader)

    await hass.config_entries.async_reload(bot.bot_id)
    assert "news" not in router().registry.addresses
    loaded = bot.entry.runtime_data
    loaded.attach(reader)
    detach()
    await loaded.async_distribute_datastream_message("news", {}, external=False)

    assert len(reader.messages) == 1
    await hass.config_entries.async_unload(bot.bot_id)
    assert "news" not in router().registry.addresses


async def test_a_bot_that_is_loaded_anew_is_another_one_at_once(hass: HomeAssistant, add_bot: AddBot) -> None:
    """Whoever still has the former one is told so at every moment."""
    former = await add_bot()
    seen: list[tuple[ConfigEntryState, bool]] = []

    @callback
    def look(_: ConfigEntryChange, entry: ConfigEntry[Bot]) -> None:
        seen.append((entry.state, former.is_loaded))

    async_dispatcher_connect(hass, SIGNAL_CONFIG_ENTRY_CHANGED, look)
    await hass.config_entries.async_reload(former.bot_id)

    assert (ConfigEntryState.SETUP_IN_PROGRESS, False) in seen
    assert not former.is_loaded
