"""The BotLab-compatible API: BotLab's own scripts send to this home as they do to its cloud.

It speaks as much of People Power's HTTP API as those scripts use: a login, the user, and a message.
"""

from abc import abstractmethod
from http import HTTPMethod, HTTPStatus
from typing import Any, ClassVar, Final, override

from aiohttp.web import HTTPNotFound, Request, Response
from homeassistant.auth.models import User
from homeassistant.components.http.ban import process_success_login, process_wrong_login
from homeassistant.core import Context
from homeassistant.helpers.http import KEY_HASS, HomeAssistantView

from ..bot import loaded_bots
from ..const import Origin
from ..errors import DoorError, LimitedError, MessageError
from ..messaging.router import DATA_ROUTER
from ..rate_limit import TokenBucket
from .door import Door
from .entering import async_enter, doors_to
from .logging_in import async_log_in, async_user_of
from .request import async_read_body, check_method, check_request_form, read_feed, refusal

HEADERS_KEY: Final = ("API_KEY", "PRESENCE_API_KEY")
HEADER_PASSWORD: Final = "PASSWORD"  # noqa: S105 - the name of a header
PARAMETER_USERNAME: Final = "username"

# Each login costs a fifth of a second of computing, whoever asks for it.
LOGINS_PER_SECOND: Final = 1
LOGINS_AT_ONCE: Final = 10
MAX_REMOTES: Final = 1000

RESULT_OK: Final = 0
_RESULT_UNAVAILABLE: Final = 1
_RESULT_WRONG_VALUE: Final = 8
_RESULTS: Final = {
    "address_missing": 9,
    "address_not_open": 6,
    "key_refused": 2,
    "login_missing": 9,
    "login_refused": 12,
    "rate_limited": _RESULT_UNAVAILABLE,
    "too_busy": _RESULT_UNAVAILABLE,
}
"""BotLab's result codes, by ours."""


class _CloudView(HomeAssistantView):
    """A part of the API. As long as no bot has opened it, it looks as if it were not there."""

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
        doors = [bot.doors[Origin.CLOUD_API] for bot in loaded_bots(hass) if Origin.CLOUD_API in bot.doors]
        if not (doors := [door for door in doors if door.admits(request.remote)]):
            raise HTTPNotFound
        try:
            check_method(request, self.method)
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
        self._logins: dict[str | None, TokenBucket] = {}

    @override
    async def answer(self, request: Request, doors: list[Door]) -> dict[str, Any]:
        hass = request.app[KEY_HASS]
        username, password = request.query.get(PARAMETER_USERNAME), request.headers.get(HEADER_PASSWORD)
        if not username or not password:
            raise MessageError(translation_key="login_missing")
        self._slow_down(request.remote, hass.loop.time())
        key = await async_log_in(hass, username, _text(password), request)
        if key is None:
            await process_wrong_login(request)
            raise DoorError(HTTPStatus.UNAUTHORIZED, translation_key="login_refused")
        process_success_login(request)
        return {"key": key}

    def _slow_down(self, remote: str | None, now: float) -> None:
        """Let each machine log in only so often; what one of them does is not to keep the others out."""
        bucket = self._logins.pop(remote, None) or TokenBucket(rate=LOGINS_PER_SECOND, burst=LOGINS_AT_ONCE)
        self._logins[remote] = bucket
        if len(self._logins) > MAX_REMOTES:
            del self._logins[next(iter(self._logins))]
        if wait := bucket.take(now):
            raise LimitedError(translation_key="rate_limited", wait=wait)


class UserView(_CloudView):
    """Tells whose key it is."""

    url = "/cloud/json/user"
    name = "cloud:json:user"
    method = HTTPMethod.GET

    @override
    async def answer(self, request: Request, doors: list[Door]) -> dict[str, Any]:
        user = await _user_of(request)
        home = request.app[KEY_HASS].config.location_name
        return {
            "user": {"id": user.id, "userName": user.name, "firstName": user.name},
            "locations": [{"id": 1, "name": home}],
        }


class CloudStreamView(_CloudView):
    """Takes messages for all bots that opened both the API and the address."""

    url = "/cloud/appstore/stream"
    extra_urls = ["/cloud/appstore/stream/"]  # noqa: RUF012 - as Home Assistant declares it
    name = "cloud:appstore:stream"
    method = HTTPMethod.POST

    @override
    async def answer(self, request: Request, doors: list[Door]) -> dict[str, Any]:
        user = await _user_of(request)
        check_request_form(request)
        incoming = read_feed(request.query, await async_read_body(request))
        router = request.app[KEY_HASS].data[DATA_ROUTER]
        doors = doors_to(router, doors, incoming.address)
        receipt = await async_enter(router, doors, incoming, Context(user_id=user.id), counted=False)
        return receipt.as_dict()


async def _user_of(request: Request) -> User:
    """Return the user whose key a request has.

    Raises:
        DoorError: It has none that is valid.

    """
    key = next((key for name in HEADERS_KEY if (key := request.headers.get(name))), "")
    if (user := async_user_of(request.app[KEY_HASS], key, request)) is None:
        await process_wrong_login(request)
        raise DoorError(HTTPStatus.UNAUTHORIZED, translation_key="key_refused")
    return user


def _text(header: str) -> str:
    """Return the text of a header: most programs send UTF-8, others Latin-1, which is not valid UTF-8."""
    raw = header.encode(errors="surrogateescape")
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("latin-1")
