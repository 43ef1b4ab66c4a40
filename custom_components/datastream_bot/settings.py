"""The settings of a bot, as its form says."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

from homeassistant.const import CONF_TARGET

from .const import (
    CONF_EXCLUDE,
    CONF_NOTIFY,
    CONF_ON_LEAVING,
    CONF_ON_RETURNING,
    CONF_ONLY_WHEN_DARK,
    CONF_PERSONS,
    CONF_REMEMBER_FOR,
    CONF_SETTLING,
    CONF_VERIFY_AFTER,
    Reaction,
)

DEFAULTS: Final[Mapping[str, Any]] = {
    CONF_PERSONS: [],
    CONF_TARGET: {},
    CONF_EXCLUDE: {},
    CONF_ON_LEAVING: Reaction.OFF.value,
    CONF_ON_RETURNING: Reaction.ON.value,
    CONF_NOTIFY: [],
    CONF_SETTLING: 60,
    CONF_ONLY_WHEN_DARK: False,
    CONF_REMEMBER_FOR: 24,
    CONF_VERIFY_AFTER: 0,
}
"""What the form says until the user says otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What a bot looks after, and how.

    Attributes:
        persons: Who counts as present; empty for everyone who is tracked.
        target: What to attach to, as the target of an action; empty for all lights and switches.
        exclude: What is never touched, as the target of an action.
        on_leaving: What to do when the last person leaves.
        on_returning: What to do when the first person returns.
        notify: Notify entities; empty for Home Assistant's own notifications.
        settling: Seconds to wait before acting on leaving.
        only_when_dark: Do nothing on returning while the sun is up.
        remember_for: Hours after which what was on when everyone left is forgotten.
        verify_after: Seconds after which to look whether everything was switched, or 0 for never.

    """

    persons: list[str]
    target: Mapping[str, Any]
    exclude: Mapping[str, Any]
    on_leaving: Reaction
    on_returning: Reaction
    notify: list[str]
    settling: float
    only_when_dark: bool
    remember_for: float
    verify_after: float

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Self:
        """Return the settings that a config entry holds; those of former versions hold fewer."""
        data = {**DEFAULTS, **data}
        return cls(
            persons=data[CONF_PERSONS],
            target=data[CONF_TARGET],
            exclude=data[CONF_EXCLUDE],
            on_leaving=Reaction(data[CONF_ON_LEAVING]),
            on_returning=Reaction(data[CONF_ON_RETURNING]),
            notify=data[CONF_NOTIFY],
            settling=data[CONF_SETTLING],
            only_when_dark=data[CONF_ONLY_WHEN_DARK],
            remember_for=data[CONF_REMEMBER_FOR],
            verify_after=data[CONF_VERIFY_AFTER],
        )
