"""The bot: composes the microservices of a config entry, and sends messages as it."""

from collections.abc import Collection, Mapping, Sequence
from functools import partial
from typing import Any, Final, Protocol

from homeassistant.config_entries import ConfigEntry, ConfigEntryState
from homeassistant.core import CALLBACK_TYPE, Context, HomeAssistant, callback
from homeassistant.helpers import device_registry as dr

from .channel import Channel
from .const import (
    ADDRESS_TOGGLE_EVERYTHING,
    CONF_DOORS_CLOSED,
    CONF_KEEP_CONTENT,
    DOMAIN,
    MANUFACTURER,
    ORIGIN_MICROSERVICE,
    ORIGIN_PRESENCE,
    PANEL,
)
from .data_streams import DataStreams
from .devices.memory import memory_storage
from .errors import MessageError
from .issues import async_delete_issues_about, async_rename_in_issues
from .messaging.dispatch import Dispatch
from .messaging.message import DEFAULT_ROUTE, Route, Scope
from .messaging.microservice import Microservice
from .messaging.receipt import Delivery, Outcome, Receipt
from .messaging.router import DATA_ROUTER, Router
from .microservices.device import DeviceMicroservice
from .microservices.location import LocationMicroservice
from .presence.doubt_issue import DoubtIssue
from .presence.persons import Presence
from .presence.tracker import PresenceTracker, presence_storage
from .rights import async_may_control_all
from .settings import Settings, log_settings

_RECEIVER_RIGHTS: Final = "rights"

type DatastreamBotConfigEntry = ConfigEntry[Bot]


class Entrance(Protocol):
    """An open way into a bot from outside Home Assistant, registered for diagnostics."""

    @property
    def origin(self) -> str:
        """Return what messages that come through it are marked with."""

    def channels(self, address: str) -> Sequence[Channel]:
        """Return where messages to an open address may be sent."""

    def diagnostics(self) -> Mapping[str, Any]:
        """Return what came in, and what became of it."""


class Transport(Protocol):
    """A way from a bot to bots elsewhere and back, registered for diagnostics."""

    @property
    def is_connected(self) -> bool:
        """Return whether bots elsewhere can be reached."""

    def channels(self, address: str) -> Sequence[Channel]:
        """Return where messages to an open address may be sent."""

    def diagnostics(self) -> Mapping[str, Any]:
        """Return what is on its way."""


def loaded_bots(hass: HomeAssistant) -> list[Bot]:
    """Return the bots that are loaded."""
    entries: list[DatastreamBotConfigEntry] = hass.config_entries.async_loaded_entries(DOMAIN)
    return [entry.runtime_data for entry in entries]


async def async_remove_bot(hass: HomeAssistant, bot_id: str) -> None:
    """Remove what a bot stored."""
    for storage_of in (presence_storage, memory_storage):
        await storage_of(hass, bot_id).async_remove()
    async_delete_issues_about(hass, bot_id)
    if (router := hass.data.get(DATA_ROUTER)) is not None:
        router.log.async_forget(bot_id)


def _register_device(hass: HomeAssistant, entry: DatastreamBotConfigEntry) -> str:
    """Register the device of a bot, and return its id."""
    device = dr.async_get(hass).async_get_or_create(
        config_entry_id=entry.entry_id,
        entry_type=dr.DeviceEntryType.SERVICE,
        identifiers={(DOMAIN, entry.entry_id)},
        name=entry.title,
        manufacturer=MANUFACTURER,
        model="Bot",
        configuration_url=f"homeassistant://{PANEL}/messages?bot={entry.entry_id}",
    )
    return device.id


