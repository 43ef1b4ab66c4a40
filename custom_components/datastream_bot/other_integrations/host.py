"""The host of microservices of other integrations: a bot without all that is not theirs."""

from collections.abc import Collection
from typing import override

from homeassistant.core import Context

from ..bot import Bot
from ..errors import MessageError
from ..messaging.host import MicroserviceHost
from ..messaging.message import Scope
from ..messaging.receipt import Receipt


class BotHost(MicroserviceHost):
    """Sends as a bot, as long as that runs."""

    __slots__ = ("_bot",)

    def __init__(self, bot: Bot) -> None:
        """Initialize the host of a bot."""
        self._bot = bot

    @property
    @override
    def bot_id(self) -> str:
        return self._bot.bot_id

    @property
    @override
    def name(self) -> str:
        return self._bot.entry.title

    @override
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
        # After a reload another one speaks for the bot.
        if not self._bot.is_loaded:
            raise MessageError(translation_key="bot_not_running", bot=self.name)
        return await self._bot.async_distribute_datastream_message(
            address, content, internal=internal, external=external, context=context, scopes=scopes, homes=homes
        )
