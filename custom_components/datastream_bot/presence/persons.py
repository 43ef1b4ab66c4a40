"""Presence: whether anyone is home."""

from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum

from homeassistant.components.person.const import DOMAIN as PERSON_DOMAIN
from homeassistant.components.zone import ENTITY_ID_HOME
from homeassistant.const import STATE_HOME, STATE_UNAVAILABLE, STATE_UNKNOWN
from homeassistant.core import CALLBACK_TYPE, Context, Event, EventStateChangedData, HomeAssistant, State, callback
from homeassistant.helpers.event import TrackStates, async_track_state_change_filtered
from homeassistant.helpers.start import async_at_started


class Presence(StrEnum):
    """Whether anyone is home."""

    HOME = "home"
    AWAY = "away"
    UNSURE = "unsure"


@callback
def async_presences(hass: HomeAssistant, persons: Sequence[str]) -> dict[str, Presence]:
    """Return where each of these persons is, or everyone when none are named."""
    return {
        person: _presence_of(state)
        for person in persons or hass.states.async_entity_ids(PERSON_DOMAIN)
        # A person who was removed says no more.
        if (state := hass.states.get(person)) is not None and not _is_untracked(state)
    }


def presence_among(presences: Mapping[str, Presence]) -> Presence:
    """Return whether anyone of these persons is home.

    The number of persons in the home zone would not do: it also drops to 0 while Home Assistant starts and when
    trackers become unavailable.
    """
    found = set(presences.values())
    if Presence.HOME in found:
        return Presence.HOME
    return Presence.AWAY if found == {Presence.AWAY} else Presence.UNSURE


@callback
def async_track_presence(
    hass: HomeAssistant,
    persons: Sequence[str],
    action: Callable[[Context | None], None],
) -> CALLBACK_TYPE:
    """Call the action once Home Assistant has started, and again, with what told it, whenever a person changes."""
    disconnect: list[CALLBACK_TYPE] = []

    @callback
    def person_changed(event: Event[EventStateChangedData]) -> None:
        action(event.context)

    @callback
    def started(_: HomeAssistant) -> None:
        tracker = async_track_state_change_filtered(
            hass,
            TrackStates(all_states=False, entities=set(persons), domains=set() if persons else {PERSON_DOMAIN}),
            person_changed,
        )
        disconnect.append(tracker.async_remove)
        action(None)

    disconnect.append(async_at_started(hass, started))

    @callback
    def stop() -> None:
        for disconnect_one in disconnect:
            disconnect_one()

    return stop


def _presence_of(state: State) -> Presence:
    if state.state in (STATE_UNKNOWN, STATE_UNAVAILABLE):
        return Presence.UNSURE
    # Somebody in a zone inside the home zone has the name of that zone as state.
    if state.state == STATE_HOME or ENTITY_ID_HOME in state.attributes.get("in_zones", ()):
        return Presence.HOME
    return Presence.AWAY


def _is_untracked(state: State) -> bool:
    """Return whether nothing could ever tell where a person is.

    Such persons are common, as every user of Home Assistant is given one, and would leave everybody else unsure for
    good.
    """
    return state.attributes.get("device_trackers") == []
