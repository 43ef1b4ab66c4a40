"""The presence tracker: what a bot believes about presence, and the edges that it acts on, across restarts."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
import time
from typing import Any, Final

from homeassistant.core import CALLBACK_TYPE, Context, CoreState, HomeAssistant, callback
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.event import async_call_later
import voluptuous as vol

from ..clock import SAVED, date_of, moment_of, timestamp_of
from ..const import DOMAIN
from ..settings import resolve_entity_ids
from ..storage import Storage, async_get_storage, timestamp
from .observation import PresenceState, look, observe
from .persons import Presence, async_presences, async_track_persons

_PRESENCE: Final = vol.In((Presence.HOME, Presence.AWAY))
_STORED: Final = vol.Schema(
    {
        vol.Required("persons"): [cv.string],
        vol.Required("presence"): vol.Any(None, _PRESENCE),
        vol.Optional("sure", default=None): vol.Any(None, _PRESENCE),
        vol.Optional("since", default=0): timestamp,
        vol.Optional("unsure_since", default=None): vol.Any(None, timestamp),
        vol.Optional("doubts", default=dict): {cv.string: timestamp},
        vol.Optional(SAVED, default=None): vol.Any(None, timestamp),
        vol.Optional("reacting", default=True): bool,
        vol.Optional("begun", default=None): vol.Any(
            None, {vol.Required("presence"): _PRESENCE, vol.Required("entity_ids"): [cv.string]}
        ),
    }
)


def presence_storage(hass: HomeAssistant, bot_id: str) -> Storage[dict[str, Any]]:
    """Return the storage of what a bot believes about presence."""
    return async_get_storage(hass, bot_id, _STORED)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BegunReaction:
    """A reaction to an edge that has begun and not ended yet.

    Attributes:
        presence: The presence of the edge.
        entity_ids: What it turns on of what was off.

    """

    presence: Presence
    entity_ids: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """A settled change of presence.

    Attributes:
        presence: Home or away.
        context: Home Assistant's context of the change, if it is known.
        reaction: The reaction to it, which begins with it.
        interrupted: The reaction to the last edge, if it was interrupted.

    """

    presence: Presence
    context: Context | None
    reaction: BegunReaction
    interrupted: BegunReaction | None


type Listener = Callable[[Edge | None], None]
"""Is called with each change of what is believed, and with the edge when it is one."""


class PresenceTracker:
    """Follows persons.

    Attributes:
        state: What is believed.
        is_reacting: Whether edges are to be reacted to; they are followed in any case.
        begun: The reaction that has begun and not ended yet, or None.

    """

    def __init__(self, hass: HomeAssistant, bot_id: str, persons: list[str], settling: float) -> None:
        """Initialize the tracker of these persons, or of everyone."""
        self.state = PresenceState(unsure_since=hass.loop.time())
        self.is_reacting = True
        self.begun: BegunReaction | None = None
        self._hass = hass
        self._persons = persons
        self._settling = settling
        self._storage = presence_storage(hass, bot_id)
        self._context: Context | None = None
        self._listeners: list[Listener] = []
        self._cancel_timer: CALLBACK_TYPE | None = None
        self._saving: asyncio.Task[bool] | None = None
        self._stop_tracking: CALLBACK_TYPE
        self._cancel_last: CALLBACK_TYPE

    @property
    def belief(self) -> Presence:
        """Return what is believed now."""
        return self.state.sure if self.state.sure and self.state.unsure_since is None else Presence.UNSURE

    @property
    def since(self) -> datetime:
        """Return since when it is believed."""
        unsure_since = self.state.unsure_since
        return date_of(self._hass, self.state.since if unsure_since is None else unsure_since)

    @property
    def settles_at(self) -> datetime | None:
        """Return when leaving will be acted on, unless somebody comes back."""
        is_settling = self._cancel_timer is not None
        return date_of(self._hass, self.state.since + self._settling) if is_settling else None

    async def async_load(self) -> None:
        """Load what was believed before a restart, and look at persons if Home Assistant has started.

        The first observation is compared with what was believed, so that everyone leaving while Home Assistant restarts
        is noticed.
        """
        if (stored := await self._storage.async_load()) is not None:
            self._recall(stored)
        if self._hass.state is CoreState.running:
            presences = async_presences(self._hass, self._persons)
            self.state = look(self.state, presences, self._hass.loop.time())

    def _recall(self, stored: Mapping[str, Any]) -> None:
        """Take over what was believed; what was believed about other persons says nothing."""
        self.is_reacting = stored["reacting"]
        doubts = {each: moment_of(self._hass, since, stored[SAVED]) for each, since in stored["doubts"].items()}
        self.state = replace(self.state, doubts=doubts)
        if (begun := stored["begun"]) is not None:
            self.begun = BegunReaction(presence=Presence(begun["presence"]), entity_ids=begun["entity_ids"])
            self.state = replace(self.state, is_unfinished=True)
        acted_on, persons = stored["presence"], resolve_entity_ids(self._hass, stored["persons"])
        if acted_on is not None and persons == resolve_entity_ids(self._hass, self._persons):
            unsure_since = stored["unsure_since"]
            self.state = replace(
                self.state,
                acted_on=Presence(acted_on),
                sure=Presence(stored["sure"] or acted_on),
                since=moment_of(self._hass, stored["since"], stored[SAVED]),
                unsure_since=None if unsure_since is None else moment_of(self._hass, unsure_since, stored[SAVED]),
            )

    async def async_start(self) -> None:
        """Start to follow persons, and store what is believed before Home Assistant stores the entry of a new bot."""
        self._stop_tracking = async_track_persons(self._hass, self._observe)
        self._cancel_last = self._storage.async_save_at_stop(self._stored)
        if self._saving is not None:
            await self._saving

    @callback
    def async_connect(self, listener: Listener) -> CALLBACK_TYPE:
        """Connect a listener; return the function that disconnects it."""
        self._listeners.append(listener)
        return partial(self._listeners.remove, listener)

    async def async_stop(self, *, forget: bool) -> None:
        """Stop following persons, and leave nothing half stored.

        Args:
            forget: Do not act later, perhaps after weeks, on what happens from now on.

        """
        self._stop_tracking()
        self._stop_timer()
        self._cancel_last()
        if forget:
            self.state, self.begun = replace(self.state, acted_on=None, doubts={}), None
        await self.async_save()

    @callback
    def async_set_reacting(self, *, reacting: bool) -> None:
        """Turn the reaction to edges off or on; turning it off cancels a departure that is still settling."""
        self.is_reacting = reacting
        if not reacting:
            self._stop_timer()
            self.state = replace(self.state, acted_on=self.state.acted_on and self.state.sure)
        self._save()
        self._notify(None)

    async def async_begin(self, reaction: BegunReaction) -> None:
        """Store what a reaction is about to do: after a crash or a reload it is finished or undone."""
        self.begun = reaction
        await self.async_save()

    async def async_save(self) -> None:
        """Save the state."""
        await self._storage.async_save(self._stored())

    def _save(self) -> None:
        self._saving = self._hass.async_create_task(self._storage.async_save(self._stored()), f"{DOMAIN} save")

    def diagnostics(self) -> dict[str, Any]:
        """Return what is believed, and what of it was acted on."""
        return {
            "presence": self.belief,
            "since": self.since.isoformat(),
            "acted_on": self.state.acted_on,
            "begun": self.begun.presence if self.begun else None,
            "settles_at": self.settles_at.isoformat() if self.settles_at else None,
            "reacting": self.is_reacting,
        }

    def _stored(self) -> dict[str, Any]:
        unsure_since = self.state.unsure_since
        return {
            "persons": self._persons,
            "presence": self.state.acted_on,
            "sure": self.state.sure,
            "since": timestamp_of(self._hass, self.state.since),
            "unsure_since": None if unsure_since is None else timestamp_of(self._hass, unsure_since),
            "doubts": {each: timestamp_of(self._hass, since) for each, since in self.state.doubts.items()},
            SAVED: time.time(),
            "reacting": self.is_reacting,
            "begun": self.begun and {"presence": self.begun.presence, "entity_ids": [*self.begun.entity_ids]},
        }

    @callback
    def _observe(self, context: Context | None) -> None:
        # What trackers say while everything stops is not where people are.
        if self._hass.is_stopping:
            return
        before = self.state
        presences = async_presences(self._hass, self._persons)
        self.state, presence = observe(before, presences, self._hass.loop.time(), self._settling)
        if (self.state.sure, self.state.since) != (before.sure, before.since):
            self._context = context
        if presence is None and _remembered(self.state) != _remembered(before):
            self._save()
        self._settle()
        if presence is None:
            self._notify(None)
            return
        interrupted = self.begun if before.is_unfinished else None
        self.begun = BegunReaction(presence=presence)
        self._notify(Edge(presence=presence, context=self._context, reaction=self.begun, interrupted=interrupted))

    def _settle(self) -> None:
        """Start or stop the timer of a departure; while presence is unsure, it runs on and decides nothing."""
        left = self.state.left_to_settle(self._hass.loop.time(), self._settling)
        if left is None:
            self._stop_timer()
        elif self._cancel_timer is None and self.state.unsure_since is None:
            self._cancel_timer = async_call_later(self._hass, left, self._settled)

    @callback
    def _settled(self, _: datetime) -> None:
        self._cancel_timer = None
        self._observe(self._context)

    def _stop_timer(self) -> None:
        if self._cancel_timer is not None:
            self._cancel_timer()
            self._cancel_timer = None

    def _notify(self, edge: Edge | None) -> None:
        for listener in list(self._listeners):
            listener(edge)


def _remembered(state: PresenceState) -> tuple[object, ...]:
    """Return what of a state is stored."""
    return state.acted_on, state.sure, state.since, state.unsure_since, state.doubts
