"""Storage: what is kept on disk, read so that no file, whatever became of it, does harm."""

import asyncio
from collections.abc import Callable
import logging
from typing import Any, Final

from homeassistant.core import HomeAssistant, callback
from homeassistant.exceptions import UnsupportedStorageVersionError
from homeassistant.helpers.storage import Store
import voluptuous as vol

from .const import DOMAIN
from .issues import async_create_issue, async_delete_issue

_LOGGER = logging.getLogger(__name__)

_VERSION: Final = 1
_SAVE_DELAY: Final = 1.0


class Storage[T]:
    """A file of its own for one thing.

    A damaged file counts as none. One of a newer version is left alone until it can be read again; what is saved until
    then is gone with the next restart. Both come with a repair issue.
    """

    def __init__(self, hass: HomeAssistant, key: str, schema: vol.Schema) -> None:
        """Initialize the storage.

        Args:
            hass: Home Assistant.
            key: Name of the file, without that of the integration in front.
            schema: What the file has to look like.

        """
        self._hass = hass
        self._schema = schema
        self._store = Store[Any](hass, _VERSION, f"{DOMAIN}.{key}")
        self._issue_id = f"memory_{key}"
        self._is_due = False
        self._writing = asyncio.Lock()
        self._next: asyncio.Task[None] | None = None

    async def async_load(self) -> T | None:
        """Return what was saved, or None when there is nothing that can be read."""
        try:
            stored = await self._store.async_load()
            data: T | None = None if stored is None else self._schema(stored)
        except UnsupportedStorageVersionError:
            self._store.make_read_only()
            self._report(translation_key="memory_newer", is_fixable=False)
            return None
        except Exception as err:  # noqa: BLE001 - a damaged file can be anything
            _LOGGER.debug("%s is damaged: %r", self._store.path, err)
            self._report(translation_key="memory_damaged", is_fixable=True)
            return None
        async_delete_issue(self._hass, self._issue_id)
        return data

    async def async_save(self, data: T) -> None:
        """Save data now."""
        self._is_due = False
        await self._store.async_save(data)

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
            await self.async_save(data_func())

    @callback
    def async_delay_save(self, data_func: Callable[[], T]) -> None:
        """Save data a second after the first of any number of calls.

        Home Assistant's store would put the write off with each call.
        """
        if self._is_due:
            return
        self._is_due = True

        def data() -> T:
            self._is_due = False
            return data_func()

        self._store.async_delay_save(data, _SAVE_DELAY)

    async def async_remove(self) -> None:
        """Remove the file."""
        async_delete_issue(self._hass, self._issue_id)
        await self._store.async_remove()

    def _report(self, *, translation_key: str, is_fixable: bool) -> None:
        _LOGGER.warning("What a bot remembered cannot be read, so it starts anew: %s", self._store.path)
        async_create_issue(
            self._hass,
            self._issue_id,
            translation_key=translation_key,
            is_fixable=is_fixable,
            path=self._store.path,
        )
