"""What a broker lets homes do to each other, with the access list that the documentation gives."""

from collections.abc import AsyncIterator
import os
from pathlib import Path
import signal
from typing import Any

from homeassistant.helpers import issue_registry as ir
import pytest

from custom_components.datastream_bot.bot import Bot
from custom_components.datastream_bot.const import DOMAIN
from custom_components.datastream_bot.mqtt.topics import Membership

from .broker import (
    PASSWORD,
    Broker,
    Ear,
    Wire,
    acquainted,
    add_bot_of,
    broker_at,
    more_homes,
    needs_broker,
    running_broker,
    seen_by,
    until,
)
from .pages import examples
from .test_many_homes import NEWS, send, who

pytestmark = needs_broker

ACCESS = examples("conf", "pattern ")
DEVICE = examples("conf", "user doorbell")
TOPICS = "datastream_bot/acme"
NOT_AUTHORIZED = 135
USERS = ("headquarters", "cottage", "villa", "doorbell")
HOMES = {"headquarters": "", "cottage": "cottage", "villa": "villa"}


def as_user(broker: Broker, user: str) -> dict[str, Any]:
    """Return the settings of a bot that logs in as a user."""
    return broker_at(broker.port, username=user, password=PASSWORD)


@pytest.fixture
async def guarded(tmp_path: Path) -> AsyncIterator[Broker]:
    """Run a broker that holds everybody to their own name."""
    async with running_broker(tmp_path / "broker", users=USERS, access=ACCESS + DEVICE) as broker:
        yield broker


@pytest.fixture
async def bots(guarded: Broker, tmp_path: Path) -> AsyncIterator[dict[str, Bot]]:
    """Run headquarters and two homes, which know each other."""
    async with more_homes() as start:
        bots = {
            user: await add_bot_of(
                await start(tmp_path / user), home, name=user, streams=NEWS, **as_user(guarded, user)
            )
            for user, home in HOMES.items()
        }
        await acquainted(bots["headquarters"], others=2)
        await acquainted(bots["cottage"], bots["villa"], others=1)
        yield bots


@pytest.fixture
async def burglar(guarded: Broker) -> AsyncIterator[Wire]:
    """Return somebody who has the villa's password."""
    burglar = Wire(guarded, "villa")
    yield burglar
    burglar.close()


async def test_what_is_allowed_works(bots: dict[str, Bot]) -> None:
    """To the organization, to a home, to all, and back."""
    assert who(await send(bots["villa"], scope="organization")) == ["headquarters"]
    assert who(await send(bots["headquarters"], homes="all")) == ["cottage", "villa"]
    assert who(await send(bots["headquarters"], homes=["cottage"])) == ["cottage"]


async def test_a_home_can_only_speak_for_itself(bots: dict[str, Bot], burglar: Wire) -> None:
    """Neither as another nor as the organization, nor to another home; the broker says so at once."""
    ids = {name: bot.bot_id for name, bot in bots.items()}
    ear = Ear(bots["cottage"].hass)
    forged = [
        # As another home.
        "cottage/organization/message/news",
        f"cottage/organization/{ids['headquarters']}/message/news",
        f"cottage/organization/{ids['headquarters']}/receipt/{ids['cottage']}",
        "cottage/cottage/message/news",
        f"cottage/status/{ids['cottage']}",
        # As the organization.
        "organization/cottage/message/news",
        f"organization/cottage/{ids['cottage']}/message/news",
        f"organization/cottage/{ids['cottage']}/receipt/{ids['headquarters']}",
        "organization/villa/message/news",
        "organization/all/message/news",
        "organization/organization/message/news",
        f"organization/status/{ids['headquarters']}",
        # To another home.
        "villa/cottage/message/news",
        f"villa/cottage/{ids['cottage']}/message/news",
        "villa/all/message/news",
    ]

    codes = [await burglar.say(f"{TOPICS}/{topic}", {}) for topic in forged]
    await send(bots["headquarters"], {"real": True}, homes=["cottage"])

    assert codes == [NOT_AUTHORIZED] * len(forged)
    assert ear.contents("news") == [{"real": True}]
    assert [seen_by(bot)["bots_known"] for bot in bots.values()] == [2, 1, 1]


async def test_a_home_hears_only_what_is_for_it(bots: dict[str, Bot], burglar: Wire) -> None:
    """Neither what others say nor what is said to them, nor who they are."""
    await burglar.listen("#")

    await send(bots["headquarters"], {"n": 1}, homes=["cottage"])
    await send(bots["cottage"], {"n": 2}, scope=["location", "organization"])
    await send(bots["headquarters"], {"n": 3}, homes=["villa"])
    await send(bots["villa"], {"n": 4}, scope="organization")
    await until(lambda: any(b'"n":3' in heard.payload for heard in burglar.heard))

    assert [heard for heard in burglar.heard if b"cottage" in heard.payload or "/cottage/" in heard.topic] == []
    assert {heard.topic.split("/")[2] for heard in burglar.heard} == {"villa", "organization"}


