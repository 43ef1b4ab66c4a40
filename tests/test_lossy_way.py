"""Many homes on a way that loses, delays and doubles what is said, with homes that come and go."""

import asyncio
from asyncio import TimerHandle
from collections.abc import AsyncIterator, Callable, Collection
import json
from pathlib import Path
from random import Random
import time
from typing import Any

from homeassistant.core import CALLBACK_TYPE, HomeAssistant
from homeassistant.helpers import issue_registry as ir
import pytest

from custom_components.datastream_bot.bot import Bot
from custom_components.datastream_bot.messaging import router
from custom_components.datastream_bot.mqtt import (
    farewell,
    greeting,
    handling,
    hearing,
    mqtt_door,
    outbox,
    posting,
    receiving,
    resending,
    roster,
)
from custom_components.datastream_bot.mqtt.envelope import MAX_DIRECTED
from custom_components.datastream_bot.mqtt.link import Received

from .broker import Ear, acquainted, add_bot_of, more_homes, mqtt_of, seen_by, until

NEWS = [{"address": "news"}]


class Air:
    """What lies between homes."""

    def __init__(self, seed: int) -> None:
        """Initialize it; what it does to whom is random, but the same for the same seed."""
        self.random = Random(seed)  # noqa: S311 - no secret
        self.loss = 0.0
        self.away: set[HomeAssistant] = set()
        self.unheard: list[tuple[HomeAssistant, bytes]] = []
        self.links: list[AirLink] = []
        self.flying: list[TimerHandle] = []

    def link(
        self,
        hass: HomeAssistant,
        topics: Collection[str],
        received: Received,
        changed: Callable[[bool], None],
        missing: CALLBACK_TYPE,
    ) -> AirLink:
        """Return a link of a door, as the door makes it."""
        return AirLink(self, hass, topics, received, changed)

    def leave(self, hass: HomeAssistant) -> None:
        """Cut a home off."""
        self.away.add(hass)
        self.update()

    def come_back(self, hass: HomeAssistant) -> None:
        """Connect a home again."""
        self.away.discard(hass)
        self.update()

    def lose(self, hass: HomeAssistant, part: bytes) -> None:
        """Let a home not hear the next payload that has this in it, without knowing that it did not."""
        self.unheard.append((hass, part))

    def is_lost(self, hass: HomeAssistant, payload: bytes) -> bool:
        """Return whether a home is not to hear a payload."""
        for each in self.unheard:
            if each[0] is hass and each[1] in payload:
                self.unheard.remove(each)
                return True
        return False

    def update(self) -> None:
        """Tell all links whether they are connected."""
        for link in list(self.links):
            link.set_connected(link.hass not in self.away)

    async def async_publish(self, hass: HomeAssistant, topic: str, payload: bytes) -> bool:
        """Carry what a home says to all who listen, and return whether it was taken."""
        if self.random.random() < self.loss:
            return False
        for link in self.links:
            for _ in range(1 + (self.random.random() < self.loss)):
                if self.random.random() >= self.loss:
                    delay = self.random.random() * 0.02
                    self.flying.append(hass.loop.call_later(delay, link.hear, topic, payload))
        return True


class AirLink:
    """A link that is as good as the air."""

    is_set_up = True

    def __init__(
        self,
        air: Air,
        hass: HomeAssistant,
        topics: Collection[str],
        received: Received,
        changed: Callable[[bool], None],
    ) -> None:
        """Initialize the link."""
        self.hass = hass
        self.is_connected = False
        self._air = air
        self._topics = [topic.split("/") for topic in topics]
        self._received = received
        self._changed = changed

    async def async_open(self) -> CALLBACK_TYPE:
        """Connect."""
        self._air.links.append(self)
        self._air.update()

        def close() -> None:
            self._air.links.remove(self)
            self.set_connected(False)

        return close

    def set_connected(self, is_connected: bool) -> None:
        """Connect or disconnect."""
        if is_connected != self.is_connected:
            self.is_connected = is_connected
            self._changed(is_connected)

    async def async_publish(self, topic: str, payload: bytes) -> bool:
        """Say something, which may get lost before or after it was taken, come late or come twice."""
        return self.is_connected and await self._air.async_publish(self.hass, topic, payload)

    def hear(self, topic: str, payload: bytes) -> None:
        """Hear what is said, if it is listened to."""
        levels = topic.split("/")
        is_listened_to = self.is_connected and any(
            len(mine) == len(levels) and all(one in {"+", other} for one, other in zip(mine, levels, strict=True))
            for mine in self._topics
        )
        if is_listened_to and not self._air.is_lost(self.hass, payload):
            self._received(topic, payload, False)  # noqa: FBT003


