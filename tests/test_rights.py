"""Rights: nobody gets more by a message than by Home Assistant itself."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.auth.const import GROUP_ID_READ_ONLY, GROUP_ID_USER
from homeassistant.auth.models import Group, User
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import Context, HomeAssistant
from homeassistant.exceptions import ServiceValidationError
import pytest
from pytest_homeassistant_custom_component.common import MockUser

from .broker import Broker, Ear, acquainted, add_bot_of, connect_to_broker, more_homes, needs_broker, running_broker
from .conftest import AddBot, Home, Send
from .days import LEAVING, RETURNING, go_on, group, turn
from .doors import OPEN, Client, open_doors, open_webhook
from .home import Reader, is_on, remembered
from .streams import add_stream

PORCH_ONLY: dict[str, Any] = {"entities": {"entity_ids": {"light.porch": {"read": True, "control": True}}}}
MAY_NOT_SPEAK = (
    "You may not speak for Home: its messages act with its rights, and you may not control all of its devices. Your "
    "message stays in this home, and reaches what is open to the outside with your own rights"
)


def user_with(hass: HomeAssistant, policy: Any) -> User:
    """Add a user with rights."""
    user = MockUser(name="Child").add_to_hass(hass)
    user.groups = [Group(name="Children", policy=policy)]
    return user


async def member_of(hass: HomeAssistant, group_id: str) -> User:
    """Add a user of one of Home Assistant's own groups."""
    group = await hass.auth.async_get_group(group_id)
    assert group is not None
    return MockUser(name="Guest", groups=[group]).add_to_hass(hass)


@pytest.fixture
def child(hass: HomeAssistant) -> Context:
    """Return the context of a user who may see and switch the porch light, and nothing else."""
    return Context(user_id=user_with(hass, PORCH_ONLY).id)


@pytest.fixture
async def guest(hass: HomeAssistant) -> Context:
    """Return the context of a user who may only look."""
    return Context(user_id=(await member_of(hass, GROUP_ID_READ_ONLY)).id)


# Who may speak for a bot.


@pytest.fixture
async def broker(tmp_path: Path) -> AsyncIterator[Broker]:
    """Run a broker."""
    async with running_broker(tmp_path / "broker") as running:
        yield running


@pytest.mark.warns
@needs_broker[0]
@needs_broker[1]
async def test_only_who_may_speak_for_a_bot_reaches_other_homes(broker: Broker, tmp_path: Path) -> None:
    """Others would switch there, with the rights of the bot, what they may not switch here."""
    async with more_homes() as start:
        here, there = await start(tmp_path / "here"), await start(tmp_path / "there")
        for hass in (here, there):
            await connect_to_broker(hass, broker)
        here.states.async_set("light.porch", "off")
        here.states.async_set("switch.fan", "off")
        bot = await add_bot_of(here, "cottage", name="Home")
        far = await add_bot_of(there, "cottage", name="Far", streams=[{"address": "news"}])
        ear = Ear(there)
        await acquainted(far, bot)
        users: dict[str, tuple[str | None, bool]] = {
            "nobody": (None, True),
            "administrator": (MockUser(is_owner=True).add_to_hass(here).id, True),
            "user": ((await member_of(here, GROUP_ID_USER)).id, True),
            "of all devices": (user_with(here, {"entities": {"domains": {"light": True, "switch": True}}}).id, True),
            "of one device": (user_with(here, PORCH_ONLY).id, False),
            "who only looks": ((await member_of(here, GROUP_ID_READ_ONLY)).id, False),
            "who is gone": ("gone", False),
        }
        for name, (user_id, may_speak) in users.items():
            data = {"address": "news", "content": {"by": name}, "config_entry_id": bot.bot_id, "scope": "location"}
            receipt: Any = await here.services.async_call(
                "datastream_bot", "send", data, blocking=True, return_response=True, context=Context(user_id=user_id)
            )

            reached = [delivery["bot"] for delivery in receipt["handled"] if "home" in delivery]
            assert reached == (["Far"] if may_speak else []), name
            assert receipt["pending"] == [], name
            told = [delivery["error"] for delivery in receipt["failed"] if delivery["receiver"] == "rights"]
            assert told == ([] if may_speak else [MAY_NOT_SPEAK]), name
        # A microservice that answers such a user does not carry it any further either.
        bot.attach(Reader())
        answer = await bot.async_distribute_datastream_message("news", {"by": "answer"}, context=Context(user_id="x"))

        assert [(one.receiver, one.outcome) for one in answer.deliveries] == [
            ("reader", "handled"),
            ("rights", "failed"),
        ]
        assert [content["by"] for content in ear.contents("news")] == [
            name for name, (_, may_speak) in users.items() if may_speak
        ]


