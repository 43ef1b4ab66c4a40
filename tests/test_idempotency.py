"""Idempotency keys: a message that is sent again with the same id is carried out once."""

import asyncio
from copy import deepcopy
from datetime import timedelta
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.auth.models import Group
from homeassistant.core import HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, MockUser

from custom_components.datastream_bot.bot import Bot
from custom_components.datastream_bot.const import DOMAIN
from custom_components.datastream_bot.data_streams import BUILT_IN_FIELDS, built_in_streams
from custom_components.datastream_bot.doors.door import MAX_WORKING
from custom_components.datastream_bot.doors.entering import open_doors as open_doors_of
from custom_components.datastream_bot.doors.rest_api import RestDoor

from .conftest import AddBot, Home, SetClock
from .days import go_on, wait_over
from .doors import OPEN, Client, open_doors, open_webhook, token_of, told
from .home import until
from .streams import add_stream, change_stream, row

STREAM = "/api/datastream_bot/Home/stream"
EVERYWHERE = "/api/datastream_bot/stream"
ON = {"address": "toggle_everything", "content": {"on": True}}
ID = {"X-Datastream-Id": "doorbell 17"}
DAY = 24 * 60 * 60
OUTCOMES = ("handled", "failed", "running")


@pytest.fixture
def sender(hass_access_token: str) -> dict[str, str]:
    """Return the headers of somebody who has a token, and sends the same again."""
    return {"Authorization": f"Bearer {hass_access_token}", **ID}


@pytest.fixture
async def bot(home: Home, add_bot: AddBot) -> Bot:
    """Return a bot."""
    return await add_bot("Home")


async def post(client: Client, path: str, headers: dict[str, str], message: Any = None) -> Any:
    """Send a message and return its receipt."""
    response = await client.post(path, json=message or ON, headers=headers)
    assert response.status == 200
    return await response.json()


def without_results(receipt: dict[str, Any]) -> dict[str, Any]:
    """Return a receipt as it is told again."""
    return receipt | {
        outcome: [{name: value for name, value in one.items() if name != "result"} for one in receipt[outcome]]
        for outcome in OUTCOMES
    }


def stored_receipts(hass_storage: dict[str, Any], bot_id: str, door: str = "http") -> dict[str, Any]:
    """Return what is on disk of the ids that came to a door."""
    stored: dict[str, Any] = hass_storage.get(f"{DOMAIN}.{bot_id}.receipts.{door}", {}).get("data", {})
    return stored


async def bot_with(hass: HomeAssistant, hass_storage: dict[str, Any], door: str, receipts: Any) -> Bot:
    """Start a bot that finds receipts of a door on disk, as if it were another's, which is still at work."""
    entry = MockConfigEntry(
        domain=DOMAIN,
        title="Found",
        version=2,
        options={"doors": {"webhook": OPEN | {"webhook_id": "found", "secret": "", "signed": False}}},
        subentries_data=[
            {**stream, "data": dict(stream["data"])} for stream in built_in_streams(dict.fromkeys(BUILT_IN_FIELDS, ""))
        ],
    )
    entry.add_to_hass(hass)
    key = f"{DOMAIN}.{entry.entry_id}.receipts.{door}"
    hass_storage[key] = {"version": 1, "minor_version": 1, "key": key, "data": deepcopy(receipts)}
    assert await hass.config_entries.async_setup(entry.entry_id)
    found: Bot = entry.runtime_data
    return found


async def test_a_message_with_an_id_is_sent_once(
    hass: HomeAssistant, home: Home, bot: Bot, client: Client, sender: dict[str, str]
) -> None:
    """The same id again is answered with the first receipt, without results; also when the bot was loaded anew."""
    first = await post(client, STREAM, sender)
    again = await post(client, STREAM, sender, {"address": "toggle_everything", "content": {"on": False}})
    await hass.config_entries.async_reload(bot.bot_id)
    after = await post(client, STREAM, sender)
    other = await post(client, STREAM, sender | {"X-Datastream-Id": "doorbell 18"})

    assert first["handled"][0]["result"]["switched"] == list(home)
    assert again == after == without_results(first)
    assert other["message_id"] != first["message_id"]
    assert home["light.kitchen"].commands == [True, True]


