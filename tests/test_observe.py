"""What observations of persons come to: a state, and now and then an edge."""

from dataclasses import replace
from itertools import pairwise

from hypothesis import given, strategies as st
import pytest

from custom_components.datastream_bot.presence.observation import PresenceState, observe
from custom_components.datastream_bot.presence.persons import Presence

HOME, AWAY, UNSURE = Presence.HOME, Presence.AWAY, Presence.UNSURE
SETTLING = 60.0
START = PresenceState(unsure_since=0.0)


def edges(
    *observations: tuple[float, Presence], state: PresenceState = START, settling: float = SETTLING
) -> list[tuple[float, Presence]]:
    """Return the edges among observations of one person, each with its time."""
    found = []
    for now, presence in observations:
        state, edge = observe(state, {"person.anna": presence}, now, settling)
        if edge is not None:
            found.append((now, edge))
    return found


@pytest.mark.parametrize("presence", list(Presence))
def test_the_first_observation_is_no_edge(presence: Presence) -> None:
    """Nobody has left or returned."""
    assert edges((0, presence), (100, presence)) == []


def test_leaving_is_an_edge_when_it_has_settled_and_returning_at_once() -> None:
    """Each once."""
    day = [(0, HOME), (10, AWAY), (69, AWAY), (70, AWAY), (71, AWAY), (100, HOME), (101, HOME)]
    assert edges(*day) == [(70, AWAY), (100, HOME)]


def test_who_comes_back_in_time_has_never_left() -> None:
    """However often."""
    assert edges((0, HOME), (10, AWAY), (69, HOME), (70, AWAY), (129, HOME), (200, HOME)) == []


def test_not_knowing_is_no_edge_and_decides_nothing() -> None:
    """It neither starts nor ends anything, but leaving settles anew when it ran out meanwhile."""
    assert edges((0, HOME), (10, UNSURE), (100, HOME)) == []
    assert edges((0, HOME), (10, AWAY), (20, UNSURE), (30, AWAY), (70, AWAY)) == [(70, AWAY)]
    assert edges((0, HOME), (10, AWAY), (20, UNSURE), (80, AWAY), (139, AWAY), (140, AWAY)) == [(140, AWAY)]


def test_what_was_believed_before_a_restart_is_what_the_first_observation_is_compared_with() -> None:
    """Also how long leaving has settled."""
    left = PresenceState(sure=AWAY, since=100.0, acted_on=HOME, unsure_since=None)
    assert edges((110, AWAY), (160, AWAY), state=left) == [(160, AWAY)]
    assert edges((500, AWAY), state=left) == [(500, AWAY)]
    assert edges((110, HOME), (500, HOME), state=left) == []
    unsure = replace(left, unsure_since=150.0)
    assert edges((500, AWAY), (559, AWAY), (560, AWAY), state=unsure) == [(560, AWAY)]


def test_a_person_who_is_added_or_removed_at_home_has_neither_left_nor_returned() -> None:
    """What was settling is forgotten."""
    state, _ = observe(START, {"person.anna": HOME, "person.bo": AWAY}, 0, SETTLING)
    state, edge = observe(state, {"person.bo": AWAY}, 10, SETTLING)
    assert edge is None
    state, edge = observe(state, {"person.bo": AWAY}, 100, SETTLING)
    assert edge is None


@given(
    st.lists(st.tuples(st.floats(0, 100), st.sampled_from(Presence)), max_size=30),
    st.sampled_from([0.0, 1.0, 60.0]),
)
def test_edges_take_turns_and_come_only_when_presence_is_sure(
    steps: list[tuple[float, Presence]], settling: float
) -> None:
    """Whatever is observed, and when: away only after it has settled, home at once."""
    now, observations = 0.0, []
    for seconds, presence in steps:
        now += seconds
        observations.append((now, presence))

    found = edges(*observations, settling=settling)

    presences = dict(observations)
    assert all(presences[time] is edge for time, edge in found if [at for at, _ in observations].count(time) == 1)
    kinds = [edge for _, edge in found]
    assert all(one is not other for one, other in pairwise(kinds))
    for time, edge in found:
        if edge is AWAY:
            homes = [at for at, presence in observations if presence is HOME and at <= time]
            assert all(time - at >= settling or at == time for at in homes)
