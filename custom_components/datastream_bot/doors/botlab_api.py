"""The BotLab-compatible API: BotLab's own scripts send to this home as they do to its cloud.

It speaks as much of People Power's HTTP API as those scripts use: a login, the user, and a message.
"""

from abc import abstractmethod
import asyncio
from http import HTTPMethod, HTTPStatus
from ipaddress import IPv6Address, IPv6Network
from typing import Any, ClassVar, Final, override

from aiohttp.web import HTTPNotFound, Request, Response
from homeassistant.auth.models import User
from homeassistant.core import Context
from homeassistant.helpers.http import KEY_HASS, HomeAssistantView
from homeassistant.helpers.selector import BooleanSelector
import voluptuous as vol

from ..channel import Channel
from ..errors import MessageError
from ..rate_limit import TokenBuckets
from ..rights import async_readable_receipt
from .door import CONF_LOCAL_ONLY, CONF_OPEN, Door, DoorError, LimitedError, NotReadyError
from .entering import async_enter, async_take_each, async_write_refusal, doors_to, entries_to_come, open_doors
from .idempotency import key_in
from .login import async_log_in, async_user_of
from .request import (
    Received,
    async_read_body,
    check_method,
    check_request_form,
    feed_query,
    feed_schema,
    read_feed,
    refusal,
)

HEADERS_KEY: Final = ("API_KEY", "PRESENCE_API_KEY")
HEADER_PASSWORD: Final = "PASSWORD"  # noqa: S105 - the name of a header
PARAMETER_USERNAME: Final = "username"

# Each login costs a fifth of a second of computing, whoever asks for it.
GUESSES_PER_SECOND: Final = 1
GUESSES_AT_ONCE: Final = 10
MAX_REMOTES: Final = 1000
_PASSWORDS_AT_A_TIME: Final = 2

_URL: Final = "/cloud/appstore/stream"

RESULT_OK: Final = 0
_RESULT_UNAVAILABLE: Final = 1
_RESULT_WRONG_VALUE: Final = 8
_RESULTS: Final = {
    "address_missing": 9,
    "address_not_open": 6,
    "key_refused": 2,
    "login_missing": 9,
    "login_refused": 12,
    "login_unavailable": _RESULT_UNAVAILABLE,
    "rate_limited": _RESULT_UNAVAILABLE,
    "too_busy": _RESULT_UNAVAILABLE,
}
"""BotLab's result codes, by ours."""


class BotlabDoor(Door):
    """The BotLab-compatible API of a bot."""

    origin: ClassVar = "cloud_api"
    title: ClassVar = "BotLab API"
    form: ClassVar = {
        vol.Required(CONF_OPEN, default=False): BooleanSelector(),
        vol.Required(CONF_LOCAL_ONLY, default=True): BooleanSelector(),
    }

    @override
    def channels(self, address: str) -> list[Channel]:
        return [
            Channel(
                name=f"{self.origin}.{address}",
                title="All bots that opened the address and the BotLab-compatible API",
                address=_URL,
                protocol="http",
                binding={"method": HTTPMethod.POST, "query": feed_query(address)},
                security=tuple({"type": "httpApiKey", "in": "header", "name": name} for name in HEADERS_KEY),
                payload=feed_schema,
                admits=self.admits,
            )
        ]


class GuessLimit:
    """Slows down each machine that guesses, so that none keeps the others out."""

    def __init__(self) -> None:
        """Initialize the limit."""
        self._buckets = TokenBuckets(rate=GUESSES_PER_SECOND, burst=GUESSES_AT_ONCE, maximum=MAX_REMOTES)

    def take(self, request: Request) -> None:
        """Count a guess.

        Raises:
            LimitedError: There were too many.

        """
        if wait := self._buckets.take(machine_of(request.remote), request.app[KEY_HASS].loop.time()):
            raise LimitedError(translation_key="rate_limited", wait=wait)


def machine_of(remote: str | None) -> str | None:
    """Return what stands for the machine at an IP address: with IPv6, each has as many as it likes in its network."""
    if remote is None or ":" not in remote:
        return remote
    address = IPv6Address(remote.partition("%")[0])
    return str(address.ipv4_mapped or IPv6Network((address, 64), strict=False))


