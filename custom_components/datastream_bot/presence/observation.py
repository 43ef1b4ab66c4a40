"""Observation: what is believed about presence after looking at all persons, and whether that is an edge."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from .persons import Presence, presence_among

NOBODY: Final = ""
"""Stands among persons for there being none to follow."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PresenceState:
    """What a bot believes about presence.

    Attributes:
        presences: The presence of each person, by entity id.
        sure: The last presence that was sure, or None before the first.
        since: When that began, in seconds of the event loop's clock.
        unsure_since: Since when presence is unsure, or None while it is sure.
        doubts: Since when each person who is unsure has been so, by entity id; or since when `NOBODY` is followed.
        acted_on: The presence of the last edge, or None before anything was sure.
        is_unfinished: Whether the reaction to the last edge was interrupted: the next sure presence is an edge.

    """

    presences: Mapping[str, Presence] = field(default_factory=dict)
    sure: Presence | None = None
    since: float = 0.0
    unsure_since: float | None
    doubts: Mapping[str, float] = field(default_factory=dict)
    acted_on: Presence | None = None
    is_unfinished: bool = False

    def left_to_settle(self, now: float, settling: float) -> float | None:
        """Return the seconds until leaving is an edge, or None when nobody has left since the last edge."""
        if self.sure is not Presence.AWAY or not (self.is_unfinished or self.acted_on is Presence.HOME):
            return None
        return self.since + settling - now


def look(state: PresenceState, presences: Mapping[str, Presence], now: float) -> PresenceState:
    """Return the state before the first observation, with the persons in it; it is believed when nothing was before.

    Args:
        state: The state that was loaded.
        presences: The presence of each person now, by entity id.
        now: The time in seconds of the event loop's clock.

    """
    presence = presence_among(presences)
    if state.sure is None and presence is not Presence.UNSURE:
        state = replace(state, sure=presence, since=now, unsure_since=None)
    return replace(state, presences=presences)


def observe(
    state: PresenceState, presences: Mapping[str, Presence], now: float, settling: float
) -> tuple[PresenceState, Presence | None]:
    """Return the state after an observation of all persons, and the presence of the edge, if it is one.

    Args:
        state: The state before.
        presences: The presence of each person now, by entity id.
        now: The time in seconds of the event loop's clock.
        settling: Seconds until leaving is an edge; returning is one at once.

    """
    presence = presence_among(presences)
    doubts = _doubts(state.doubts, presences, now)
    acted_on = None if _somebody_else_is_home(state.presences, presences) else state.acted_on
    if presence is Presence.UNSURE:
        unsure_since = now if state.unsure_since is None else state.unsure_since
        return replace(state, presences=presences, unsure_since=unsure_since, doubts=doubts, acted_on=acted_on), None
    was_unsure = state.unsure_since is not None
    state = replace(state, presences=presences, unsure_since=None, doubts=doubts, acted_on=acted_on or presence)
    left = state.left_to_settle(now, settling)
    # The first tracker to report again may tell what it knew last, so leaving settles anew.
    is_late = was_unsure and left is not None and left <= 0
    if presence is not state.sure or is_late:
        state = replace(state, sure=presence, since=now)
        left = state.left_to_settle(now, settling)
    is_settling = left is not None and left > 0
    if is_settling or (presence is state.acted_on and not state.is_unfinished):
        return state, None
    return replace(state, acted_on=presence, is_unfinished=False), presence


def _doubts(before: Mapping[str, float], presences: Mapping[str, Presence], now: float) -> dict[str, float]:
    """Return the doubts after an observation: those that go on keep their beginning."""
    unsure = [person for person, presence in presences.items() if presence is Presence.UNSURE]
    return {each: before.get(each, now) for each in (unsure if presences else [NOBODY])}


def _somebody_else_is_home(before: Mapping[str, Presence], now: Mapping[str, Presence]) -> bool:
    """Return whether somebody at home was added or removed as a person: nobody has left or returned then."""
    both = {**before, **now}
    return bool(before) and any(both[person] is Presence.HOME for person in before.keys() ^ now.keys())