async def test_every_door_knows_ids_of_its_own(home: Home, bot: Bot, client: Client, sender: dict[str, str]) -> None:
    """A webhook without a token, and BotLab's interface with its own headers."""
    bot = await open_doors(bot, webhook=OPEN, cloud_api=OPEN)
    webhook = f"/api/webhook/{bot.entry.options['doors']['webhook']['webhook_id']}"
    key = {"API_KEY": sender["Authorization"].removeprefix("Bearer "), **ID}

    for path, headers, message in (
        (webhook, ID, ON),
        (STREAM, sender, ON),
        ("/cloud/appstore/stream?address=toggle_everything", key, {"feed": {"on": True}}),
    ):
        first, again = [await post(client, path, headers, message) for _ in range(2)]
        assert first["message_id"] == again["message_id"]
        assert ("result" in first["handled"][0], "result" in again["handled"][0]) == (True, False)
    assert home["light.kitchen"].commands == [True, True, True]


@pytest.mark.parametrize("key", ["", "é", "x" * 129])
@pytest.mark.parametrize("door", ["webhook", "http"])
async def test_an_id_that_is_none_is_refused(
    home: Home, bot: Bot, client: Client, sender: dict[str, str], door: str, key: str
) -> None:
    """Rather than ignored: its sender expects something of it."""
    paths = {"http": STREAM, "webhook": await open_webhook(bot)}

    response = await client.post(paths[door], json=ON, headers=sender | {"X-Datastream-Id": key})

    assert await told(response) == (400, "id_not_valid")
    assert home["light.kitchen"].commands == []


async def test_whoever_sends_again_too_early_waits_for_the_first_receipt(
    hass: HomeAssistant, home: Home, bot: Bot, client: Client, sender: dict[str, str]
) -> None:
    """Also when the bot is loaded anew while it is at work."""
    home["light.kitchen"].responding.clear()
    sending = [asyncio.create_task(post(client, STREAM, sender)) for _ in range(2)]
    await until(lambda: home["light.kitchen"].commands == [True])
    await hass.config_entries.async_reload(bot.bot_id)
    sending.append(asyncio.create_task(post(client, STREAM, sender)))
    await asyncio.sleep(0.1)
    assert not any(one.done() for one in sending)

    home["light.kitchen"].responding.set()
    receipts = await asyncio.gather(*sending)

    first = next(receipt for receipt in receipts if "result" in receipt["handled"][0])
    receipts.remove(first)
    assert receipts == [without_results(first)] * 2
    assert home["light.kitchen"].commands == [True]


async def test_what_was_still_running_is_told_again_as_running(
    hass: HomeAssistant, home: Home, bot: Bot, client: Client, sender: dict[str, str], freezer: FrozenDateTimeFactory
) -> None:
    """It is the first receipt, whatever became of it since."""
    home["light.kitchen"].responding.clear()
    sending = asyncio.create_task(post(client, STREAM, sender))
    await until(lambda: home["light.kitchen"].commands == [True])
    await wait_over(hass, freezer)
    first = await sending
    home["light.kitchen"].responding.set()

    assert [one["receiver"] for one in first["running"]] == ["device"]
    assert await post(client, STREAM, sender) == first


async def test_after_a_crash_nobody_knows_what_became_of_a_message(
    hass: HomeAssistant, hass_storage: dict[str, Any], home: Home, bot: Bot, client: Client, sender: dict[str, str]
) -> None:
    """So it is not sent again, and the receipt says why. What was done before the crash is told as ever."""
    done = await post(client, STREAM, sender)
    home["light.kitchen"].responding.clear()
    sending = asyncio.create_task(post(client, STREAM, sender | {"X-Datastream-Id": "cut"}))
    await until(lambda: len(home["light.kitchen"].commands) == 2)
    await bot_with(hass, hass_storage, "http", stored_receipts(hass_storage, bot.bot_id))
    home["light.kitchen"].responding.set()
    await sending
    path = STREAM.replace("Home", "Found")

    cut = await post(client, path, sender | {"X-Datastream-Id": "cut"})

    (failed,) = cut.pop("failed")
    assert cut == {"message_id": "", "address": "toggle_everything", "handled": [], "running": [], "pending": []}
    assert (failed["bot"], failed["config_entry_id"], failed["receiver"]) == ("Home", bot.bot_id, "door")
    assert failed["error"].startswith("Home Assistant was stopped while it was at work for this message")
    assert await post(client, path, sender) == without_results(done)
    assert len(home["light.kitchen"].commands) == 2


