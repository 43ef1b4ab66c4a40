"""The host: the part of a bot that microservices of other integrations may use."""

from collections.abc import Collection
from typing import Protocol

from homeassistant.core import Context

from .message import Scope
from .receipt import Receipt


class MicroserviceHost(Protocol):
    """The bot that a microservice is added to, as far as it is another integration's business.

    Other integrations get one for each bot, as the second argument of their `async_get_microservices`.
    """

    @property
    def bot_id(self) -> str:
        """Return the id of the bot, the entry id of its config entry: it stays the same as long as there is the bot."""

    @property
    def name(self) -> str:
        """Return what people call the bot, which they may change at any time."""

    async def async_send(
        self,
        address: str,
        content: object = None,
        *,
        internal: bool = True,
        external: bool = True,
        context: Context | None = None,
        scopes: Collection[Scope] | None = None,
        homes: Collection[str] | None = None,
    ) -> Receipt:
        """Send a message as the bot and return its receipt, after at most 10 seconds.

        In BotLab this is `distribute_datastream_message` of a location.

        Args:
            address: A letter, then letters, digits, `_`, `-` and `.`; at most 64 characters.
            content: A JSON object of at most 32 KiB and 16 levels; None is an empty one.
            internal: Deliver it to this bot's own microservices.
            external: Deliver it to the other bots that opened the address, and fire `datastream_bot_message`.
            context: What the message is sent because of: `message.context` in a microservice that answers a message.
                Its user's rights hold for all that the message does; beyond this Home Assistant it goes only for a user
                who may speak for the bot. None is Home Assistant itself.
            scopes: Whose bots beyond this Home Assistant an external message is for, where the bot has MQTT open; None
                for those that speak for the same home or organization.
            homes: Names of the homes that a message of an organization's bot is for, or `all`.

        Raises:
            ServiceValidationError: The address or the content is not valid, or the content fits none of the bots that
                would have received it; or it cannot be sent to these scopes and homes; or the bot is not loaded.
            HomeAssistantError: More than 8 messages led to this one, or more than 1,000 came of the first one.

        """
