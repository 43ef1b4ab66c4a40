"""The actions of data streams: each address that a bot declares is an action, from when it is declared until it is not.

They follow what is stored rather than what is loaded: an automation that runs before its bot is loaded is told so,
instead of that there is no such action.
"""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Final

from homeassistant.config_entries import (
    SIGNAL_CONFIG_ENTRY_CHANGED,
    ConfigEntry,
    ConfigEntryChange,
)
from homeassistant.const import ATTR_CONFIG_ENTRY_ID, CONF_ADDRESS
from homeassistant.core import HomeAssistant, ServiceCall, ServiceResponse, SupportsResponse, callback
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.dispatcher import async_dispatcher_connect
from homeassistant.helpers.service import async_set_service_schema
from homeassistant.util import slugify
from homeassistant.util.hass_dict import HassKey
import voluptuous as vol

from ..const import DOMAIN
from ..data_streams import SUBENTRY_DATA_STREAM
from ..texts import async_texts
from .call import ATTR_RAISE_ON_FAILURE, async_answer
from .form import content_of, described_action, described_options
from .names import ActionNames
from .way import async_send_to

_DATA: HassKey[StreamActions] = HassKey(f"{DOMAIN}.stream_actions")

_AT_ONCE: Final = 100
"""How many actions change before others have their turn: all open pages of Home Assistant are told of each change."""

# The content is for the schema of each bot to check.
_SCHEMA: Final = vol.Schema(
    {vol.Optional(ATTR_CONFIG_ENTRY_ID): cv.string, vol.Optional(ATTR_RAISE_ON_FAILURE): cv.boolean},
    extra=vol.ALLOW_EXTRA,
)

type Stored = Mapping[str, tuple[Mapping[str, Any], ...]]
"""The data of the data streams of all bots, by address, in the order in which the addresses came."""


async def async_setup_stream_actions(hass: HomeAssistant) -> None:
    """Register the actions of all data streams that are stored, and keep them in step with these."""
    names = ActionNames(hass, hass.services.async_services_for_domain(DOMAIN))
    await names.async_load()
    actions = hass.data[_DATA] = StreamActions(hass, names, await async_texts(hass, "services.data-stream"))
    await actions.async_update()

    @callback
    def changed(_: ConfigEntryChange, entry: ConfigEntry[Any]) -> None:
        if entry.domain == DOMAIN:
            actions.async_schedule_update()

    async_dispatcher_connect(hass, SIGNAL_CONFIG_ENTRY_CHANGED, changed)


@callback
def action_of(hass: HomeAssistant, address: str) -> str:
    """Return the action of an address; while no bot that has it is enabled, the one that it would most likely have."""
    names = hass.data[_DATA].names if _DATA in hass.data else {}
    return f"{DOMAIN}.{names.get(address, slugify(address))}"


@callback
def addresses_by_action(hass: HomeAssistant) -> dict[str, str]:
    """Return the addresses of the actions that there are, by their names without the domain."""
    return {name: address for address, name in hass.data[_DATA].names.items()}


class StreamActions:
    """Keeps the actions in step with the data streams of all bots that are not disabled.

    Attributes:
        names: The names of the actions by address.

    """

    def __init__(self, hass: HomeAssistant, action_names: ActionNames, texts: Mapping[str, str]) -> None:
        """Initialize it without any action."""
        self.names: Mapping[str, str] = {}
        self._hass = hass
        self._action_names = action_names
        self._texts = texts
        self._options = described_options(texts)
        self._stored: Stored = {}
        self._updating: asyncio.Task[None] | None = None

    @callback
    def async_schedule_update(self) -> None:
        """Follow the data streams in the next turn of the loop, once for all that changes until then."""
        if self._updating is None:
            self._updating = self._hass.async_create_task(
                self._async_update_all(), f"{DOMAIN} actions", eager_start=False
            )

    async def _async_update_all(self) -> None:
        try:
            await self.async_update()
        finally:
            self._updating = None

    async def async_update(self) -> None:
        """Bring the actions in step with the data streams, also with those that change meanwhile.

        Only what changed is touched: while a page is told of an action, it shows its form anew.
        """
        while (stored := _stored(self._hass)) != self._stored:
            former, self._stored = self._stored, stored
            former_names, self.names = self.names, self._action_names.assign(stored)
            for number, _ in enumerate(self._changes(former, former_names), start=1):
                if number % _AT_ONCE == 0:
                    await asyncio.sleep(0)

    def _changes(self, former: Stored, former_names: Mapping[str, str]) -> Iterator[None]:
        """Remove actions, and add and change others; yield after each."""
        for address in former.keys() - self._stored.keys():
            self._hass.services.async_remove(DOMAIN, former_names[address])
            yield
        for address, data in self._stored.items():
            if (before := former.get(address)) == data:
                continue
            described = self._described(address, data)
            if before is None or described != self._described(address, before):
                self._register(address, described)
                yield

    def _described(self, address: str, data: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        return described_action(address, data, self._texts, self._options)

    def _register(self, address: str, described: dict[str, Any]) -> None:
        name = self.names[address]
        self._hass.services.async_register(
            DOMAIN, name, partial(_async_call, address), _SCHEMA, supports_response=SupportsResponse.OPTIONAL
        )
        async_set_service_schema(self._hass, DOMAIN, name, described)


async def _async_call(address: str, call: ServiceCall) -> ServiceResponse:
    """Send the message of a call."""
    content = content_of(address, call.data)
    bot_id = call.data.get(ATTR_CONFIG_ENTRY_ID)
    dispatch = await async_send_to(call.hass, address, content, bot_id=bot_id, context=call.context)
    return await async_answer(call, dispatch, requires_receiver=True)


def _stored(hass: HomeAssistant) -> Stored:
    stored: dict[str, tuple[Mapping[str, Any], ...]] = {}
    for entry in hass.config_entries.async_entries(DOMAIN, include_disabled=False):
        for stream in entry.get_subentries_of_type(SUBENTRY_DATA_STREAM):
            address = stream.data[CONF_ADDRESS]
            stored[address] = (*stored.get(address, ()), stream.data)
    return stored
