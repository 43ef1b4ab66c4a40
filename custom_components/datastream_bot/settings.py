"""The settings of a bot: each is declared here once, with its default and its selector in the form."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Final, Self

from homeassistant.components.person.const import DOMAIN as PERSON_DOMAIN
from homeassistant.const import ATTR_ENTITY_ID, Platform, UnitOfTime
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.selector import (
    BooleanSelector,
    EntitySelector,
    EntitySelectorConfig,
    NumberSelector,
    NumberSelectorConfig,
    NumberSelectorMode,
    Selector,
    SelectSelector,
    SelectSelectorConfig,
)
import voluptuous as vol

from .const import CONF_CONTENT_IN_DIAGNOSTICS, CONF_DOORS, CONF_KEEP_CONTENT, Reaction

_LOG: Final = "log"

LOG_FORM: Final[Mapping[vol.Marker, Any]] = {
    vol.Required(CONF_KEEP_CONTENT, default=True): BooleanSelector(),
    vol.Required(CONF_CONTENT_IN_DIAGNOSTICS, default=False): BooleanSelector(),
}
"""What the message log keeps of the messages of a bot."""


def _shown(selector: Selector[Any] | None, *, more: bool = False) -> dict[str, Any]:
    """Return how the form shows an option.

    What holds entities is stored by their registry ids: an `EntitySelector` is recognized, and so is a target.

    Args:
        selector: Its selector, or None for the target of an action.
        more: Whether it stands in the collapsed section.

    """
    return {"selector": selector, "more": more}


def _entities(domain: str) -> Selector[Any]:
    return EntitySelector(EntitySelectorConfig(domain=domain, multiple=True))


def _choice(name: str, *reactions: Reaction) -> Selector[Any]:
    options = [reaction.value for reaction in reactions]
    return SelectSelector(SelectSelectorConfig(options=options, translation_key=name))


def _number(maximum: int, unit: UnitOfTime, minimum: int = 0) -> Selector[Any]:
    return NumberSelector(
        NumberSelectorConfig(min=minimum, max=maximum, unit_of_measurement=unit, mode=NumberSelectorMode.BOX)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What a bot looks after, and how.

    Attributes:
        persons: Who counts as present; empty for everyone who is tracked.
        target: What to attach to, as the target of an action; empty for everything.
        exclude: What is never touched, as the target of an action.
        on_leaving: The reaction to the last person leaving.
        on_returning: The reaction to the first person returning.
        notify: Notify entities; empty for Home Assistant's own notifications.
        settling: Seconds to wait before acting on leaving.
        only_when_dark: Do nothing on returning while the sun is up.
        remember_for: Hours after which what was on when everyone left is forgotten.
        verify_after: Seconds after which to look whether everything was switched, or 0 for never.

    """

    persons: list[str] = field(default_factory=list, metadata=_shown(_entities(PERSON_DOMAIN)))
    target: Mapping[str, Any] = field(default_factory=dict, metadata=_shown(None))
    exclude: Mapping[str, Any] = field(default_factory=dict, metadata=_shown(None))
    on_leaving: str = field(
        default=Reaction.OFF.value, metadata=_shown(_choice("on_leaving", Reaction.OFF, Reaction.NOTHING))
    )
    on_returning: str = field(
        default=Reaction.ON.value,
        metadata=_shown(_choice("on_returning", Reaction.ON, Reaction.RESTORE, Reaction.NOTHING)),
    )
    notify: list[str] = field(default_factory=list, metadata=_shown(_entities(Platform.NOTIFY)))
    settling: float = field(default=60, metadata=_shown(_number(3600, UnitOfTime.SECONDS), more=True))
    only_when_dark: bool = field(default=False, metadata=_shown(BooleanSelector(), more=True))
    remember_for: float = field(default=24, metadata=_shown(_number(8760, UnitOfTime.HOURS, 1), more=True))
    verify_after: float = field(default=0, metadata=_shown(_number(3600, UnitOfTime.SECONDS), more=True))

    @classmethod
    def from_options(cls, options: Mapping[str, Any]) -> Self:
        """Return the settings in the options of a config entry; defaults stand for those that they do not hold."""
        return cls(**{setting.name: options[setting.name] for setting in fields(cls) if setting.name in options})

    @property
    def has_reaction(self) -> bool:
        """Return whether leaving or returning leads to anything."""
        return any(reaction != Reaction.NOTHING for reaction in (self.on_leaving, self.on_returning))


def door_settings(options: Mapping[str, Any], section: str, form: Mapping[vol.Marker, Any]) -> dict[str, Any]:
    """Return the settings of a door in the options of a config entry; defaults stand for those that they do not hold.

    Args:
        options: The options.
        section: Key of the door.
        form: The section of the door in the form.

    """
    return {**_defaults(form), **options.get(CONF_DOORS, {}).get(section, {})}


def log_settings(options: Mapping[str, Any]) -> dict[str, bool]:
    """Return the settings of the message log in the options of a config entry; defaults stand for the others."""
    return {**_defaults(LOG_FORM), **options.get(_LOG, {})}


def log_options(settings: Mapping[str, bool]) -> dict[str, Any]:
    """Return the options of a config entry with these settings of the message log."""
    return {_LOG: dict(settings)}


def _defaults(form: Mapping[vol.Marker, Any]) -> dict[str, Any]:
    return {str(field): field.default() for field in form}


@callback
def resolve_entity_ids(hass: HomeAssistant, ids: Iterable[str]) -> list[str]:
    """Return the entity ids of registry ids, which are stored because users may change entity ids.

    The id of an entity that was removed stays as it is, and matches nothing: an empty list would mean everything.
    """
    registry = er.async_get(hass)
    return [er.async_resolve_entity_id(registry, each) or each for each in ids]


@callback
def resolve_target(hass: HomeAssistant, target: Mapping[str, Any]) -> dict[str, Any]:
    """Return the target of an action with entity ids for registry ids."""
    return _with_ids(target, lambda ids: resolve_entity_ids(hass, ids))


@callback
def with_entity_ids(hass: HomeAssistant, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options of a config entry with entity ids for registry ids, as a form shows them."""
    return _translated(options, lambda ids: resolve_entity_ids(hass, ids))


@callback
def with_registry_ids(hass: HomeAssistant, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options of a config entry with registry ids for entity ids, as they are stored."""
    registry = er.async_get(hass)

    def registry_ids(ids: Iterable[str]) -> list[str]:
        return [each if (entry := registry.async_get(each)) is None else entry.id for each in ids]

    return _translated(options, registry_ids)


type _Translate = Callable[[Iterable[str]], list[str]]


def _translated(options: Mapping[str, Any], translate: _Translate) -> dict[str, Any]:
    translated = dict(options)
    for setting in fields(Settings):
        selector, name = setting.metadata["selector"], setting.name
        if name in options and isinstance(selector, EntitySelector):
            translated[name] = translate(options[name])
        elif name in options and selector is None:
            translated[name] = _with_ids(options[name], translate)
    return translated


def _with_ids(target: Mapping[str, Any], translate: _Translate) -> dict[str, Any]:
    if ATTR_ENTITY_ID not in target:
        return dict(target)
    # As a target, a single entity may stand for itself instead of in a list.
    ids = target[ATTR_ENTITY_ID]
    return {**target, ATTR_ENTITY_ID: translate([ids] if isinstance(ids, str) else ids)}