async def test_who_may_not_speak_for_a_bot_reaches_what_is_open_with_own_rights(
    hass: HomeAssistant, home: Home, add_bot: AddBot, send: Send, child: Context
) -> None:
    """As if the message came from outside."""
    bot = await add_bot(target={"entity_id": ["light.porch", "light.kitchen"]})
    await add_stream(bot, "secret", external=False)
    reader = Reader()
    bot.attach(reader)

    secret = await send("secret", config_entry_id=bot.bot_id, context=child)
    news = await send("news", config_entry_id=bot.bot_id, context=child)

    assert [delivery["receiver"] for delivery in secret["handled"] + secret["failed"]] == ["rights"]
    assert news["failed"] == [
        {"bot": "Home", "config_entry_id": bot.bot_id, "receiver": "rights", "error": MAY_NOT_SPEAK}
    ]
    assert reader.messages == []
    for refused in ({"external": False}, {"require_receiver": True}):
        with pytest.raises(ServiceValidationError, match="may not speak for Home"):
            await send("news", config_entry_id=bot.bot_id, context=child, **refused)


async def test_who_may_control_all_of_a_bot_speaks_for_it(
    hass: HomeAssistant, home: Home, add_bot: AddBot, send: Send, child: Context
) -> None:
    """Unless that is nothing."""
    porch = await add_bot("Porch", target={"entity_id": "light.porch"})
    nothing = await add_bot("Nothing", target={"area_id": ["nowhere"]})
    for bot in (porch, nothing):
        bot.attach(Reader())

    for_porch = await send("news", {"number": 1}, config_entry_id=porch.bot_id, context=child)
    for_nothing = await send("news", {"number": 1}, config_entry_id=nothing.bot_id, context=child)

    assert [delivery["receiver"] for delivery in for_porch["handled"]] == ["reader"]
    assert [delivery["receiver"] for delivery in for_nothing["failed"]] == ["rights"]
    assert for_nothing["handled"] == []


async def test_a_bot_that_is_not_loaded_cannot_be_named(hass: HomeAssistant, add_bot: AddBot, send: Send) -> None:
    """By anybody."""
    bot = await add_bot()
    await hass.config_entries.async_unload(bot.bot_id)
    assert bot.entry.state is ConfigEntryState.NOT_LOADED

    with pytest.raises(ServiceValidationError):
        await send("news", config_entry_id=bot.bot_id)


# What a message may do.


@pytest.mark.warns
async def test_who_may_not_switch_changes_nothing_that_a_bot_remembers(
    hass: HomeAssistant, home: Home, add_bot: AddBot, send: Send, guest: Context, on: Any
) -> None:
    """Neither empties nor fills it."""
    bot = await add_bot()
    await turn(hass, "light.kitchen", "on")
    await send("toggle_everything", LEAVING)
    await turn(hass, "switch.fan", "on")

    restore = await send("toggle_everything", RETURNING, context=guest)
    remember = await send("toggle_everything", LEAVING, context=guest)

    assert await remembered(bot) == ["light.kitchen"]
    assert restore["failed"][0]["result"]["failed"] == {"light.kitchen": "not allowed"}
    assert set(remember["failed"][0]["result"]["failed"]) == set(home)
    await send("toggle_everything", RETURNING)
    assert on() == ["light.kitchen", "switch.fan"]


@pytest.mark.warns
async def test_who_may_switch_a_part_changes_only_what_is_remembered_of_that(
    hass: HomeAssistant, home: Home, add_bot: AddBot, send: Send, child: Context, on: Any
) -> None:
    """The rest stays for those who may."""
    bot = await add_bot()
    await send("toggle_everything", {"on": True})
    await send("toggle_everything", LEAVING, context=child)
    assert (await remembered(bot), on()) == (["light.porch"], ["light.kitchen", "switch.fan"])
    await send("toggle_everything", LEAVING)

    receipt = await send("toggle_everything", RETURNING, context=child)

    assert (await remembered(bot), on()) == (["light.kitchen", "switch.fan"], ["light.porch"])
    assert receipt["failed"][0]["result"]["switched"] == ["light.porch"]