@pytest.fixture
def air(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Air:
    """Return air that all doors of the test speak through, without waiting for long."""
    air = Air(getattr(request, "param", 0))
    monkeypatch.setattr(mqtt_door, "Link", air.link)
    monkeypatch.setattr(farewell, "async_publish", air.async_publish)
    monkeypatch.setattr(hearing, "REPLY_WITHIN", 0.05)
    monkeypatch.setattr(greeting, "FIRST_PAUSE", 0.02)
    monkeypatch.setattr(greeting, "MAX_PAUSE", 0.1)
    monkeypatch.setattr(posting, "LOOK_EVERY", 0.05)
    monkeypatch.setattr(receiving, "TELL_EVERY", 0.1)
    monkeypatch.setattr(resending, "PATIENCE", 0.2)
    monkeypatch.setattr(resending, "MAX_PATIENCE", 0.4)
    monkeypatch.setattr(resending, "PAUSE", 0.05)
    monkeypatch.setattr(roster, "REQUESTS_BURST", 10_000)
    monkeypatch.setattr(router, "RECEIPT_WAIT", 0.05)
    return air


@pytest.fixture
async def homes(air: Air, tmp_path: Path) -> AsyncIterator[dict[str, HomeAssistant]]:
    """Return Home Assistants: that of the organization, and of three homes."""
    async with more_homes() as start_one:
        yield {name: await start_one(tmp_path / name) for name in ("headquarters", "cottage", "tower", "villa")}
    for timer in air.flying:
        timer.cancel()


def now_at(hass: HomeAssistant) -> Bot:
    """Return the bot of a Home Assistant, which may have been reloaded."""
    (entry,) = hass.config_entries.async_loaded_entries("datastream_bot")
    bot: Bot = entry.runtime_data
    return bot


async def tell(hass: HomeAssistant, number: int, **data: Any) -> dict[str, Any]:
    """Send a number to the news, and return what became of it elsewhere."""
    bot = now_at(hass)
    data = {"address": "news", "content": {"n": number}, "config_entry_id": bot.bot_id, "internal": False, **data}
    receipt: Any = await hass.services.async_call("datastream_bot", "send", data, blocking=True, return_response=True)
    told: dict[str, Any] = receipt["elsewhere"]
    return told


def numbers(ear: Ear) -> list[int]:
    """Return the numbers that were heard from elsewhere."""
    return [one["content"]["n"] for one in ear.heard if one["origin"] == "mqtt"]


async def open_mqtt(hass: HomeAssistant, *, is_open: bool) -> None:
    """Open or close the MQTT door of the bot."""
    entry = now_at(hass).entry
    doors = entry.options["doors"]
    changed = {**doors, "mqtt": doors["mqtt"] | {"open": is_open}}
    hass.config_entries.async_update_entry(entry, options={**entry.options, "doors": changed})
    await hass.async_block_till_done()


async def furnished(homes: dict[str, HomeAssistant]) -> dict[str, Ear]:
    """Add a bot everywhere, and return what the homes hear."""
    bots = [
        await add_bot_of(hass, "" if name == "headquarters" else name, streams=NEWS) for name, hass in homes.items()
    ]
    await acquainted(bots[0], others=3)
    await acquainted(*bots[1:], others=1)
    return {name: Ear(hass) for name, hass in homes.items()}


@pytest.mark.warns
@pytest.mark.parametrize("air", range(4), indirect=True, ids=str)
async def test_nothing_is_lost_doubled_or_out_of_order_whatever_happens_on_the_way(
    air: Air, homes: dict[str, HomeAssistant]
) -> None:
    """From an organization to some homes and to all, and back."""
    ears = await furnished(homes)
    headquarters = homes["headquarters"]
    names = ["cottage", "tower", "villa"]
    sent: dict[str, list[int]] = {name: [] for name in names}
    back: dict[str, list[int]] = {name: [] for name in names}
    air.loss = 0.2

    for number in range(60):
        chosen = air.random.choice([names, *([name] for name in names), names[:2]])
        await tell(headquarters, number, homes="all" if chosen == names else chosen)
        for name in chosen:
            sent[name].append(number)
        if number % 5 == 0:
            name = air.random.choice(names)
            await tell(homes[name], number, scope="organization")
            back[name].append(number)
        hass = homes[air.random.choice([*names, "headquarters"])]
        chance = air.random.random()
        if chance < 0.2:
            air.leave(hass)
        elif chance < 0.3:
            await hass.config_entries.async_reload(now_at(hass).bot_id)
        elif chance < 0.6:
            air.come_back(hass)

    air.loss = 0.0
    for hass in homes.values():
        air.come_back(hass)
    await until(lambda: all(seen_by(now_at(hass))["on_their_way"] == 0 for hass in homes.values()))
    assert {name: numbers(ears[name]) for name in names} == sent
    heard = ears["headquarters"].heard
    assert {name: [one["content"]["n"] for one in heard if one["home"] == name] for name in names} == back
    assert all(not seen_by(now_at(hass))["counts"].get("missed") for hass in homes.values())


async def test_what_is_sent_to_one_home_that_is_away_comes_before_what_is_then_sent_to_all(
    air: Air, homes: dict[str, HomeAssistant]
) -> None:
    """The others do not wait for it."""
    ears = await furnished(homes)
    air.leave(homes["villa"])
    await tell(homes["headquarters"], 1, homes=["villa"])
    await tell(homes["headquarters"], 2, homes="all")
    await until(lambda: numbers(ears["cottage"]) == numbers(ears["tower"]) == [2])

    air.come_back(homes["villa"])
    await tell(homes["headquarters"], 3, homes="all")

    await until(lambda: numbers(ears["villa"]) == [1, 2, 3])
    await until(lambda: numbers(ears["cottage"]) == numbers(ears["tower"]) == [2, 3])


@pytest.mark.parametrize("max_directed", [MAX_DIRECTED, 0])
async def test_a_home_that_missed_what_was_sent_to_it_alone_waits_for_it_before_what_was_sent_to_all(
    air: Air, homes: dict[str, HomeAssistant], monkeypatch: pytest.MonkeyPatch, max_directed: int
) -> None:
    """Also if so many homes may have missed something that all have to ask."""
    monkeypatch.setattr("custom_components.datastream_bot.mqtt.addressing.MAX_DIRECTED", max_directed)
    monkeypatch.setattr(posting, "LOOK_EVERY", 3600)
    ears = await furnished(homes)
    air.lose(homes["villa"], b'"n":1')
    await tell(homes["headquarters"], 1, homes=["villa"])
    await until(lambda: not air.unheard)

    await tell(homes["headquarters"], 2, homes="all")

    await until(lambda: numbers(ears["villa"]) == [1, 2])
    await until(lambda: numbers(ears["cottage"]) == numbers(ears["tower"]) == [2])


async def test_a_home_that_is_named_before_it_was_ever_heard_gets_it_when_it_comes(
    air: Air, homes: dict[str, HomeAssistant]
) -> None:
    """The receipt counts it among those that did not answer, as a name that is not right would be."""
    chief = await add_bot_of(homes["headquarters"])
    await acquainted(chief)
    told = await tell(homes["headquarters"], 1, homes=["cottage", "castle"])
    assert (told["unanswered"], told["kept"]) == (2, False)
    await homes["headquarters"].config_entries.async_reload(chief.bot_id)
    ear = Ear(homes["cottage"])
    await add_bot_of(homes["cottage"], "cottage", streams=NEWS)
    await until(lambda: numbers(ear) == [1])
    await until(lambda: seen_by(now_at(homes["headquarters"]))["on_their_way"] == 1)


async def test_all_bots_of_a_home_that_was_never_heard_get_what_was_sent_to_it(
    air: Air, homes: dict[str, HomeAssistant]
) -> None:
    """As long as it is not too old, and each once."""
    hass = homes["headquarters"]
    await acquainted(await add_bot_of(hass, keep_for=0.08))
    assert (await tell(hass, 1, homes=["cottage"]))["unanswered"] == 1
    ears = Ear(homes["cottage"]), Ear(homes["tower"])
    for name, ear in zip(("cottage", "tower"), ears, strict=True):
        await add_bot_of(homes[name], "cottage", name=name, streams=NEWS)
        await until(lambda ear=ear: numbers(ear) == [1])  # type: ignore[misc]
    await tell(hass, 2, homes=["cottage"])
    await until(lambda: seen_by(now_at(hass))["on_their_way"] == 0)
    assert [numbers(ear) for ear in ears] == [[1, 2], [1, 2]]
    assert "unanswered" not in seen_by(now_at(hass))["counts"]


async def test_what_a_home_says_to_an_organization_that_was_never_heard_is_kept_for_it(
    air: Air, homes: dict[str, HomeAssistant]
) -> None:
    """Until it is there."""
    await acquainted(await add_bot_of(homes["cottage"], "cottage"))
    told = await tell(homes["cottage"], 1, scope="organization")
    assert told["unanswered"] == 1
    assert (await tell(homes["cottage"], 2))["unanswered"] == 0
    ear = Ear(homes["headquarters"])
    await add_bot_of(homes["headquarters"], streams=NEWS)
    await until(lambda: numbers(ear) == [1])


async def test_who_is_not_known_to_the_sender_does_not_wait_for_what_was_sent_to_others(
    air: Air, homes: dict[str, HomeAssistant]
) -> None:
    """It asks what it misses, and is told that there is nothing."""
    ears = await furnished({name: homes[name] for name in ("headquarters", "cottage", "tower", "villa")})
    chief = now_at(homes["headquarters"])
    air.leave(homes["villa"])
    await tell(homes["headquarters"], 1, homes="all")
    # The broker let it in, but what it said got lost.
    for name in ("cottage", "tower"):
        mqtt_of(chief)._roster.forget(mqtt_of(now_at(homes[name]))._self)
    await homes["cottage"].config_entries.async_reload(now_at(homes["cottage"]).bot_id)

    await tell(homes["headquarters"], 2, homes="all")

    await until(lambda: numbers(ears["cottage"]) == numbers(ears["tower"]) == [1, 2])


async def test_a_home_that_joined_while_the_organization_was_away_is_known_when_it_returns(
    air: Air, homes: dict[str, HomeAssistant]
) -> None:
    """Although an organization that knows homes does not ask all of them who they are."""
    chief = await add_bot_of(homes["headquarters"])
    await acquainted(chief, await add_bot_of(homes["cottage"], "cottage"))
    air.leave(homes["headquarters"])
    await homes["headquarters"].config_entries.async_unload(chief.bot_id)
    await add_bot_of(homes["villa"], "villa", streams=NEWS)
    ear = Ear(homes["villa"])

    air.come_back(homes["headquarters"])
    await homes["headquarters"].config_entries.async_setup(chief.bot_id)
    await acquainted(now_at(homes["headquarters"]), others=2)

    await tell(homes["headquarters"], 1, homes="all")
    await until(lambda: numbers(ear) == [1])


async def test_what_is_missed_is_waited_for_as_long_as_its_sender_is_away(
    air: Air, homes: dict[str, HomeAssistant]
) -> None:
    """However long that is, as long as nothing of it is too old."""
    ears = await furnished(homes)
    air.leave(homes["villa"])
    await tell(homes["headquarters"], 1, homes=["villa"])
    villa = mqtt_of(now_at(homes["villa"]))
    assert villa is not None
    take, villa._receiving.async_take = villa._receiving.async_take, lambda *_: None  # type: ignore[method-assign]
    air.come_back(homes["villa"])
    await until(lambda: seen_by(now_at(homes["villa"]))["connected"])
    villa._receiving.async_take = take  # type: ignore[method-assign]
    await tell(homes["headquarters"], 2, homes="all")
    air.leave(homes["headquarters"])
    await asyncio.sleep(1)
    air.come_back(homes["headquarters"])
    await until(lambda: numbers(ears["villa"]) == [1, 2])


async def test_what_was_waiting_when_a_home_was_stopped_comes_again_in_front(
    air: Air, homes: dict[str, HomeAssistant], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Although that home had said that it has it, and nobody heard its hello."""
    ears = await furnished(homes)
    hass = homes["villa"]
    await tell(homes["headquarters"], 0, homes=["villa"])
    # All places are taken: the next messages wait, and are there all the same.
    monkeypatch.setattr("custom_components.datastream_bot.mqtt.household.MAX_WORKING", 0)
    await hass.config_entries.async_reload(now_at(hass).bot_id)
    await acquainted(now_at(hass), others=1)
    for number in (1, 2, 3):
        await tell(homes["headquarters"], number, homes=["villa"])
    chief = mqtt_of(now_at(homes["headquarters"]))
    assert chief is not None
    # What is said to be there is not asked for again that soon.
    monkeypatch.setattr(resending, "MAX_PATIENCE", 60)
    peer = chief._roster.of("villa")[now_at(hass).bot_id]
    monkeypatch.setattr("custom_components.datastream_bot.mqtt.household.MAX_WORKING", 25)
    with monkeypatch.context() as patch:
        # Nothing gets through, neither the hello nor the next message, until the home is asked again for that one.
        patch.setattr(hearing.Hearing, "_listen", lambda *_: None)
        await hass.config_entries.async_reload(now_at(hass).bot_id)
        await until(lambda: seen_by(now_at(hass))["connected"])
        newest = max(letter.number for letter in chief._outbox)
        await tell(homes["headquarters"], 4, homes=["villa"])
        peer.newest, peer.sent_again_to, peer.is_silent = newest, None, False
    await until(lambda: numbers(ears["villa"]) == [0, 1, 2, 3, 4])


async def test_a_door_that_was_closed_and_opened_says_nothing_twice(
    air: Air, homes: dict[str, HomeAssistant], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was on its way when it said goodbye is not for anybody any more."""
    ears = await furnished(homes)
    hass = homes["headquarters"]
    with monkeypatch.context() as patch:
        patch.setattr(posting.Posting, "async_answered", lambda *_: None)
        await tell(hass, 1, homes=["villa"])
        await until(lambda: numbers(ears["villa"]) == [1])
        await open_mqtt(hass, is_open=False)
    # Those who heard the goodbye have forgotten what they had of it.
    await until(lambda: seen_by(now_at(homes["villa"]))["bots_known"] == 0)
    await homes["villa"].config_entries.async_reload(now_at(homes["villa"]).bot_id)
    await open_mqtt(hass, is_open=True)
    await acquainted(now_at(hass), others=3)
    await tell(hass, 2, homes="all")
    await until(lambda: 2 in numbers(ears["villa"]))
    assert numbers(ears["villa"]) == [1, 2]


async def test_who_speaks_for_somebody_else_now_forgets_whom_it_knew(air: Air, homes: dict[str, HomeAssistant]) -> None:
    """They are of another organization."""
    await furnished(homes)
    bot = now_at(homes["villa"])
    doors = {**bot.entry.options["doors"]}
    doors["mqtt"] = doors["mqtt"] | {"organization": "other"}
    homes["villa"].config_entries.async_update_entry(bot.entry, options={**bot.entry.options, "doors": doors})
    await homes["villa"].async_block_till_done()
    await acquainted(now_at(homes["villa"]), others=0)
    await asyncio.sleep(0.1)
    assert seen_by(now_at(homes["villa"]))["bots_known"] == 0


EVIL = "datastream_bot/acme/homes/evil/organization"


def say(air: Air, bot: str, kind: str, **data: Any) -> None:
    """Say something to the organization as a bot of a home that is up to no good."""
    sender = {"home": "evil", "bot": bot, "name": bot}
    said = {"version": 1, "kind": kind, "sender": sender, "time": time.time(), "to": None} | data
    air.links[0].hear(EVIL, json.dumps(said).encode())


def say_message(air: Air, bot: str, number: int, **different: Any) -> None:
    """Send a message to the organization as such a bot."""
    data = {"id": f"{bot}-{number}", "number": number, "after": 0, "expires": time.time() + 60, "hops": 0}
    say(air, bot, "message", **data | {"address": "news", "content": {"n": number}} | different)


@pytest.mark.warns
async def test_a_clock_is_no_matter_any_more_when_its_bot_is_gone(
    air: Air, homes: dict[str, HomeAssistant], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though its message is handled after that."""
    monkeypatch.setattr(roster, "MAX_BOTS_OF_A_HOME", 1)
    hass = homes["headquarters"]
    bot = await add_bot_of(hass, streams=NEWS)
    await acquainted(bot)
    issues = ir.async_get(hass).issues
    for name in ("one", "two", "three"):
        say_message(air, name, 1, time=1, expires=2)
        say(air, name, "goodbye")
    await until(lambda: seen_by(bot)["counts"].get("late") == 3)
    assert not issues

    say_message(air, "four", 1, time=1, expires=2)
    await until(lambda: issues)
    mqtt_of(bot)._roster.of("evil")["four"].heard -= 2 * roster.REPLACED_AFTER
    say_message(air, "five", 1)
    await until(lambda: not issues)


@pytest.mark.warns
async def test_what_is_missed_is_not_waited_for_forever_whatever_its_sender_claims(
    air: Air, homes: dict[str, HomeAssistant], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor when its sender had to make room for another."""
    monkeypatch.setattr(roster, "MAX_BOTS_OF_A_HOME", 1)
    bot = await add_bot_of(homes["headquarters"], streams=NEWS)
    await acquainted(bot)
    say_message(air, "one", 5, after=4, expires=200_000_000_000)
    mqtt_of(bot)._roster.of("evil")["one"].heard -= 2 * roster.REPLACED_AFTER
    await asyncio.sleep(0.3)
    assert "missed" not in seen_by(bot)["counts"]
    say_message(air, "two", 5, after=4, expires=200_000_000_000)
    await until(lambda: seen_by(bot)["counts"].get("missed") == 1)
    monkeypatch.setattr(handling, "MAX_KEPT", 0)
    await until(lambda: seen_by(bot)["counts"].get("missed") == 2)


@pytest.mark.warns
async def test_a_gap_is_told_again_also_while_more_comes(air: Air, homes: dict[str, HomeAssistant]) -> None:
    """What tells of it may get lost."""
    bot = await add_bot_of(homes["headquarters"], streams=NEWS)
    await acquainted(bot)
    told: list[str] = []
    topic = "datastream_bot/acme/organization/homes/evil"
    evil = air.link(
        homes["villa"],
        [topic],
        lambda _topic, payload, _is_retained: told.append(json.loads(payload)["kind"]),
        lambda _is_connected: None,
        lambda: None,
    )
    await evil.async_open()
    for number in range(5, 40):
        say_message(air, "one", number, after=number - 1)
        await asyncio.sleep(0.02)
    assert told.count("missing") >= 3


async def test_nothing_is_sent_before_it_is_on_disk(
    air: Air, homes: dict[str, HomeAssistant], monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a power cut, its number must not be given to another message."""
    ears = await furnished(homes)
    chief = now_at(homes["headquarters"])
    may_save = asyncio.Event()
    save = outbox.Outbox.async_save

    async def save_slowly(self: outbox.Outbox) -> None:
        await may_save.wait()
        await save(self)

    with monkeypatch.context() as patch:
        patch.setattr(outbox.Outbox, "async_save", save_slowly)
        assert (await tell(homes["headquarters"], 1, homes="all"))["kept"]
        await asyncio.sleep(0.2)
        assert "sent" not in seen_by(chief)["counts"]
        may_save.set()
        await until(lambda: all(numbers(ears[name]) == [1] for name in ("cottage", "tower", "villa")))
