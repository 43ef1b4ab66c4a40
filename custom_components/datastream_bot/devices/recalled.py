"""What a snapshot recalls."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from homeassistant.core import State


@dataclass(frozen=True, slots=True, kw_only=True)
class Recalled:
    """What there is to restore, and what is left alone.

    Attributes:
        entries: What was remembered of each entity id, whatever becomes of it.
        states: What was on, as it was.
        unavailable: What was on and cannot be reached, or is still being turned off, as it was.
        changed: Entity ids of what somebody has turned on since.
        expired: Those of what has been off for too long.
        gone: Those of what is no longer there, or no longer the bot's.

    """

    entries: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    states: list[State] = field(default_factory=list)
    unavailable: list[State] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    expired: list[str] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)
