"""The inbox: order, and each message once."""

from itertools import pairwise
from random import Random

from hypothesis import given, strategies as st
import pytest

from custom_components.datastream_bot.mqtt import inbox
from custom_components.datastream_bot.mqtt.inbox import Fate, Inbox, Room


def emptied(box: Inbox[int]) -> list[int]:
    """Return all that is to be handled."""
    return list(iter(box.take, None))


@given(
    numbers=st.lists(st.integers(1, 1000), min_size=1, max_size=30, unique=True).map(sorted),
    shuffle=st.randoms(use_true_random=False),
    times=st.integers(1, 3),
)
def test_whatever_the_order_in_which_messages_come_they_are_handled_in_that_in_which_they_were_sent(
    numbers: list[int],
    shuffle: Random,
    times: int,
) -> None:
    """And once, however often each comes."""
    arrivals = [*pairwise([0, *numbers])] * times
    shuffle.shuffle(arrivals)
    box: Inbox[int] = Inbox(0, Room())
    for after, number in arrivals:
        box.put(number, after, number, 10)
    assert emptied(box) == numbers
    assert box.is_empty
    assert box.newest == numbers[-1]


def test_what_was_handled_before_is_not_handled_again() -> None:
    """The number of the last one is enough to know."""
    box: Inbox[int] = Inbox(5, Room())
    assert [box.put(number, 0, number, 1) for number in (4, 5, 6, 6)] == [
        Fate.DOUBLED,
        Fate.DOUBLED,
        Fate.QUEUED,
        Fate.DOUBLED,
    ]


def test_what_comes_again_with_less_before_it_waits_no_longer() -> None:
    """What was missed before it is gone for good, so its sender does not name it any more."""
    box: Inbox[int] = Inbox(0, Room())
    assert [box.put(number, number - 1, number, 1) for number in (5, 6, 9)] == [Fate.HELD] * 3
    assert box.put(5, 2, 5, 1) is Fate.HELD
    assert box.put(5, 2, 5, 1) is Fate.DOUBLED
    assert box.put(5, 0, 5, 1) is Fate.QUEUED
    assert (emptied(box), box.newest, box.is_holding) == ([5, 6], 6, True)


def test_nothing_is_missed_any_more_when_the_sender_says_so() -> None:
    """Up to the number that it says."""
    box: Inbox[int] = Inbox(0, Room())
    for number, after in ((3, 2), (5, 4), (9, 8)):
        box.put(number, after, number, 1)
    box.complete(5)
    assert (emptied(box), box.newest) == ([3, 5], 5)
    box.complete(0)
    assert box.is_holding


def test_what_is_missed_can_be_given_up() -> None:
    """Then the rest goes on, up to the next that is missed."""
    box: Inbox[int] = Inbox(0, Room())
    assert [box.put(number, after, number, 1) for after, number in ((1, 2), (2, 3), (4, 5))] == [Fate.HELD] * 3
    assert box.put(5, 4, 5, 1) is Fate.DOUBLED
    assert (box.is_holding, emptied(box)) == (True, [])
    box.give_up()
    assert (box.is_holding, emptied(box), box.newest) == (True, [2, 3], 3)
    box.give_up()
    assert (box.is_holding, emptied(box)) == (False, [5])


def test_what_cannot_have_been_missed_goes_in_behind_what_is_held() -> None:
    """No number is ever handled after a larger one."""
    box: Inbox[int] = Inbox(0, Room())
    box.put(3, 2, 3, 1)
    box.put(4, 0, 4, 1)
    assert emptied(box) == [3, 4]


@pytest.mark.parametrize(("limit", "value"), [("MAX_WAITING", 2), ("MAX_WAITING_BYTES", 20)])
def test_only_so_much_waits(monkeypatch: pytest.MonkeyPatch, limit: str, value: int) -> None:
    """What does not fit comes again, when there is room."""
    monkeypatch.setattr(inbox, limit, value)
    box: Inbox[int] = Inbox(0, Room())
    assert [box.put(1, 0, 1, 10), box.put(3, 2, 3, 10), box.put(4, 3, 4, 10)] == [
        Fate.QUEUED,
        Fate.HELD,
        Fate.NO_ROOM,
    ]
    assert box.take() == 1
    assert box.put(2, 1, 2, 10) is Fate.QUEUED
    assert emptied(box) == [2, 3]
    assert box.put(4, 3, 4, 20) is Fate.QUEUED