async def test_an_id_is_on_disk_before_its_message_is_sent(
    hass: HomeAssistant, hass_storage: dict[str, Any], home: Home, bot: Bot, client: Client
) -> None:
    """At a webhook as well, where no user is."""
    path = await open_webhook(bot)
    home["light.kitchen"].responding.clear()
    sending = asyncio.create_task(post(client, path, ID))
    await until(lambda: home["light.kitchen"].commands == [True])

    assert list(stored_receipts(hass_storage, bot.bot_id, "webhook")["keys"]) == ["doorbell 17"]
    home["light.kitchen"].responding.set()
    await sending


@pytest.mark.warns
async def test_a_message_that_was_refused_may_come_again_with_its_id(
    hass: HomeAssistant, hass_storage: dict[str, Any], bot: Bot, client: Client, sender: dict[str, str]
) -> None:
    """Corrected, opened, or when there is room."""
    await add_stream(bot, "doorbell", fields=[row("times", "number", required=True)], external=False)

    async def ring(times: Any) -> tuple[int, str]:
        return await told(await client.post(f"{STREAM}?address=doorbell", json={"times": times}, headers=sender))

    assert await ring(1) == (404, "address_not_open")
    await change_stream(bot, "doorbell", external=True)
    assert await ring("many") == (400, "content_refused")
    (door,) = open_doors_of(hass, RestDoor)
    others = [door.async_occupy() for _ in range(MAX_WORKING)]
    assert await ring(1) == (429, "too_busy")
    for release in others:
        release()
    await hass.config_entries.async_unload(bot.bot_id)
    assert await ring(1) == (503, "bot_not_ready")
    await hass.config_entries.async_setup(bot.bot_id)
    assert stored_receipts(hass_storage, bot.bot_id)["keys"] == {}

    receipt = await post(client, f"{STREAM}?address=doorbell", sender, {"times": 1})
    assert [one["receiver"] for one in receipt["handled"]] == ["mapping"]


@pytest.mark.warns
async def test_an_id_is_its_users_own(
    hass: HomeAssistant, home: Home, bot: Bot, client: Client, sender: dict[str, str]
) -> None:
    """And a receipt names no entity the second time: rights may have changed."""
    policy: Any = {"entities": {"entity_ids": {"light.porch": {"control": True, "read": True}}}}
    child = await token_of(hass, MockUser(name="Child", groups=[Group(name="Children", policy=policy)]))
    home["light.porch"].broken = "stuck"

    receipts = [await post(client, STREAM, headers) for headers in (sender, child | ID, sender, child | ID)]

    assert [receipt["message_id"] for receipt in receipts[2:]] == [receipt["message_id"] for receipt in receipts[:2]]
    assert receipts[0]["message_id"] != receipts[1]["message_id"]
    assert "light.porch" in receipts[0]["failed"][0]["error"]
    errors = [receipt["failed"][0]["error"] for receipt in receipts[2:]]
    assert errors == ["It failed for 1 of the entities", "It failed for 3 of the entities"]
    assert home["light.porch"].commands == [True, True]


async def test_a_message_to_several_bots_is_remembered_at_each_of_them(
    home: Home, bot: Bot, add_bot: AddBot, client: Client, sender: dict[str, str]
) -> None:
    """Whichever of them is asked next."""
    garden = await add_bot("Garden")

    first = await post(client, EVERYWHERE, sender)
    again = [await post(client, path, sender) for path in (EVERYWHERE, STREAM, STREAM.replace("Home", "Garden"))]
    await garden.hass.config_entries.async_unload(garden.bot_id)
    again.append(await post(client, EVERYWHERE, sender))

    assert [one["bot"] for one in first["handled"]] == ["Home", "Garden"]
    assert again == [without_results(first)] * 4


async def test_an_id_is_remembered_for_a_day(bot: Bot, client: Client, freezer: FrozenDateTimeFactory) -> None:
    """Then it may mean something else."""
    path = await open_webhook(bot)
    first = await post(client, path, ID)
    freezer.tick(DAY)
    assert (await post(client, path, ID))["message_id"] == first["message_id"]
    freezer.tick(1)
    assert (await post(client, path, ID))["message_id"] != first["message_id"]