async def test_nobody_can_have_another_publish_for_it(bots: dict[str, Bot], burglar: Wire) -> None:
    """A receipt goes to whom the message comes from, and nowhere else."""
    ears = [Ear(bots[name].hass) for name in ("headquarters", "cottage")]
    receipts = f"{TOPICS}/organization/villa/receipt/burglar"
    await burglar.listen(receipts)
    asked = [
        f"{TOPICS}/organization/cottage/message/news",
        f"{TOPICS}/organization/cottage/receipt/burglar",
        f"{TOPICS}/organization/all/message/news",
        f"{TOPICS}/organization/villa/message/news",
        f"{TOPICS}/organization/status/{bots['headquarters'].bot_id}",
        f"{TOPICS}/organization/villa/receipt/+",
        "homeassistant/status",
    ]

    for topic in asked:
        await burglar.say(f"{TOPICS}/villa/organization/message/news", {}, answer_to=topic)
    await burglar.say(f"{TOPICS}/villa/organization/message/news", {}, answer_to=receipts)
    await until(lambda: burglar.heard)

    assert [heard.topic for heard in burglar.heard] == [receipts]
    assert [len(ear.heard) for ear in ears] == [len(asked) + 1, 0]
    assert seen_by(bots["headquarters"])["receiver"]["not_answered"] == len(asked)


@pytest.mark.parametrize(
    ("topic", "may"),
    [
        ("cottage/villa/receipt/program", True),
        ("cottage/villa/a-bot/receipt/another", True),
        ("cottage/villa/a-bot/message/news", False),
        ("cottage/villa/message/receipt", False),
        ("cottage/villa/receipt", False),
        ("cottage/villa/receipt/a/b", False),
        ("cottage/villa/receipt/#", False),
        ("cottage/villa/receipt/\x00", False),
        ("cottage/villa/receipt/" + 500 * "x", False),
        ("cottage/organization/receipt/program", False),
        ("organization/villa/receipt/program", False),
        ("cottage/status/a-bot", False),
        ("", False),
    ],
)
def test_a_receipt_goes_only_below_what_a_home_says_to_who_asked(topic: str, *, may: bool) -> None:
    """Whatever the access list of the broker allows."""
    cottage = Membership(organization="acme", home="cottage")

    assert cottage.may_answer("villa", f"{TOPICS}/{topic}") is may


async def test_a_device_can_only_do_what_it_is_for(bots: dict[str, Bot], guarded: Broker) -> None:
    """It does not even speak for a home of its own name."""
    device = Wire(guarded, "doorbell")
    ear = Ear(bots["cottage"].hass)

    codes = [
        await device.say(f"{TOPICS}/{topic}", {})
        for topic in (
            "cottage/cottage/message/doorbell",
            "cottage/cottage/message/news",
            "cottage/organization/message/doorbell",
            "doorbell/organization/message/doorbell",
            "doorbell/doorbell/message/doorbell",
            "doorbell/status/a-bot",
        )
    ]
    device.close()

    assert codes == [0, *[NOT_AUTHORIZED] * 5]
    assert ear.heard == []


@pytest.mark.warns
async def test_a_message_that_the_broker_refuses_says_why(tmp_path: Path) -> None:
    """In its receipt, at once."""
    silenced = ACCESS.replace("pattern write", "# pattern write")
    async with running_broker(tmp_path / "broker", users=USERS, access=silenced) as broker, more_homes() as start:
        chief, cottage = [
            await add_bot_of(await start(tmp_path / user), HOMES[user], streams=NEWS, **as_user(broker, user))
            for user in ("headquarters", "cottage")
        ]
        await acquainted(chief, cottage)

        receipt = await send(cottage, scope="organization")

        assert [receipt["handled"], receipt["pending"]] == [[], []]
        assert receipt["failed"] == [
            {
                "home": "organization",
                "bot": "Headquarters",
                "config_entry_id": chief.bot_id,
                "receiver": "mqtt",
                "error": "The broker refused it: Not authorized",
            }
        ]


@pytest.mark.warns
async def test_a_bot_that_may_not_speak_is_told_the_topic_until_it_may(tmp_path: Path) -> None:
    """The access list knows the home by another name."""
    async with running_broker(tmp_path / "broker", users=USERS, access=ACCESS) as broker, more_homes() as start:
        bot = await add_bot_of(await start(tmp_path / "one"), "shed", **as_user(broker, "cottage"))
        issues = ir.async_get(bot.hass).issues
        issue = (DOMAIN, f"mqtt_unusable_{bot.bot_id}")
        await until(lambda: issue in issues)

        topic = f"{TOPICS}/shed/status/{bot.bot_id}"
        assert issues[issue].translation_placeholders == {
            "bot": "shed",
            "about": f"The broker does not let the bot use the topic {topic}: Not authorized",
        }
        assert seen_by(bot)["problem"] == "topic_refused"
        assert bot.hass.states.is_state("binary_sensor.shed_mqtt_connection", "off")

        (tmp_path / "broker" / "access").write_text(ACCESS.replace("%u", "shed"), encoding="utf-8")
        os.kill(broker.pid, signal.SIGHUP)
        await until(lambda: issue not in issues)

        assert (seen_by(bot)["connected"], seen_by(bot)["problem"]) == (True, None)
