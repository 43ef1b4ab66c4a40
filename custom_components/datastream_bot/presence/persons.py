"""Persons: where each of them is, as far as their trackers tell."""

from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
import math
from typing import Any, Final

from homeassistant.components.person.const import DOMAIN as PERSON_DOMAIN
from homeassistant.components.zone import ENTITY_ID_HOME, async_get_enclosing_zones
from homeassistant.components.zone.const import ATTR_RADIUS
from homeassistant.const import (
    ATTR_GPS_ACCURACY,
    ATTR_LATITUDE,
    ATTR_LONGITUDE,
    STATE_HOME,
    STATE_UNAVAILABLE,
    STATE_UNKNOWN,
)
from homeassistant.core import CALLBACK_TYPE, Context, Event, EventStateChangedData, HomeAssistant, State, callback
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.event import TrackStates, async_track_state_change_filtered
from homeassistant.helpers.start import async_at_started
from homeassistant.util.location import distance
import voluptuous as vol

from ..settings import resolve_entity_ids

_POSITION: Final = vol.Schema(
    {
        vol.Required(ATTR_LATITUDE): cv.latitude,
        vol.Required(ATTR_LONGITUDE): cv.longitude,
        # Whom only a router knows to be home has the position of home, without an accuracy.
        vol.Required(ATTR_GPS_ACCURACY): vol.All(vol.Coerce(float), vol.Range(min=0)),
    },
    extra=vol.ALLOW_EXTRA,
)


class Presence(StrEnum):
    """Whether somebody is home."""

    HOME = "home"
    AWAY = "away"
    UNSURE = "unsure"


@callback
def async_presences(hass: HomeAssistant, persons: Sequence[str]) -> dict[str, Presence]:
    """Return the presence of these persons, or of everyone when none are named, by entity id."""
    entity_ids = resolve_entity_ids(hass, persons) or hass.states.async_entity_ids(PERSON_DOMAIN)
    return {
        entity_id: _presence_of(hass, state)
        for entity_id in entity_ids
        # A person who was removed has no state.
        if (state := hass.states.get(entity_id)) is not None and not _is_untracked(state)
    }


def presence_among(presences: Mapping[str, Presence]) -> Presence:
    """Return whether any of these persons is home.

    The number of persons in the home zone would not do: it drops to 0 while Home Assistant starts, and when trackers
    become unavailable.
    """
    found = set(presences.values())
    if Presence.HOME in found:
        return Presence.HOME
    return Presence.AWAY if found == {Presence.AWAY} else Presence.UNSURE


@callback
def async_track_persons(hass: HomeAssistant, action: Callable[[Context | None], None]) -> CALLBACK_TYPE:
    """Track all persons once Home Assistant has started; return the unsubscribe function.

    Args:
        hass: Home Assistant.
        action: Is called with the context of each change of a person, and with None at first.

    """
    unsubscribe: list[CALLBACK_TYPE] = []

    @callback
    def person_changed(event: Event[EventStateChangedData]) -> None:
        action(event.context)

    @callback
    def started(_: HomeAssistant) -> None:
        # Everyone, as there are few, and those who are named may be renamed.
        tracked = TrackStates(all_states=False, entities=set(), domains={PERSON_DOMAIN})
        unsubscribe.append(async_track_state_change_filtered(hass, tracked, person_changed).async_remove)
        action(None)

    unsubscribe.append(async_at_started(hass, started))

    @callback
    def stop() -> None:
        for unsubscribe_one in unsubscribe:
            unsubscribe_one()

    return stop


def _presence_of(hass: HomeAssistant, state: State) -> Presence:
    if state.state in (STATE_UNKNOWN, STATE_UNAVAILABLE):
        return Presence.UNSURE
    home, position = hass.states.get(ENTITY_ID_HOME), _position_of(state)
    if home is not None and position is not None:
        return _presence_at(position, home)
    zones = state.attributes.get("in_zones", ())
    # Somebody in a zone inside the home zone has the name of that zone as state.
    if state.state == STATE_HOME or any(_is_within_home(hass, zone) for zone in zones):
        return Presence.HOME
    return Presence.AWAY


def _position_of(state: State) -> dict[str, Any] | None:
    """Return the attributes of a person with a valid position, or None when routers or scanners tell where it is."""
    try:
        position: dict[str, Any] = _POSITION(dict(state.attributes))
    except vol.Invalid:
        return None
    return position


def _presence_at(position: dict[str, Any], home: State) -> Presence:
    """Return what a position says.

    Its center decides: the state and the zones of a person would say home as soon as the circle of accuracy touches it.
    """
    place = position[ATTR_LATITUDE], position[ATTR_LONGITUDE]
    meters = distance(*place, home.attributes[ATTR_LATITUDE], home.attributes[ATTR_LONGITUDE])
    # Of two places on opposite sides of the earth, it is not known.
    beyond = math.inf if meters is None else meters - home.attributes[ATTR_RADIUS]
    if beyond < 0:
        return Presence.HOME
    return Presence.UNSURE if beyond < position[ATTR_GPS_ACCURACY] else Presence.AWAY


def _is_within_home(hass: HomeAssistant, zone: str) -> bool:
    return ENTITY_ID_HOME in (zone, *async_get_enclosing_zones(hass, zone))


def _is_untracked(state: State) -> bool:
    """Return whether a person has no tracker.

    Such persons are common, as every user of Home Assistant gets one, and would leave the bot unsure for good.
    """
    return state.attributes.get("device_trackers") == []