async def test_a_wrong_clock_is_no_day(
    hass: HomeAssistant,
    hass_storage: dict[str, Any],
    bot: Bot,
    client: Client,
    freezer: FrozenDateTimeFactory,
    set_clock: SetClock,
) -> None:
    """Nothing is forgotten because it was set forward, nor remembered for longer because it was set back."""
    path = await open_webhook(bot)
    first = await post(client, path, ID)
    set_clock(timedelta(days=2))
    assert (await post(client, path, ID))["message_id"] == first["message_id"]

    stored = stored_receipts(hass_storage, bot.bot_id, "webhook")
    set_clock(timedelta(days=-1000))
    await bot_with(hass, hass_storage, "webhook", stored)
    assert (await post(client, "/api/webhook/found", ID))["message_id"] == first["message_id"]
    freezer.tick(DAY + 1)
    assert (await post(client, "/api/webhook/found", ID))["message_id"] != first["message_id"]


async def test_a_door_remembers_the_last_thousand_ids(
    hass: HomeAssistant, hass_storage: dict[str, Any], bot: Bot, client: Client
) -> None:
    """However many come in a day."""
    await post(client, await open_webhook(bot), ID)
    stored = stored_receipts(hass_storage, bot.bot_id, "webhook")
    (record,) = stored["keys"].values()
    await bot_with(hass, hass_storage, "webhook", stored | {"keys": {str(number): record for number in range(1000)}})

    async def send(key: str) -> bool:
        """Return whether an id is one of those on disk."""
        receipt = await post(client, "/api/webhook/found", {"X-Datastream-Id": key})
        return bool(receipt == record["receipt"])

    assert [await send(key) for key in ("0", "new", "1", "0")] == [True, False, True, False]
    assert [await send(key) for key in ("2", "1")] == [True, False]


@pytest.mark.warns
@pytest.mark.parametrize(
    "damaged",
    [
        [],
        {"saved": 0, "keys": {"x": {"at": 0}}},
        {"saved": 0, "keys": {"x": {"at": 0, "receipt": {}}}},
        {"saved": 0, "keys": {"x": {"at": 0, "receipt": {"message_id": "", "address": "", "handled": [1]}}}},
        {"saved": float("nan"), "keys": {}},
    ],
)
async def test_a_damaged_file_counts_as_none(
    hass: HomeAssistant, hass_storage: dict[str, Any], home: Home, client: Client, damaged: Any
) -> None:
    """As others do."""
    await bot_with(hass, hass_storage, "webhook", damaged)
    first, again = [await post(client, "/api/webhook/found", {"X-Datastream-Id": "x"}) for _ in range(2)]
    assert (len(first["handled"]), first["message_id"]) == (1, again["message_id"])


@pytest.mark.warns
async def test_a_long_error_is_remembered_in_short(
    hass: HomeAssistant, hass_storage: dict[str, Any], home: Home, bot: Bot, client: Client, sender: dict[str, str]
) -> None:
    """The file would grow with it."""
    await add_stream(bot, "long", actions=[{"stop": "x" * 5000, "error": True}])

    first, again = [await post(client, f"{STREAM}?address=long", sender, {}) for _ in range(2)]

    assert len(first["failed"][0]["error"]) >= 5000
    assert again["failed"][0]["error"] == first["failed"][0]["error"][:200]


async def test_what_is_remembered_goes_with_the_bot(
    hass: HomeAssistant,
    hass_storage: dict[str, Any],
    home: Home,
    bot: Bot,
    client: Client,
    sender: dict[str, str],
    freezer: FrozenDateTimeFactory,
) -> None:
    """Nor does a message that is still at work leave anything behind."""
    path = await open_webhook(bot)
    await post(client, STREAM, sender)
    await post(client, path, ID)
    home["light.kitchen"].responding.clear()
    sending = asyncio.create_task(post(client, STREAM, sender | {"X-Datastream-Id": "last"}))
    await until(lambda: len(home["light.kitchen"].commands) == 3)
    await hass.config_entries.async_remove(bot.bot_id)
    home["light.kitchen"].responding.set()
    await sending
    await go_on(hass, freezer, 61)

    assert not [key for key in hass_storage if bot.bot_id in key]
