"""The bot: a config entry that sends and receives messages."""

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import CALLBACK_TYPE, Context, HomeAssistant, callback

from .const import Origin
from .message import Message
from .microservice import Microservice
from .receipt import Receipt
from .router import Receiver, Router

type DatastreamBotConfigEntry = ConfigEntry[Bot]


class Bot:
    """A named set of microservices that send and receive messages together.

    Other integrations reach it as the `runtime_data` of its config entry.
    """

    def __init__(self, hass: HomeAssistant, entry: DatastreamBotConfigEntry, router: Router) -> None:
        """Initialize the bot."""
        self.hass = hass
        self.entry = entry
        self.microservices: list[Microservice] = []
        self._router = router

    @property
    def bot_id(self) -> str:
        """Return the id of the bot, which is that of its config entry."""
        return self.entry.entry_id

    @callback
    def attach(self, microservice: Microservice) -> CALLBACK_TYPE:
        """Let a microservice listen, after those attached before it, until the returned callback is called."""
        receiver = Receiver(
            bot_id=self.bot_id,
            bot_name=self.entry.title,
            name=microservice.name,
            deliver=microservice.async_datastream_updated,
        )
        disconnect = self._router.connect(receiver, microservice.handlers)
        self.microservices.append(microservice)

        @callback
        def detach() -> None:
            disconnect()
            self.microservices.remove(microservice)

        return detach

    async def async_distribute_datastream_message(
        self,
        address: str,
        content: object,
        *,
        internal: bool = True,
        external: bool = True,
        origin: Origin = Origin.MICROSERVICE,
        context: Context | None = None,
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

        Raises:
            ServiceValidationError: The address or the content is not valid.
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
            )
        )