class Bot:
    """A named set of microservices that send and receive messages together.

    Attributes:
        data_streams: The addresses that it declares.
        tracker: What it believes about presence.
        device: What it switches.
        doors: The ways into it that are open.
        transport: The way to bots elsewhere, or None.

    """

    def __init__(self, hass: HomeAssistant, entry: DatastreamBotConfigEntry, router: Router) -> None:
        """Initialize the bot of a config entry, with its device."""
        self.hass = hass
        self.entry = entry
        self.device_id = _register_device(hass, entry)
        self._attached: dict[Microservice, list[CALLBACK_TYPE]] = {}
        self.doors: list[Entrance] = []
        self.transport: Transport | None = None
        self._router = router
        settings = self._settings = Settings.from_options(entry.options)
        self.tracker = PresenceTracker(hass, self.bot_id, settings.persons, settings.settling)
        self.data_streams = DataStreams(hass, entry, router.registry, self.attach)
        self.device = DeviceMicroservice(hass, entry, settings)
        self._location = LocationMicroservice(
            hass, entry, settings, self.tracker, send=self.async_dispatch, devices=self.device
        )

    @property
    def bot_id(self) -> str:
        """Return the id of the bot, which is that of its config entry."""
        return self.entry.entry_id

    @property
    def microservices(self) -> list[Microservice]:
        """Return the microservices that are attached to the bot."""
        return list(self._attached)

    def channels(self, address: str) -> list[Channel]:
        """Return where messages to an open address of the bot may be sent from outside Home Assistant."""
        ways: list[Entrance | Transport] = [*self.doors, *([] if self.transport is None else [self.transport])]
        return [channel for way in ways for channel in way.channels(address)]

    @property
    def is_loaded(self) -> bool:
        """Return whether it is, or is being loaded, and no other in its place."""
        states = (ConfigEntryState.SETUP_IN_PROGRESS, ConfigEntryState.LOADED)
        # Home Assistant takes it away while the entry is loaded anew.
        return self.entry.state in states and getattr(self.entry, "runtime_data", None) is self

    @property
    def is_outdated(self) -> bool:
        """Return whether the bot looks after something else by now than it was set up for."""
        return self._settings != Settings.from_options(self.entry.options)

    @property
    def has_doors_closed(self) -> bool:
        """Return whether all doors are closed, whatever the form says."""
        return bool(self.entry.options.get(CONF_DOORS_CLOSED, False))

    @callback
    def async_close_doors(self, *, close: bool) -> None:
        """Close all doors until further notice, or open those that the form says."""
        self.hass.config_entries.async_update_entry(
            self.entry, options={**self.entry.options, CONF_DOORS_CLOSED: close}
        )

    @callback
    def async_update_name(self) -> None:
        """Give the device and the repair issues of the bot its name; whatever else tells it looks it up."""
        _register_device(self.hass, self.entry)
        async_rename_in_issues(self.hass, self.entry)

    @callback
    def async_update_log(self) -> None:
        """Tell the message log whether to keep the content of the bot's messages, as the options say."""
        self._router.log.async_keep_content(self.bot_id, keep=log_settings(self.entry.options)[CONF_KEEP_CONTENT])

    async def async_receive(self) -> None:
        """Start to receive messages, until the config entry is unloaded."""
        on_unload = self.entry.async_on_unload
        # The last to be called, for those of other integrations.
        on_unload(self._detach_all)
        self.async_update_log()
        await self.device.async_start()
        on_unload(lambda: self.device.async_stop(forget=self._is_disabled))
        for microservice in (self._location, self.device):
            on_unload(self.attach(microservice))
        await self.data_streams.async_update()
        on_unload(self.data_streams.async_stop)
        await self.tracker.async_load()

    async def async_react(self) -> None:
        """Start to react to presence, until the config entry is unloaded."""
        self.entry.async_on_unload(lambda: self._location.async_stop(forget=self._is_disabled))
        if self._settings.has_reaction:
            doubt_issue = DoubtIssue(self.hass, self.entry, self.tracker)
            self.entry.async_on_unload(doubt_issue.async_connect())
        await self._location.async_start()

    @property
    def _is_disabled(self) -> bool:
        return self.entry.disabled_by is not None

    @callback
    def attach(self, microservice: Microservice) -> CALLBACK_TYPE:
        """Let a microservice receive messages; return the function that detaches it."""
        registry = self._router.registry
        leave = self._attached[microservice] = []
        try:
            leave += (registry.subscribe(self.entry, address, microservice) for address in microservice.addresses)
            leave += (registry.declare(self.entry, each, fields) for each, fields in microservice.fields.items())
        except Exception:
            # Others write microservices as well, which may fail halfway.
            self._detach(microservice)
            raise
        return partial(self._detach, microservice)

    def _detach(self, microservice: Microservice) -> None:
        """Detach a microservice, unless the bot has done so because it was unloaded."""
        for leave_one in self._attached.pop(microservice, ()):
            leave_one()

    @callback
    def _detach_all(self) -> None:
        for microservice in self.microservices:
            self._detach(microservice)

    async def async_distribute_datastream_message(
        self,
        address: str,
        content: object,
        *,
        internal: bool = True,
        external: bool = True,
        context: Context | None = None,
        scopes: Collection[Scope] | None = None,
        homes: Collection[str] | None = None,
    ) -> Receipt:
        """Send a message and return its receipt; see `MicroserviceHost.async_send`."""
        dispatch = await self.async_dispatch(
            address,
            content,
            internal=internal,
            external=external,
            context=context,
            route=Route(scopes=scopes, homes=homes),
        )
        return await dispatch.async_receipt()

    async def async_dispatch(
        self,
        address: object,
        content: object,
        *,
        origin: str = ORIGIN_MICROSERVICE,
        internal: bool = True,
        external: bool = True,
        context: Context | None = None,
        route: Route | None = DEFAULT_ROUTE,
    ) -> Dispatch:
        """Send a message on its way as this bot; see `async_distribute_datastream_message`."""
        refused: list[Delivery] = []
        if external and self.transport is not None and (refusal := await self.async_refusal_to_speak(context)):
            # Others would carry it out with the rights of the bot.
            route, refused = None, [self.refused(refusal)]
        return await self._router.async_dispatch(
            address,
            content,
            origin=origin,
            sender=self.bot_id,
            internal=internal,
            external=external,
            context=context,
            route=route,
            refused=refused,
        )

    async def async_preview_reaction(self, presence: Presence) -> list[dict[str, Any]]:
        """Return what the bot would do if everybody left or somebody came home; see `Router.async_preview`."""
        if (content := self._location.content_for(presence)) is None:
            return []
        return await self._router.async_preview(
            ADDRESS_TOGGLE_EVERYTHING,
            content,
            origin=ORIGIN_PRESENCE,
            context=Context(),
            sender=self.bot_id,
            external=False,
        )

    async def async_refusal_to_speak(self, context: Context | None) -> MessageError | None:
        """Return why the user of a context may not speak for this bot, or None when nothing is against it.

        Those may who could do all that the bot does: without a user, Home Assistant itself; users who may control
        everything, or all that the bot is attached to, if that is anything.
        """
        if context is None or await async_may_control_all(self.hass, self.device.attached, context):
            return None
        return MessageError(translation_key="may_not_speak", bot=self.entry.title)

    def refused(self, error: MessageError) -> Delivery:
        """Return as part of a receipt why this bot does not send a message as its own."""
        return Delivery(
            bot_id=self.bot_id,
            bot_name=self.entry.title,
            receiver=_RECEIVER_RIGHTS,
            outcome=Outcome.FAILED,
            error=str(error),
        )
