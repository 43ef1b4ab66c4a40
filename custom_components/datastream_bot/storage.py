"""Memory: what is kept on disk, read so that no file, however it came to be, does harm."""

import asyncio
from collections.abc import Callable
import logging
from typing import Any, Final

from homeassistant.core import HomeAssistant, callback
from homeassistant.exceptions import UnsupportedStorageVersionError
from homeassistant.helpers import issue_registry as ir
from homeassistant.helpers.storage import Store
import voluptuous as vol

from .const import DOMAIN

_LOGGER = logging.getLogger(__name__)

_VERSION: Final = 1
_SAVE_DELAY: Final = 1.0


class Memory[T]:
    """A file of its own for one thing that is to be remembered.

    A file that was damaged is as good as none. One of a newer version is left alone until it can be read again; what is
    to be remembered until then is forgotten with the next restart. Both come with a repair issue.
    """

    def __init__(self, hass: HomeAssistant, key: str, schema: vol.Schema) -> None:
        """Initialize the memory.

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
        """Return what was remembered."""
        try:
            stored = await self._store.async_load()
            remembered: T | None = None if stored is None else self._schema(stored)
        except UnsupportedStorageVersionError:
            self._store.make_read_only()
            self._complain(translation_key="memory_newer", is_fixable=False)
            return None
        except Exception as err:  # noqa: BLE001 - a damaged file can be anything
            _LOGGER.debug("%s is damaged: %r", self._store.path, err)
            self._complain(translation_key="memory_damaged", is_fixable=True)
            return None
        ir.async_delete_issue(self._hass, DOMAIN, self._issue_id)
        return remembered

    async def async_save(self, data: T) -> None:
        """Remember this from now on."""
        self._is_due = False
        await self._store.async_save(data)

    async def async_save_together(self, data_func: Callable[[], T]) -> None:
        """Remember what there is to remember, written once for all who ask while something is being written."""
        if self._next is None:
            # It must not begin before those who follow can see that it will.
            self._next = self._hass.async_create_task(
                self._async_save_next(data_func), f"{DOMAIN} memory", eager_start=False
            )
        await asyncio.shield(self._next)

    async def _async_save_next(self, data_func: Callable[[], T]) -> None:
        async with self._writing:
            self._next = None
            await self.async_save(data_func())

    @callback
    def async_delay_save(self, data_func: Callable[[], T]) -> None:
        """Remember, a second after the first call, what there is to remember then, however many calls follow."""
        if self._is_due:
            return
        self._is_due = True

        def data() -> T:
            self._is_due = False
            return data_func()

        self._store.async_delay_save(data, _SAVE_DELAY)

    async def async_remove(self) -> None:
        """Forget it, with its file."""
        ir.async_delete_issue(self._hass, DOMAIN, self._issue_id)
        await self._store.async_remove()

    def _complain(self, *, translation_key: str, is_fixable: bool) -> None:
        _LOGGER.warning("What a bot remembered cannot be read, so it starts anew: %s", self._store.path)
        ir.async_create_issue(
            self._hass,
            DOMAIN,
            self._issue_id,
            is_fixable=is_fixable,
            severity=ir.IssueSeverity.WARNING,
            translation_key=translation_key,
            translation_placeholders={"path": self._store.path},
        )
