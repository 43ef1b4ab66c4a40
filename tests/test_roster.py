"""The roster of bots elsewhere."""

import asyncio
from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.helpers.storage import Store
import pytest

from custom_components.datastream_bot.mqtt import roster
from custom_components.datastream_bot.mqtt.envelope import Sender
from custom_components.datastream_bot.mqtt.roster import Peer, Roster

DAY = 24 * 3600.0


def bot(number: int, home: str | None = "cottage", name: str = "Bot") -> Sender:
    """Return a bot."""
    return Sender(home=home, bot=f"bot{number}", name=name)


def known(one: Roster) -> list[str]:
    """Return who is known."""
    return sorted(peer.sender.key for peer in one)


async def loaded(hass: HomeAssistant, now: float) -> Roster:
    """Return what a restart remembers."""
    after = Roster(hass, "1")
    await after.async_load(now)
    return after


async def test_who_is_known_is_known_after_a_restart(hass: HomeAssistant, hass_storage: dict[str, Any]) -> None:
    """With how far their messages were handled, unless they were not heard for a month."""
    before = Roster(hass, "1")
    for number, home in enumerate(["cottage", "villa", None]):
        before.hear(bot(number, home), now=number * DAY)
    before.of("villa")["bot1"].handled = 7
    await before.async_save(before.of("villa")["bot1"])
    await before.async_save_all()

    after = await loaded(hass, now=31.5 * DAY)

    assert known(after) == ["/bot2"]
    after = await loaded(hass, now=30.5 * DAY)
    assert known(after) == ["/bot2", "villa/bot1"]
    assert after.of("villa")["bot1"].handled == 7
    assert len(hass_storage) == 3


async def test_a_home_which_knows_few_others_has_one_file(hass: HomeAssistant, hass_storage: dict[str, Any]) -> None:
    """An organization, which may know very many, has one for a part of them."""
    for bot_id, files in (("1", 1), ("2", roster.MAX_FILES)):
        one = Roster(hass, bot_id, files)
        for number in range(200):
            one.hear(bot(0, f"home{number}"), now=number)
        await one.async_save_all()
    stored = [key.split(".")[1] for key in hass_storage]
    assert (stored.count("1"), stored.count("2")) == (1, roster.MAX_FILES)


async def test_what_is_handled_while_a_file_is_written_is_written_together(
    hass: HomeAssistant, hass_storage: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """And whoever waits for it waits until it is there."""
    writes = []
    save = Store.async_save

    async def save_slowly(self: Store[Any], data: Any) -> None:
        await asyncio.sleep(0.02)
        writes.append(len(data))
        await save(self, data)

    monkeypatch.setattr(Store, "async_save", save_slowly)
    one = Roster(hass, "1", files=1)
    peers = [one.hear(bot(number), now=DAY) for number in range(10)]

    async def handled(peer: Peer | None, number: int) -> int:
        assert peer is not None
        peer.handled = number
        await one.async_save(peer)
        stored: dict[str, Any] = hass_storage["datastream_bot.1.roster_0"]["data"]
        return int(stored[peer.sender.key]["handled"])

    first = [asyncio.create_task(handled(peer, 1)) for peer in peers]
    await asyncio.sleep(0.01)
    assert await asyncio.gather(*(handled(peer, 2) for peer in peers)) == [2] * 10
    assert await asyncio.gather(*first) == [1] * 10
    assert writes == [10, 10]


async def test_a_home_that_makes_up_bots_is_not_heard_with_them(
    hass: HomeAssistant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those that it has are, until they are quiet for an hour."""
    monkeypatch.setattr(roster, "MAX_BOTS_OF_A_HOME", 2)
    one = Roster(hass, "1")
    one.hear(bot(0, "villa"), now=0)
    for number in range(5):
        one.hear(bot(number), now=number)
    assert known(one) == ["cottage/bot0", "cottage/bot1", "villa/bot0"]
    one.hear(bot(0), now=3600)
    one.hear(bot(2), now=3602)
    assert known(one) == ["cottage/bot0", "cottage/bot2", "villa/bot0"]


async def test_a_home_may_ask_only_so_often(hass: HomeAssistant) -> None:
    """However many bots it says it has, and whether they say goodbye in between."""
    one = Roster(hass, "1")
    allowed = 0
    for number in range(140):
        allowed += one.may_ask("cottage", 100.0)
        one.hear(bot(number % 16), now=number)
        one.forget(bot(number % 16))
    assert allowed == roster.REQUESTS_BURST
    assert one.homes == []
    assert one.may_ask("villa", 100.0)


async def test_there_is_an_end_to_the_homes_that_are_known(
    hass: HomeAssistant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a broker that lets anybody in, anybody can make them up; those that are heard least go first."""
    monkeypatch.setattr(roster, "MAX_HOMES", 2)
    monkeypatch.setattr(roster, "MAX_FILES", 1)
    one = Roster(hass, "1", files=1)
    for number in range(5):
        one.hear(bot(0, f"home{number}"), now=number)
        one.hear(bot(0, "home0"), now=number)
    assert known(one) == ["home0/bot0", "home4/bot0"]


async def test_a_new_name_is_known_and_who_leaves_is_forgotten(
    hass: HomeAssistant, hass_storage: dict[str, Any]
) -> None:
    """Also who was never known."""
    one = Roster(hass, "1")
    one.hear(bot(0, name="Old"), now=0)
    one.hear(bot(1), now=0)
    one.hear(bot(0, name="New"), now=1)
    one.forget(bot(1))
    one.forget(bot(2))
    one.forget(bot(0, "villa"))
    assert [peer.sender.name for peer in one] == ["New"]
    one.forget(bot(0))
    assert one.homes == []
    await one.async_save_all()
