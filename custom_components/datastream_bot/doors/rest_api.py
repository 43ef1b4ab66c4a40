"""The authenticated door: whoever has a token of Home Assistant sends with the rights of its user."""

from http import HTTPStatus

from aiohttp.web import Request, Response
from homeassistant.core import HomeAssistant
from homeassistant.helpers.http import KEY_HASS, HomeAssistantView

from ..bot import loaded_bots
from ..const import DOMAIN, Origin
from ..errors import DoorError, MessageError
from ..messaging.router import DATA_ROUTER
from .door import Door
from .entering import async_enter, doors_to
from .request import async_read_body, check_request_form, read_message, refusal


class StreamView(HomeAssistantView):
    """Takes messages for one bot, named by its id or its name, or for all bots that opened the address."""

    url = f"/api/{DOMAIN}/{{bot}}/stream"
    extra_urls = [f"/api/{DOMAIN}/stream"]  # noqa: RUF012 - as Home Assistant declares it
    name = f"api:{DOMAIN}:stream"

    async def post(self, request: Request, bot: str | None = None) -> Response:
        """Send a message and answer with its receipt, or with why it was refused."""
        hass = request.app[KEY_HASS]
        try:
            doors = _doors(hass, bot)
            if bot is not None:
                doors[0].async_take()
            check_request_form(request)
            incoming = read_message(request.query, await async_read_body(request))
            router = hass.data[DATA_ROUTER]
            doors = doors_to(router, doors, incoming.address)
            receipt = await async_enter(router, doors, incoming, self.context(request), counted=bot is not None)
        except MessageError as err:
            return self.json(*refusal(err))
        return self.json(receipt.as_dict())

    # These are refused in words.
    get = head = put = patch = delete = post


def _doors(hass: HomeAssistant, name: str | None) -> list[Door]:
    """Return the door of the bot with this id or name, or those of all bots.

    Raises:
        DoorError: There is no such bot.

    """
    bots = loaded_bots(hass)
    if name is not None:
        bots = [bot for bot in bots if name == bot.bot_id or name.casefold() == bot.entry.title.casefold()]
        if not bots:
            raise DoorError(HTTPStatus.NOT_FOUND, translation_key="bot_not_found", bot=name)
    return [bot.doors[Origin.HTTP] for bot in bots]
