"""The names of actions, made of addresses, which may hold more characters."""

from collections.abc import Collection, Mapping
from itertools import count
import re
from typing import Final

from homeassistant.core import HomeAssistant
from homeassistant.helpers import config_validation as cv
from homeassistant.util import slugify
import voluptuous as vol

from ..storage import async_get_storage

STORAGE_KEY: Final = "action_names"

_NAME: Final = re.compile("[a-z0-9]+(_[a-z0-9]+)*")


class ActionNames:
    """Gives the action of each address its name, and keeps it as long as there is the address."""

    def __init__(self, hass: HomeAssistant, fixed: Collection[str]) -> None:
        """Initialize it with the names that other actions have."""
        self._fixed = frozenset(fixed)
        self._storage = async_get_storage(hass, STORAGE_KEY, vol.Schema({str: cv.slug}))
        self._names: Mapping[str, str] = {}

    async def async_load(self) -> None:
        """Load the names that end in a number."""
        self._names = await self._storage.async_load() or {}

    def assign(self, addresses: Collection[str]) -> Mapping[str, str]:
        """Return the names of the actions by address.

        Where two addresses come to the same name, the one that came later has a number at its end.

        Args:
            addresses: All addresses that have an action, in the order in which they came.

        """
        names = {address: name for address, name in self._names.items() if address in addresses}
        taken = {*self._fixed, *names.values()}
        for address in addresses:
            if address not in names:
                names[address] = _free(_slug(address), taken)
                taken.add(names[address])
        if _numbered(names) != _numbered(self._names):
            self._storage.async_delay_save(lambda: _numbered(self._names))
        self._names = names
        return names


def _slug(address: str) -> str:
    """Return the name that an address comes to."""
    # Most are one as they are, which takes `slugify` 4 µs to find out.
    return address if _NAME.fullmatch(address) else slugify(address)


def _free(name: str, taken: Collection[str]) -> str:
    if name not in taken:
        return name
    return next(numbered for number in count(2) if (numbered := f"{name}_{number}") not in taken)


def _numbered(names: Mapping[str, str]) -> dict[str, str]:
    return {address: name for address, name in names.items() if name != _slug(address)}
