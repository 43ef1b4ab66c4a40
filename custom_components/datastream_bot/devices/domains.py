"""The domains of what a bot can be attached to, and how their entities are switched."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from homeassistant.const import (
    SERVICE_TURN_OFF,
    SERVICE_TURN_ON,
    STATE_OFF,
    STATE_ON,
    STATE_UNAVAILABLE,
    STATE_UNKNOWN,
    Platform,
)
from homeassistant.core import Event, EventStateChangedData, HomeAssistant, State

_BRIGHTNESS: Final = "brightness"
_COLOR_OF_MODE: Final = {
    "color_temp": "color_temp_kelvin",
    "hs": "hs_color",
    "rgb": "rgb_color",
    "rgbw": "rgbw_color",
    "rgbww": "rgbww_color",
    "white": _BRIGHTNESS,
    "xy": "xy_color",
}
"""The attribute that has the color of a light, by its color mode."""

_COLOR_MODE: Final = "color_mode"
_LIGHT_ATTRIBUTES: Final = (_COLOR_MODE, "effect", *_COLOR_OF_MODE.values())


def _no_attributes(_: Mapping[str, Any]) -> dict[str, Any]:
    return {}


def _light_attributes(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Return brightness, color and effect of a light, with the color mode only if its color is known."""
    known: dict[str, Any] = {
        name: value
        for name in _LIGHT_ATTRIBUTES
        if (value := attributes.get(name)) is not None and not _says_off(name, value)
    }
    color = _COLOR_OF_MODE.get(str(known.get(_COLOR_MODE)))
    if color is not None and color not in known:
        del known[_COLOR_MODE]
    return known


def _says_off(name: str, value: object) -> bool:
    """Return whether an attribute is that of no light, as some lamps report: to turn on with it is to turn off."""
    if name == _BRIGHTNESS:
        return isinstance(value, int | float) and value < 1
    return name.startswith("rgb") and isinstance(value, list | tuple) and not any(value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Domain:
    """How the entities of a domain are switched.

    Attributes:
        on: State of what is on.
        off: State of what is off.
        turn_on: Action that turns on.
        turn_off: Action that turns off.
        attributes: Returns those of the attributes of an entity that restore it as it is on.

    """

    on: str = STATE_ON
    off: str = STATE_OFF
    turn_on: str = SERVICE_TURN_ON
    turn_off: str = SERVICE_TURN_OFF
    attributes: Callable[[Mapping[str, Any]], dict[str, Any]] = _no_attributes

    def state(self, *, on: bool) -> str:
        """Return the state that an entity has while it is on, or off."""
        return self.on if on else self.off


DOMAINS: Final[Mapping[str, Domain]] = {
    Platform.LIGHT: Domain(attributes=_light_attributes),
    Platform.SWITCH: Domain(),
}


def domain_of(entity_id: str) -> str:
    """Return the domain of an entity id."""
    return entity_id.partition(".")[0]


def state_when(entity_id: str, *, on: bool) -> str:
    """Return the state of an entity that is on, or off."""
    return DOMAINS[domain_of(entity_id)].state(on=on)


def is_as_wanted(state: State | None, *, on: bool) -> bool:
    """Return whether an entity is on, or off, as it should be."""
    return state is not None and state.state == DOMAINS[state.domain].state(on=on)


def is_on(state: State | None) -> bool:
    """Return whether an entity is on."""
    return state is not None and state.state == DOMAINS[state.domain].on


def can_be_turned_on(state: State | None) -> bool:
    """Return whether an entity is off, or may be, as it does not tell."""
    return state is not None and state.state in (DOMAINS[state.domain].off, STATE_UNKNOWN)


def is_unavailable(hass: HomeAssistant, entity_id: str) -> bool:
    """Return whether an entity cannot be reached, or is not there."""
    return (state := hass.states.get(entity_id)) is None or state.state == STATE_UNAVAILABLE


def unavailable_among(hass: HomeAssistant, entity_ids: Iterable[str]) -> set[str]:
    """Return those entities that cannot be reached, or are not there."""
    # To read all states takes half of the time of looking up those of most entities one by one.
    available = {state.entity_id for state in hass.states.async_all(DOMAINS) if state.state != STATE_UNAVAILABLE}
    return {*entity_ids} - available


def not_as_wanted(hass: HomeAssistant, entity_ids: Iterable[str], *, on: bool) -> set[str]:
    """Return those entities that are not on, or off, as they should be."""
    wanted = {name: domain.state(on=on) for name, domain in DOMAINS.items()}
    reached = {state.entity_id for state in hass.states.async_all(wanted) if state.state == wanted[state.domain]}
    return {*entity_ids} - reached


def was_reported(old: State | None, new: State) -> bool:
    """Return whether a device told of a change by itself: Home Assistant knows of nobody who has wanted it since."""
    is_same = old is not None and old.context.id == new.context.id
    return is_same or (new.context.user_id is None and new.context.parent_id is None)


def was_turned_on(event: Event[EventStateChangedData]) -> bool:
    """Return whether an entity is on that was not before."""
    return is_on(event.data["new_state"]) and not is_on(event.data["old_state"])
