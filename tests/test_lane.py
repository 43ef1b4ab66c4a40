"""The lane: in order and once, whatever a broker does."""

import sqlite3
from typing import Final, override

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from custom_components.datastream_bot.mqtt import store
from custom_components.datastream_bot.mqtt.lane import MAX_PATIENCE, PATIENCE, WINDOW, Lane

ANY: Final = st.integers(min_value=0, max_value=1000)


class WorstBroker(RuleBasedStateMachine):
    """A lane through a broker that loses, doubles and delays, and between homes that die."""

    @initialize()
    def begin(self) -> None:
        """Begin with nothing on its way."""
        self.lane = Lane[str]()
        self.now = 0.0
        self.sent = 0
        self.given_up: set[int] = set()
        self.on_its_way: list[tuple[str, str | None]] = []
        self.receipts: list[str] = []
        self.handled: list[int] = []
        self.memory = sqlite3.connect(":memory:")
        self.memory.executescript(store.TABLES)

    def publish(self) -> None:
        """Give the broker what is due."""
        self.on_its_way += self.lane.due(self.now)

    def take(self, message_id: str, after: str | None) -> None:
        """Receive a message as the receiver does, whose memory survives it."""
        what, _ = store.begin(self.memory, "cottage", message_id, after)
        if what == "new":
            self.handled.append(int(message_id))
        if what != "too_early":
            self.receipts.append(message_id)

    @rule(count=st.integers(min_value=1, max_value=2 * WINDOW))
    def send(self, count: int) -> None:
        """Send some messages."""
        for _ in range(count):
            self.sent += 1
            self.lane.add(str(self.sent))
        self.publish()

    @rule(count=ANY)
    def deliver(self, count: int) -> None:
        """Deliver the oldest as they were published."""
        for _ in range(min(count, len(self.on_its_way))):
            self.take(*self.on_its_way.pop(0))

    @rule(which=ANY)
    def deliver_any(self, which: int) -> None:
        """Deliver one out of order, and keep it to be delivered once more."""
        if self.on_its_way:
            self.take(*self.on_its_way[which % len(self.on_its_way)])

    @rule(which=ANY, count=ANY)
    def lose(self, which: int, count: int) -> None:
        """Lose some in the middle, as from a full queue."""
        first = which % (len(self.on_its_way) + 1)
        del self.on_its_way[first : first + count]

    @rule(count=ANY)
    def answer(self, count: int) -> None:
        """Carry some receipts back."""
        for message_id in self.receipts[:count]:
            self.lane.answered(message_id, self.now)
        del self.receipts[:count]
        self.publish()

    @rule()
    def lose_receipts(self) -> None:
        """Lose all receipts that are on their way."""
        self.receipts.clear()

    @rule(is_kept=st.booleans())
    def die(self, is_kept: bool) -> None:
        """Let the connection break; a broker that died has nothing any more."""
        if not is_kept:
            self.on_its_way.clear()
            self.receipts.clear()
        self.lane.begin_again()
        self.publish()

    @rule(seconds=st.floats(min_value=1, max_value=3 * PATIENCE))
    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds
        self.lane.lose_patience(self.now)
        self.publish()

    @rule(which=ANY)
    def give_up(self, which: int) -> None:
        """Give one up as too old, which the broker does first."""
        number = which % (self.sent + 1)
        self.on_its_way = [each for each in self.on_its_way if each[0] != str(number)]
        if self.lane.remove(str(number)):
            self.given_up.add(number)
        self.publish()

    @invariant()
    def all_came_in_order_and_once(self) -> None:
        """Whatever happened so far."""
        assert self.handled == sorted(set(self.handled))

    @override
    def teardown(self) -> None:
        """Let all be well from now on: everything comes that was not given up."""
        self.lane.begin_again()
        while not self.lane.is_empty:
            self.publish()
            self.deliver(len(self.on_its_way))
            assert self.receipts
            self.answer(len(self.receipts))
        self.memory.close()
        assert {*range(1, self.sent + 1)} - {*self.handled} <= self.given_up


TestWorstBroker = WorstBroker.TestCase


def numbers(due: list[tuple[str, str | None]]) -> list[str]:
    """Return the messages that are due."""
    return [message_id for message_id, _ in due]


def lane_of(count: int) -> Lane[str]:
    """Return a lane with so many messages."""
    lane = Lane[str]()
    for number in range(1, count + 1):
        lane.add(str(number))
    return lane


def test_only_so_many_are_without_a_receipt() -> None:
    """The next ones wait for a receipt."""
    lane = lane_of(WINDOW + 2)

    first = numbers(lane.due(0))
    lane.answered("3", 0)

    assert first == [str(number) for number in range(1, WINDOW + 1)]
    assert lane.due(0) == [(str(WINDOW + 1), str(WINDOW))]


def test_each_message_names_the_one_before_it_that_has_no_receipt() -> None:
    """With it, whoever receives them notices that one is missing."""
    lane = lane_of(3)

    assert lane.due(0) == [("1", None), ("2", "1"), ("3", "2")]
    lane.answered("1", 0)
    lane.answered("2", 0)
    lane.begin_again()
    assert lane.due(0) == [("3", None)]


def test_nothing_is_sent_again_before_patience_ends_and_less_often_each_time() -> None:
    """Otherwise somebody who is away for long would get it thousands of times."""
    lane = lane_of(1)
    lane.due(0)
    again: list[float] = []

    for now in range(1, 3000):
        if lane.lose_patience(now):
            again.append(now)
            lane.due(now)

    gaps = [after - before for before, after in zip([0.0, *again], again, strict=False)]
    assert gaps == [PATIENCE, 30, 60, 120, 240, 480, MAX_PATIENCE, MAX_PATIENCE]


def test_a_receipt_gives_new_patience() -> None:
    """Whoever answers is at work."""
    lane = lane_of(2)
    lane.due(0)

    lane.answered("1", PATIENCE - 1)

    assert lane.lose_patience(PATIENCE + 1) == 0
    assert lane.lose_patience(2 * PATIENCE - 1) == 1
