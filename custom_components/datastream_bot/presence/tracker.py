"""Following presence: what a bot believes, and the edges that it acts on, across restarts."""

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from homeassistant.core import CALLBACK_TYPE, Context, HomeAssistant, callback
from homeassistant.helpers.dispatcher import async_dispatcher_send
from homeassistant.helpers.event import async_call_later
from homeassistant.util import dt as dt_util

from ..const import DOMAIN
from ..signals import presence_signal
from .persons import Presence, async_presences, async_track_presence, presence_among
from .presence_memory import ACTED_ON, PERSONS, REACTING, SINCE, SURE, presence_memory

type OnEdge = Callable[[Presence, Context | None], None]
"""Takes where everybody is now, home or away, and what told it."""


class Following:
    """Follows persons: home or away is believed once it is sure, and acted on when it has settled.

    Attributes:
        presences: Where each person is, as far as it is known.
        is_reacting: Whether edges are to be reacted to; they are followed in any case.

    """

    def __init__(self, hass: HomeAssistant, bot_id: str, persons: list[str], settling: float) -> None:
        """Initialize what follows these persons, or everyone, and waits some seconds before leaving is an edge."""
        self.presences: Mapping[str, Presence] = {}
        self.is_reacting = True
        self._hass = hass
        self._bot_id = bot_id
        self._persons = persons
        self._settling = settling
        self._memory = presence_memory(hass, bot_id)
        self._acted_on: Presence | None = None
        self._sure: Presence | None = None
        self._since = 0.0
        self._unsure_since: float | None = dt_util.utcnow().timestamp()
        self._context: Context | None = None
        self._settled: CALLBACK_TYPE | None = None
        self._saving: asyncio.Task[None] | None = None
        self._turned: list[CALLBACK_TYPE] = []
        self._on_edge: OnEdge
        self._stop_tracking: CALLBACK_TYPE

    @property
    def belief(self) -> Presence:
        """Return what is believed now."""
        return self._sure if self._sure is not None and self._unsure_since is None else Presence.UNSURE

    @property
    def since(self) -> datetime:
        """Return since when it is believed."""
        return dt_util.utc_from_timestamp(self._since if self._unsure_since is None else self._unsure_since)

    @property
    def settles_at(self) -> datetime | None:
        """Return when leaving will be acted on, unless somebody comes back."""
        if self._settled is None:
            return None
        return dt_util.utc_from_timestamp(self._since) + timedelta(seconds=self._settling)

    async def async_load(self) -> None:
        """Believe what was believed before.

        It is what the first presence is compared with, so that everyone leaving while Home Assistant restarts is
        noticed. That of other persons says nothing.
        """
        if (stored := await self._memory.async_load()) is not None:
            self.is_reacting = stored[REACTING]
            if stored[PERSONS] == self._persons and stored[ACTED_ON] is not None:
                self._acted_on = Presence(stored[ACTED_ON])
                self._sure = Presence(stored[SURE] or stored[ACTED_ON])
                self._since = stored[SINCE]

    @callback
    def async_start(self, on_edge: OnEdge) -> None:
        """Follow from now on."""
        self._on_edge = on_edge
        self._stop_tracking = async_track_presence(self._hass, self._persons, self._updated)

    @callback
    def async_on_turn(self, turned: CALLBACK_TYPE) -> CALLBACK_TYPE:
        """Call this when what was done because of the last edge is no longer wanted, until it is disconnected."""
        self._turned.append(turned)
        return partial(self._turned.remove, turned)

    async def async_stop(self, *, forget: bool) -> None:
        """Follow no longer, and leave nothing half stored.

        Args:
            forget: What happens from now on is not to be acted on later, perhaps after weeks.

        """
        self._stop_tracking()
        self._cancel_settling()
        if self._saving is not None:
            await self._saving
        if forget:
            self._acted_on = None
            await self._memory.async_save(self._stored())

    @callback
    def async_set_reacting(self, *, reacting: bool) -> None:
        """Turn the reaction to edges off or on; what is on its way when it is turned off is none any more."""
        self.is_reacting = reacting
        if not reacting:
            self._turn()
            self._cancel_settling()
            self._acted_on = self._acted_on and self._sure
        self.async_save()
        self._tell()

    @callback
    def async_save(self) -> None:
        """Remember that the last edge was acted on.

        Not before: what a reload or a restart interrupts is done again.
        """
        self._saving = self._hass.async_create_task(self._memory.async_save(self._stored()), f"{DOMAIN} save")

    def diagnostics(self) -> dict[str, Any]:
        """Return what is believed, and what of it was acted on."""
        return {
            "presence": self.belief,
            "since": self.since.isoformat(),
            "acted_on": self._acted_on,
            "settles_at": self.settles_at.isoformat() if self.settles_at else None,
            "reacting": self.is_reacting,
        }

    def _stored(self) -> dict[str, Any]:
        return {
            PERSONS: self._persons,
            ACTED_ON: self._acted_on,
            SURE: self._sure,
            SINCE: self._since,
            REACTING: self.is_reacting,
        }

    @callback
    def _updated(self, context: Context | None) -> None:
        before, self.presences = self.presences, async_presences(self._hass, self._persons)
        if _somebody_else_is_home(before, self.presences):
            self._acted_on = None
        presence = presence_among(self.presences)
        if presence is Presence.UNSURE:
            self._unsure_since = self._unsure_since or dt_util.utcnow().timestamp()
        else:
            self._unsure_since = None
            was_unsure = bool(before) and presence_among(before) is Presence.UNSURE
            self._be_sure(presence, context, was_unsure=was_unsure)
        self._tell()

    def _be_sure(self, presence: Presence, context: Context | None, *, was_unsure: bool) -> None:
        # The first to be seen again may be a tracker that tells what it last knew.
        is_late = was_unsure and presence is not self._acted_on and self._left_to_settle(presence) <= 0
        is_new = presence is not self._sure or is_late
        if is_new:
            self._sure, self._since, self._context = presence, dt_util.utcnow().timestamp(), context
        if self._acted_on is None:
            self._acted_on = presence
        if presence is self._acted_on:
            self._cancel_settling()
        elif (wait := self._left_to_settle(presence)) <= 0:
            self._act(presence)
            return
        elif self._settled is None:
            self._settled = async_call_later(self._hass, wait, self._has_settled)
        if is_new:
            self.async_save()

    def _left_to_settle(self, presence: Presence) -> float:
        """Return how many seconds are left until the edge is one; nobody waits for returning."""
        if presence is Presence.HOME:
            return 0
        # The clock may have been set meanwhile.
        return min(self._since + self._settling - dt_util.utcnow().timestamp(), self._settling)

    @callback
    def _has_settled(self, _: datetime) -> None:
        self._settled = None
        # Who cannot be seen may be home again; then the next to be seen decides.
        if self._unsure_since is None:
            self._act(Presence.AWAY)
        self._tell()

    def _act(self, presence: Presence) -> None:
        self._cancel_settling()
        self._acted_on = presence
        self._turn()
        self._on_edge(presence, self._context)

    def _turn(self) -> None:
        for turned in self._turned:
            turned()

    def _cancel_settling(self) -> None:
        if self._settled is not None:
            self._settled()
            self._settled = None

    @callback
    def _tell(self) -> None:
        async_dispatcher_send(self._hass, presence_signal(self._bot_id))


def _somebody_else_is_home(before: Mapping[str, Presence], now: Mapping[str, Presence]) -> bool:
    """Return whether somebody at home came into being or ceased to be: nobody has left or returned then."""
    both = {**before, **now}
    return bool(before) and any(both[person] is Presence.HOME for person in before.keys() ^ now.keys())