class _CloudView(HomeAssistantView):
    """A part of the API. As long as no bot has opened it, it answers as if it were not there."""

    requires_auth = False
    method: ClassVar[HTTPMethod]

    @abstractmethod
    async def answer(self, request: Request, doors: list[Door]) -> dict[str, Any]:
        """Return the answer to a request at these doors, of which there is at least one.

        Raises:
            MessageError: The request is refused.

        """

    async def _answer(self, request: Request) -> Response:
        hass = request.app[KEY_HASS]
        doors: list[Door] = [door for door in open_doors(hass, BotlabDoor) if door.admits(request.remote)]
        to_come = [entry for entry in entries_to_come(hass) if BotlabDoor.will_admit(hass, entry, request.remote)]
        if not doors and not to_come:
            raise HTTPNotFound
        try:
            check_method(request, self.method)
            if not doors:
                raise NotReadyError
            return self.json({"resultCode": RESULT_OK, **await self.answer(request, doors)})
        except MessageError as err:
            told, status, headers = refusal(err)
            result = {"resultCode": _RESULTS.get(err.code, _RESULT_WRONG_VALUE), "resultCodeMessage": str(err)}
            return self.json(told | result, status, headers)

    get = head = post = put = patch = delete = _answer


class LoginView(_CloudView):
    """Gives a user a key, which is a short-lived access token of Home Assistant."""

    url = "/cloud/json/login"
    name = "cloud:json:login"
    method = HTTPMethod.GET

    def __init__(self) -> None:
        """Initialize the view."""
        self._limit = GuessLimit()
        self._computing = asyncio.Semaphore(_PASSWORDS_AT_A_TIME)

    @override
    async def answer(self, request: Request, doors: list[Door]) -> dict[str, Any]:
        hass = request.app[KEY_HASS]
        username, password = request.query.get(PARAMETER_USERNAME), request.headers.get(HEADER_PASSWORD)
        if not username or not password:
            raise MessageError(translation_key="login_missing")
        self._limit.take(request)
        async with self._computing:
            return {"key": await async_log_in(hass, username, _text(password), request)}


class _KeyView(_CloudView):
    """A part of the API for whoever has a key."""

    def __init__(self, limit: GuessLimit) -> None:
        """Initialize the view with the limit of wrong keys."""
        self._limit = limit

    async def user_of(self, request: Request) -> User:
        """Return the user whose key a request has.

        Raises:
            DoorError: It has none that is valid.

        """
        key = next((key for name in HEADERS_KEY if (key := request.headers.get(name))), "")
        if (user := await async_user_of(request.app[KEY_HASS], key, request)) is None:
            self._limit.take(request)
            raise DoorError(HTTPStatus.UNAUTHORIZED, translation_key="key_refused")
        return user


class UserView(_KeyView):
    """Tells whose key it is."""

    url = "/cloud/json/user"
    name = "cloud:json:user"
    method = HTTPMethod.GET

    @override
    async def answer(self, request: Request, doors: list[Door]) -> dict[str, Any]:
        user = await self.user_of(request)
        home = request.app[KEY_HASS].config.location_name
        return {
            "user": {"id": user.id, "userName": user.name, "firstName": user.name},
            "locations": [{"id": 1, "name": home}],
        }


class CloudStreamView(_KeyView):
    """Takes messages for all bots that opened both the API and the address."""

    url = _URL
    extra_urls = [f"{_URL}/"]  # noqa: RUF012 - as Home Assistant declares it
    name = "cloud:appstore:stream"
    method = HTTPMethod.POST

    @override
    async def answer(self, request: Request, doors: list[Door]) -> dict[str, Any]:
        hass, user = request.app[KEY_HASS], await self.user_of(request)
        context = Context(user_id=user.id)
        received: Received | None = None
        try:
            check_request_form(request)
            received = read_feed(request.query, await async_read_body(request))
            doors, refused = async_take_each(doors_to(received.address, doors))
            key = key_in(request.headers)
            receipt = await async_enter(doors, received, key=key, context=context, refused=refused)
        except MessageError as err:
            async_write_refusal(hass, err, origin=BotlabDoor.origin, doors=doors, received=received)
            raise
        return await async_readable_receipt(hass, receipt, context)


def _text(header: str) -> str:
    """Return the text of a header: most programs send UTF-8, others Latin-1, which is not valid UTF-8."""
    raw = header.encode(errors="surrogateescape")
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("latin-1")