@pytest.mark.warns
@pytest.mark.parametrize("content", [RETURNING, LEAVING, {"on": True}, {"on": False}])
async def test_who_may_not_switch_ends_no_wait(
    hass: HomeAssistant,
    home: Home,
    add_bot: AddBot,
    send: Send,
    guest: Context,
    freezer: FrozenDateTimeFactory,
    content: dict[str, Any],
) -> None:
    """Neither that for a light that cannot be reached, nor that for one which did not do as it was told."""
    await add_bot(verify_after=60)
    await turn(hass, "light.kitchen", "on")
    await send("toggle_everything", LEAVING)
    home["light.kitchen"].set_available(available=False)
    await send("toggle_everything", RETURNING)
    home["switch.fan"].broken = "no answer"
    await send("toggle_everything", {"on": True, "domain": "switch"})

    await send("toggle_everything", content, context=guest)
    home["light.kitchen"].set_available(available=True)
    home["switch.fan"].broken = None
    await go_on(hass, freezer, 61)

    assert is_on(hass, "light.kitchen")
    assert is_on(hass, "switch.fan")


@pytest.mark.warns
async def test_of_a_group_only_the_members_that_one_may_switch_are_remembered(
    hass: HomeAssistant, home: Home, add_bot: AddBot, send: Send
) -> None:
    """The others do not switch, as Home Assistant asks for each of them."""
    await group(hass, "Both", ["light.kitchen", "light.porch"])
    bot = await add_bot(verify_after=60)
    await turn(hass, "light.both", "on")
    policy: Any = {"entities": {"entity_ids": {"light.both": True, "light.porch": True}}}
    user = Context(user_id=user_with(hass, policy).id)

    await send("toggle_everything", LEAVING, context=user)

    assert await remembered(bot) == ["light.porch"]


# What a receipt tells.


@pytest.mark.warns
async def test_a_receipt_names_only_what_its_reader_may_know(
    hass: HomeAssistant, home: Home, add_bot: AddBot, send: Send, child: Context, guest: Context
) -> None:
    """And how many more there are."""
    bot = await add_bot()
    await send("toggle_everything", {"on": True})
    home["light.porch"].broken = "stuck"

    (told,) = (await send("toggle_everything", {"on": False}, context=child))["failed"]
    assert told == {
        "bot": "Home",
        "config_entry_id": bot.bot_id,
        "receiver": "device",
        "result": {
            "on": False,
            "switched": [],
            "not_reached": [],
            "unavailable": [],
            "failed": {"light.porch": "stuck"},
            "more": {"failed": 2},
        },
        "error": "It failed for 3 of the entities",
    }
    # Who may look at everything is told everything.
    (told,) = (await send("toggle_everything", {"on": False}, context=guest))["failed"]
    assert told["result"]["failed"] == dict.fromkeys(home, "not allowed")
    # Of who is gone nobody could say what may be known.
    (told,) = (await send("toggle_everything", {"on": False}, context=Context(user_id="gone")))["failed"]
    assert "result" not in told


@pytest.mark.parametrize("names_entities", [True, False])
async def test_a_webhook_names_entities_only_if_it_may(
    hass: HomeAssistant, home: Home, add_bot: AddBot, client: Client, *, names_entities: bool
) -> None:
    """Who has the URL is nobody whose rights are known."""
    path = await open_webhook(await add_bot(), names_entities=names_entities)

    response = await client.post(path, json={"address": "toggle_everything", "content": {"on": True}})

    (delivery,) = (await response.json())["handled"]
    assert delivery["result"] == {
        "on": True,
        "not_reached": [],
        "unavailable": [],
        **({"switched": list(home)} if names_entities else {"switched": [], "more": {"switched": 3}}),
    }


@pytest.mark.warns
async def test_the_botlab_api_names_what_its_user_may_know(
    hass: HomeAssistant, home: Home, add_bot: AddBot, client: Client
) -> None:
    """As the HTTP API does."""
    await open_doors(await add_bot(), cloud_api=OPEN)
    user = user_with(hass, PORCH_ONLY)
    token = await hass.auth.async_create_refresh_token(user, client_id="https://example.com")
    key = hass.auth.async_create_access_token(token)

    response = await client.post(
        "/cloud/appstore/stream?address=toggle_everything", json={"feed": {"on": True}}, headers={"API_KEY": key}
    )

    (delivery,) = (await response.json())["failed"]
    assert delivery["result"]["switched"] == ["light.porch"]
    assert delivery["result"]["more"] == {"failed": 2}


async def test_what_only_looks_like_an_entity_is_told(hass: HomeAssistant, add_bot: AddBot, client: Client) -> None:
    """What a data stream responds is told as it is."""
    bot = await add_bot()
    hosts = {"variables": {"answer": {"hosts": ["example.com", "1.5"]}}}
    await add_stream(bot, "hosts", actions=[hosts, {"stop": "Told", "response_variable": "answer"}])
    path = await open_webhook(bot)

    (delivery,) = (await (await client.post(path, json={"address": "hosts"})).json())["handled"]

    assert delivery["result"]["response"] == {"hosts": ["example.com", "1.5"]}
