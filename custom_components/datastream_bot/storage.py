"""Storage: what is kept on disk. No file does harm, whatever became of it, and no failed write goes unnoticed."""

import asyncio
from collections.abc import Callable
import logging
from typing import Any, Final, NamedTuple

from homeassistant.const import EVENT_HOMEASSISTANT_FINAL_WRITE
from homeassistant.core import CALLBACK_TYPE, HassJob, HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError, UnsupportedStorageVersionError
from homeassistant.helpers.event import async_call_later
from homeassistant.helpers.json import json_bytes
from homeassistant.helpers.storage import Store
from homeassistant.util.hass_dict import HassKey
from homeassistant.util.json import json_loads
import voluptuous as vol

from .const import DOMAIN
from .issues import async_create_issue, async_delete_issue

_LOGGER = logging.getLogger(__name__)

_DATA: HassKey[dict[str, Storage[Any]]] = HassKey(f"{DOMAIN}.storage")
_VERSION: Final = 1
_SAVE_DELAY: Final = 1.0
_RETRY_DELAY: Final = 60.0
_LAST_TIMESTAMP: Final = 253_402_300_799
"""The last second of the year 9999, after which Python knows no dates."""

timestamp: Final = vol.All(vol.Coerce(float), vol.Range(min=0, max=_LAST_TIMESTAMP))
"""Validates seconds since 1970."""


@callback
def async_get_storage(hass: HomeAssistant, key: str, schema: vol.Schema) -> Storage[Any]:
    """Return the storage of a file.

    There is one for each file as long as Home Assistant runs, so that what could not be written outlives a reload.

    Args:
        hass: Home Assistant.
        key: Name of the file, without that of the integration in front.
        schema: What the file has to look like.

    """
    storages = hass.data.setdefault(_DATA, {})
    if key not in storages:
        storages[key] = Storage(hass, key, schema)
    return storages[key]


class _Due[T](NamedTuple):
    data_func: Callable[[], T]
    cancel: tuple[CALLBACK_TYPE, ...]


