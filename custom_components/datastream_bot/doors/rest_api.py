"""The HTTP API: whoever has a token of Home Assistant sends with the rights of its user."""

from http import HTTPMethod, HTTPStatus
from typing import ClassVar, Final, override

from aiohttp.web import Request, Response
from homeassistant.core import HomeAssistant
from homeassistant.helpers.http import KEY_HASS, HomeAssistantView

from ..channel import Channel
from ..const import DOMAIN
from ..errors import MessageError
from ..messaging.receipt import Delivery
from ..messaging.registry import is_called
from ..rights import async_readable_receipt
from .door import Door, DoorError, NotReadyError
from .entering import async_enter, async_take_each, async_write_refusal, doors_to, entries_to_come, open_doors
from .idempotency import key_in
from .request import Received, async_read_body, check_request_form, message_schema, read_message, refusal

_URL: Final = f"/api/{DOMAIN}/{{bot}}/stream"
_URL_OF_ALL: Final = f"/api/{DOMAIN}/stream"


class RestDoor(Door):
    """The HTTP API of a bot, which needs no opening: a token is good for Home Assistant's actions as well."""

    origin: ClassVar = "http"
    title: ClassVar = "HTTP API"

    @override
    def channels(self, address: str) -> list[Channel]:
        return [
            Channel(
                name=name,
                title=title,
                address=url,
                protocol="http",
                binding={"method": HTTPMethod.POST},
                security=({"type": "http", "scheme": "bearer"},),
                payload=message_schema,
                admits=self.admits,
            )
            for name, title, url in (
                (self.origin, "All bots that opened the address", _URL_OF_ALL),
                (f"{self.origin}.{self.bot_id}", self.entry.title, _URL.format(bot=self.bot_id)),
            )
        ]


class StreamView(HomeAssistantView):
    """Takes messages for one bot, named by its id or its name, or for all bots that opened the address."""

    url = _URL
    extra_urls = [_URL_OF_ALL]  # noqa: RUF012 - as Home Assistant declares it
    name = f"api:{DOMAIN}:stream"

    async def post(self, request: Request, bot: str | None = None) -> Response:
        """Send a message and answer with its receipt, or with why it was refused."""
        hass = request.app[KEY_HASS]
        refused: list[Delivery] = []
        doors: list[Door] = []
        received: Received | None = None
        try:
            doors = _doors(hass, bot)
            if bot is not None:
                # Before anything is read.
                doors, refused = async_take_each(doors)
            check_request_form(request)
            received = read_message(request.query, await async_read_body(request))
            doors = doors_to(received.address, doors, entries_to_come(hass))
            if bot is None:
                # Not before it is known which bots it is for.
                doors, refused = async_take_each(doors)
            context = self.context(request)
            key = key_in(request.headers)
            receipt = await async_enter(doors, received, key=key, context=context, refused=refused)
        except MessageError as err:
            async_write_refusal(hass, err, origin=RestDoor.origin, doors=doors, received=received)
            return self.json(*refusal(err))
        return self.json(await async_readable_receipt(hass, receipt, context))

    # These are refused in words.
    get = head = put = patch = delete = post


def _doors(hass: HomeAssistant, bot: str | None) -> list[Door]:
    """Return the doors of the bots with this id or name, or of all bots.

    Raises:
        DoorError: There is no such bot, or not yet, or several have this name.

    """
    doors: list[Door] = open_doors(hass, RestDoor)
    if bot is None:
        return doors
    doors = [door for door in doors if is_called(bot, door.bot_id, door.entry.title)]
    to_come = [entry for entry in entries_to_come(hass) if is_called(bot, entry.entry_id, entry.title)]
    if len(doors) + len(to_come) > 1:
        raise DoorError(HTTPStatus.CONFLICT, translation_key="bot_ambiguous", bot=bot)
    if doors:
        return doors
    if to_come:
        raise NotReadyError
    raise DoorError(HTTPStatus.NOT_FOUND, translation_key="bot_not_found", bot=bot)
