"""The memory of a bot: a snapshot for each occasion, kept on disk."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
import time
from typing import Any, Final

from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
import voluptuous as vol

from ..clock import SAVED
from ..errors import MessageError
from ..storage import Storage, async_get_storage, timestamp
from .snapshot import STORED_SNAPSHOT, Snapshot

LEAVING: Final = None
"""The occasion of everyone leaving, which no message can name."""

MAX_OCCASIONS: Final = 50

type Occasion = str | None
"""The name of an occasion in messages, empty for the one without a name, or `LEAVING`."""

_LEAVING: Final = "leaving"
_MESSAGES: Final = "messages"
_STORED: Final = vol.Schema(
    vol.Any(
        vol.Schema(
            {
                vol.Required(_LEAVING): STORED_SNAPSHOT,
                vol.Required(_MESSAGES): {str: STORED_SNAPSHOT},
                vol.Optional(SAVED, default=None): vol.Any(None, timestamp),
            },
            extra=vol.REMOVE_EXTRA,
        ),
        # Former versions kept one snapshot for all occasions.
        vol.All(STORED_SNAPSHOT, lambda stored: {_LEAVING: stored, _MESSAGES: {"": stored}, SAVED: None}),
    )
)


@callback
def memory_storage(hass: HomeAssistant, bot_id: str) -> Storage[dict[str, Any]]:
    """Return the storage of a bot's memory."""
    return async_get_storage(hass, f"{bot_id}.snapshot", _STORED)


class Memory:
    """Keeps a snapshot for everyone leaving, and one for each occasion that messages name."""

    def __init__(self, hass: HomeAssistant, bot_id: str, remember_for: float) -> None:
        """Initialize the memory of a bot, which keeps each entity for some hours."""
        self._hass = hass
        self._remember_for = remember_for
        self._storage = memory_storage(hass, bot_id)
        self._snapshots: dict[Occasion, Snapshot] = {}
        self._turning_off: set[str] = set()
        self._listeners: list[Callable[[], None]] = []
        self._is_stopped = False
        self._cancel_last: CALLBACK_TYPE

    async def async_start(self) -> None:
        """Load the snapshots from disk."""
        self._cancel_last = self._storage.async_save_at_stop(self._stored)
        if (stored := await self._storage.async_load()) is not None:
            for occasion, entries in {LEAVING: stored[_LEAVING], **stored[_MESSAGES]}.items():
                self._add(occasion).load(entries, stored[SAVED])

    async def async_stop(self, *, forget: bool) -> None:
        """Save the snapshots, and stop to follow what is in them.

        Args:
            forget: Do not restore later, perhaps after weeks, what was on.

        """
        self._cancel_last()
        if forget:
            for snapshot in self._snapshots.values():
                snapshot.clear()
        await self.async_save()
        self._is_stopped = True
        for snapshot in self._snapshots.values():
            snapshot.stop()

    @property
    def entity_ids(self) -> set[str]:
        """Return the entity ids of all that is remembered, for whatever occasion."""
        return {entity_id for snapshot in self._snapshots.values() for entity_id in snapshot.entity_ids}

    @callback
    def async_connect(self, listener: Callable[[], None]) -> CALLBACK_TYPE:
        """Connect a listener to changes of what is remembered; return the function that disconnects it."""
        self._listeners.append(listener)
        return partial(self._listeners.remove, listener)

    def snapshot_of(self, occasion: Occasion) -> Snapshot:
        """Return the snapshot of an occasion.

        Raises:
            MessageError: There are too many occasions.

        """
        if (snapshot := self._snapshots.get(occasion)) is not None:
            return snapshot
        if occasion is not LEAVING and self._named() >= MAX_OCCASIONS:
            self._drop_empty()
            if self._named() >= MAX_OCCASIONS:
                raise MessageError(translation_key="too_many_memories", limit=MAX_OCCASIONS)
        return self._add(occasion)

    def _named(self) -> int:
        return len(self._snapshots.keys() - {LEAVING})

    def _drop_empty(self) -> None:
        for occasion, snapshot in list(self._snapshots.items()):
            snapshot.forget_expired()
            if snapshot.is_empty:
                snapshot.stop()
                del self._snapshots[occasion]

    def _add(self, occasion: Occasion) -> Snapshot:
        snapshot = Snapshot(
            self._hass,
            self._remember_for,
            turning_off=self._turning_off,
            save=self.async_save,
            save_soon=self._save_soon,
        )
        self._snapshots[occasion] = snapshot
        return snapshot

    @contextmanager
    def turning_off(self, entity_ids: Iterable[str]) -> Iterator[None]:
        """Count entities that are still on inside this context as off soon."""
        own = set(entity_ids)
        self._turning_off |= own
        try:
            yield
        finally:
            self._turning_off -= own
            for snapshot in self._snapshots.values():
                snapshot.forget_on(own, only_overdue=True)

    async def async_save(self) -> bool:
        """Save everything, and return whether it is on disk."""
        self._notify()
        # The bot that was loaded anew has a memory of its own.
        return self._is_stopped or await self._storage.async_save(self._stored())

    @callback
    def _save_soon(self) -> None:
        self._notify()
        if not self._is_stopped:
            self._storage.async_delay_save(self._stored)

    def _notify(self) -> None:
        for listener in self._listeners:
            listener()

    def _stored(self) -> dict[str, Any]:
        return {
            _LEAVING: {} if (leaving := self._snapshots.get(LEAVING)) is None else leaving.stored(),
            _MESSAGES: {
                occasion: snapshot.stored()
                for occasion, snapshot in self._snapshots.items()
                if occasion is not LEAVING and not snapshot.is_empty
            },
            SAVED: time.time(),
        }

    def diagnostics(self) -> Mapping[str, Any]:
        """Return the entity ids in each snapshot, by occasion."""
        return {
            _LEAVING if occasion is LEAVING else f"{_MESSAGES} {occasion}".strip(): snapshot.entity_ids
            for occasion, snapshot in self._snapshots.items()
            if not snapshot.is_empty
        }