class Storage[T]:
    """A file of its own for one thing.

    A damaged file counts as none. One of a newer version is left alone until it can be read again; what is saved until
    then is gone with the next restart. What cannot be written is kept, and tried again. All come with a repair issue.
    """

    def __init__(self, hass: HomeAssistant, key: str, schema: vol.Schema) -> None:
        """Initialize the storage; see `async_get_storage`."""
        self._hass = hass
        self._key = key
        # A newer version may have added something.
        self._schema = vol.Schema(schema.schema, extra=vol.REMOVE_EXTRA)
        self._store = self._new_store()
        self._is_read_only = False
        self._writing = asyncio.Lock()
        self._next: asyncio.Task[None] | None = None
        self._due: _Due[T] | None = None

    async def async_load(self) -> T | None:
        """Return what was saved, or None when there is nothing that can be read."""
        if self._due is not None:
            return self._validate(json_loads(json_bytes(self._due.data_func())))
        try:
            stored = await self._async_read()
            data = None if stored is None else self._validate(stored)
        except UnsupportedStorageVersionError:
            self._is_read_only = True
            self._report_unreadable(translation_key="memory_newer")
            return None
        except Exception as err:  # noqa: BLE001 - a damaged file can be anything
            _LOGGER.debug("%s is damaged: %r", self._store.path, err)
            self._report_unreadable(translation_key="memory_damaged")
            return None
        async_delete_issue(self._hass, self._issue_id)
        return data

    async def async_save(self, data: T) -> bool:
        """Save data now, and return whether it is on disk; if it is not, that is tried again every minute.

        While Home Assistant stops, it writes later, and nobody can tell.
        """
        async with self._writing:
            return await self._async_save(data)

    async def async_save_together(self, data_func: Callable[[], T]) -> None:
        """Save data now, written once for all who ask while a write is going on."""
        if self._next is None:
            # Not started at once, so that all who ask until then share it.
            self._next = self._hass.async_create_task(
                self._async_save_next(data_func), f"{DOMAIN} storage", eager_start=False
            )
        await asyncio.shield(self._next)

    async def _async_save_next(self, data_func: Callable[[], T]) -> None:
        async with self._writing:
            self._next = None
            await self._async_save(data_func())

    @callback
    def async_delay_save(self, data_func: Callable[[], T], delay: float = _SAVE_DELAY) -> None:
        """Save data some seconds after the first of any number of calls."""
        if self._due is None:
            self._save_later(delay, data_func)

    @callback
    def async_save_at_stop(self, data_func: Callable[[], T]) -> CALLBACK_TYPE:
        """Save data when Home Assistant stops, with ages as they are then; return the function that prevents it."""

        async def save(_: object) -> None:
            await self.async_save(data_func())

        return self._hass.bus.async_listen(EVENT_HOMEASSISTANT_FINAL_WRITE, save)

    async def async_remove(self) -> None:
        """Remove the file, or else leave it behind; what is still at work writes no other."""
        self._is_read_only = True
        self._cancel_due()
        self._hass.data[_DATA].pop(self._key, None)
        for issue_id in (self._issue_id, self._unsaved_issue_id):
            async_delete_issue(self._hass, issue_id)
        try:
            await self._store.async_remove()
        except OSError as err:
            _LOGGER.warning("A file is left behind, as it cannot be removed: %s", err)

    async def _async_save(self, data: T) -> bool:
        self._cancel_due()
        if await self._async_write(data):
            async_delete_issue(self._hass, self._unsaved_issue_id)
            return True
        async_create_issue(
            self._hass,
            self._unsaved_issue_id,
            translation_key="memory_unsaved",
            path=self._store.path,
        )
        # There may be something newer by now.
        data_func = self._due.data_func if self._due is not None else lambda: data
        self._cancel_due()
        self._save_later(_RETRY_DELAY, data_func)
        return False

    async def _async_write(self, data: T) -> bool:
        """Write data, and return whether it is on disk, which the store does not tell."""
        if self._is_read_only:
            return True
        # As it is now, since it may change while it is written.
        snapshot = json_loads(json_bytes(data))
        try:
            await self._store.async_save(snapshot)
            if self._hass.is_stopping:
                return True
            written = await self._async_read()
        except (OSError, HomeAssistantError) as err:
            _LOGGER.debug("%s cannot be written: %r", self._store.path, err)
            return False
        return bool(written == snapshot)

    def _save_later(self, delay: float, data_func: Callable[[], T]) -> None:
        """Save data after some seconds, or when Home Assistant stops."""

        async def save(_: object) -> None:
            await self.async_save(data_func())

        later = async_call_later(self._hass, delay, HassJob(save, cancel_on_shutdown=True))
        last = self._hass.bus.async_listen(EVENT_HOMEASSISTANT_FINAL_WRITE, save)
        self._due = _Due(data_func, (later, last))

    def _cancel_due(self) -> None:
        if self._due is not None:
            for cancel in self._due.cancel:
                cancel()
            self._due = None

    async def _async_read(self) -> Any:
        # A store that has written may answer from its memory.
        return await self._new_store().async_load()

    def _new_store(self) -> Store[Any]:
        return Store(self._hass, _VERSION, f"{DOMAIN}.{self._key}")

    def _validate(self, stored: Any) -> T:
        data: T = self._schema(stored)
        return data

    @property
    def _issue_id(self) -> str:
        return f"memory_{self._key}"

    @property
    def _unsaved_issue_id(self) -> str:
        return f"unsaved_{self._key}"

    def _report_unreadable(self, *, translation_key: str) -> None:
        _LOGGER.warning("What a bot remembered cannot be read, so it starts anew: %s", self._store.path)
        async_create_issue(self._hass, self._issue_id, translation_key=translation_key, path=self._store.path)
