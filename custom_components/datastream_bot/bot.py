"""The bot: a config entry that sends and receives messages."""

from collections.abc import Collection, Iterable
from functools import partial

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import CALLBACK_TYPE, Context, HomeAssistant, callback

from .const import DOMAIN, Origin
from .devices.snapshot import Snapshot
from .doors.door import Door
from .errors import MessageError
from .messaging.message import Message
from .messaging.microservice import Microservice
from .messaging.receipt import Receipt
from .messaging.registry import Receiver
from .messaging.router import Router
from .mqtt.mqtt_door import MqttDoor
from .mqtt.topics import Scope
from .presence.tracker import Following
from .settings import Settings

type DatastreamBotConfigEntry = ConfigEntry[Bot]


def loaded_bots(hass: HomeAssistant) -> list[Bot]:
    """Return the bots that are up."""
    entries: list[DatastreamBotConfigEntry] = hass.config_entries.async_loaded_entries(DOMAIN)
    return [entry.runtime_data for entry in entries]


class Bot:
    """A named set of microservices that send and receive messages together.

    Other integrations reach it as the `runtime_data` of its config entry.
    """

    def __init__(self, hass: HomeAssistant, entry: DatastreamBotConfigEntry, router: Router, device_id: str) -> None:
        """Initialize the bot."""
        self.hass = hass
        self.entry = entry
        self.device_id = device_id
        self.settings = Settings.from_data(entry.data)
        self.following = Following(hass, self.bot_id, self.settings.persons, self.settings.settling)
        self.snapshot = Snapshot(hass, self.bot_id, self.settings.remember_for)
        self.microservices: list[Microservice] = []
        self.doors: dict[Origin, Door] = {}
        self.mqtt: MqttDoor | None = None
        self._router = router
        self._set_up_as = (entry.title, entry.data)

    @property
    def bot_id(self) -> str:
        """Return the id of the bot, which is that of its config entry."""
        return self.entry.entry_id

    @property
    def is_outdated(self) -> bool:
        """Return whether the config entry, apart from its data streams, changed since the bot was set up."""
        return self._set_up_as != (self.entry.title, self.entry.data)

    @callback
    def attach(self, microservice: Microservice) -> CALLBACK_TYPE:
        """Let a microservice listen until the returned callback is called."""
        bot = (self.bot_id, self.entry.title)
        directory = self._router.directory
        receiver = Receiver(
            name=microservice.name, order=microservice.order, deliver=microservice.async_datastream_updated
        )
        leave = [directory.connect(*bot, address, receiver) for address in microservice.addresses]
        leave += [directory.declare(*bot, address, fields) for address, fields in microservice.contracts.items()]
        self.microservices.append(microservice)
        return partial(self._detach, microservice, leave)

    def _detach(self, microservice: Microservice, leave: Iterable[CALLBACK_TYPE]) -> None:
        for leave_one in leave:
            leave_one()
        self.microservices.remove(microservice)

    @callback
    def open_door(self, door: Door) -> CALLBACK_TYPE:
        """Let requests find a door until the returned callback is called."""
        self.doors[door.origin] = door

        @callback
        def close() -> None:
            del self.doors[door.origin]
            door.async_close()

        return close

    async def async_distribute_datastream_message(
        self,
        address: str,
        content: object,
        *,
        internal: bool = True,
        external: bool = True,
        origin: Origin = Origin.MICROSERVICE,
        context: Context | None = None,
        scopes: Collection[Scope] | None = None,
        homes: Collection[str] | None = None,
    ) -> Receipt:
        """Send a message and return its receipt, after at most 10 seconds.

        Args:
            address: A letter, then letters, digits, `_`, `-` and `.`; at most 64 characters.
            content: A JSON object of at most 32 KiB and 16 levels; None is an empty one.
            internal: Deliver to this bot's own microservices.
            external: Deliver to the other bots that opened the address, and fire `datastream_bot_message`.
            origin: Where the message comes into being.
            context: What the message is sent because of: `message.context` in a microservice that answers a message.
                Its user's rights hold for whatever the message does.
            scopes: Whose bots beyond this Home Assistant an external message is for, over the bot's MQTT door; None
                for those that speak for the same home or organization.
            homes: Names of the homes that a message of an organization's bot is for, or `all`.

        Raises:
            MessageError: The address or the content is not valid, or the content fits none of the bots that would
                have received it; or it cannot go out as the scopes and homes say.
            HomeAssistantError: More than 8 messages led to this one.

        """
        return await self._router.async_send(
            Message.create(
                address,
                content,
                origin=origin,
                sender=self.bot_id,
                context=context,
                hops=self._router.hops_after(context),
                internal=internal,
                external=external,
                topics=self._topics_for(scopes, homes, external=external),
            )
        )

    def _topics_for(
        self, scopes: Collection[Scope] | None, homes: Collection[str] | None, *, external: bool
    ) -> tuple[str, ...]:
        if self.mqtt is not None and external:
            return self.mqtt.topics_for(scopes, homes)
        if scopes or homes:
            raise MessageError(translation_key="mqtt_closed" if external else "scope_needs_external")
        return ()
