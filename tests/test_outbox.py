"""The outbox of messages to other homes."""

from homeassistant.core import HomeAssistant
import pytest

from custom_components.datastream_bot import outbox
from custom_components.datastream_bot.outbox import Letter, Outbox


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


async def test_who_has_not_answered_counts_toward_the_size(box: Outbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """All of it is written with each change."""
    monkeypatch.setattr(outbox, "MAX_BYTES", 1000)
    first, second, third = (letter(number) for number in range(3))
    box.add(first)
    box.expect(first, [f"home{number}/bot" for number in range(20)])
    first.is_sent = True
    assert box.unanswered == 20
    assert box.add(second) == [first]
    assert (box.unanswered, box.lost) == (0, 0)
    assert box.add(third) == []

    # An answer to what there was no room for comes all the same.
    assert box.answered(first, "home1/bot")
    assert not box.answered(first, "home1/bot")
    assert (box.unanswered, len(box)) == (0, 2)


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
