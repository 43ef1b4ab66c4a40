"""The outbox of messages to other homes."""

import json
from typing import Any

from homeassistant.core import HomeAssistant
import pytest

from custom_components.datastream_bot.mqtt import outbox
from custom_components.datastream_bot.mqtt.outbox import Letter, Outbox


def letter(number: int) -> Letter:
    """Return a message."""
    return Letter(
        number=number,
        message_id=str(number),
        address="news",
        content={},
        hops=0,
        time=0.0,
        expires=10.0,
        size=100,
        topics=["topic"],
    )


@pytest.fixture
def box(hass: HomeAssistant) -> Outbox:
    """Return an empty outbox."""
    return Outbox(hass, "1", ("acme", None), max_letters=10, keep_for=60)


async def test_many_who_have_not_answered_take_hardly_any_room(
    hass: HomeAssistant, box: Outbox, hass_storage: dict[str, Any]
) -> None:
    """A thousand messages to two thousand homes fit into a small box, and onto its disk."""
    keys = [f"home{number}/bot" for number in range(2000)]
    for number in range(1, 11):
        box.add(letter(number))
        box.expect(next(each for each in box if each.number == number), keys)
    assert sum(each.weight for each in box) < 10 * 900
    await box.async_save()
    assert len(json.dumps(hass_storage["datastream_bot.1.outbox"])) < 60_000

    after = Outbox(hass, "1", ("acme", None), max_letters=10, keep_for=60)
    await after.async_load()
    assert [list(each.waiting) for each in after] == [keys] * 10


async def test_an_answer_to_what_there_was_no_room_for_comes_all_the_same(
    box: Outbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It counts once."""
    monkeypatch.setattr(outbox, "MAX_BYTES", 500)
    first, second = letter(1), letter(2)
    box.add(first)
    box.expect(first, ["home/bot"])
    first.is_sent = True
    assert box.add(second) == [first]
    assert box.answered(first, "home/bot")
    assert not box.answered(first, "home/bot")
    assert (box.lost, len(box)) == (0, 1)


async def test_who_ever_had_to_answer_is_not_remembered_forever(
    box: Outbox, hass_storage: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only while something is on its way."""
    one = letter(1)
    box.add(one)
    box.expect(one, ["home/bot"])
    box.expect(one, ["home/other"])
    assert not box.answered(one, "home/never")
    box.expire(0)
    await box.async_save()
    assert hass_storage["datastream_bot.1.outbox"]["data"]["keys"] == ["home/bot", "home/other"]
    monkeypatch.setattr(outbox, "SPARE_KEYS", -1)
    box.expire(0)
    await box.async_save()
    assert hass_storage["datastream_bot.1.outbox"]["data"]["keys"] == ["home/other"]
    assert list(one.waiting) == ["home/other"]
    box.expire(20)
    await box.async_save()
    assert hass_storage["datastream_bot.1.outbox"]["data"]["keys"] == []


async def test_a_message_to_many_homes_takes_more_room(box: Outbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is on disk is not much larger than the box may be."""
    monkeypatch.setattr(outbox, "MAX_BYTES", 20_000)
    for number in range(1, 11):
        one = letter(number)
        one.topics = [f"datastream_bot/acme/organization/homes/home{home}" for home in range(100)]
        box.add(one)
    assert len(json.dumps(box._stored())) < 25_000
    assert len(box) >= 3


async def test_nothing_is_sent_again_past_what_the_broker_does_not_have(box: Outbox) -> None:
    """Or it would overtake it."""
    letters = [letter(number) for number in range(1, 4)]
    for each in letters:
        box.add(each)
        box.expect(each, ["home/bot"])
    letters[0].is_sent = letters[2].is_sent = True
    assert box.sent_up_to == 1
    assert box.owed_to("home/bot", 0) == letters[:1]
    letters[1].is_sent = True
    assert box.owed_to("home/bot", 1) == letters[1:]
