"""Logging in with a user name and a password, as at Home Assistant itself.

Other integrations are not meant to do that, so the parts that it takes may change. They are imported when somebody logs
in, all of them first: without one of them, or when one is called otherwise, nobody is let in, and nothing else
suffers.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import Final

from aiohttp.web import Request
from homeassistant.auth.models import RefreshToken, User
from homeassistant.core import HomeAssistant

from ..const import DOMAIN
from .door import DoorError

_CLIENT_NAME: Final = "Data Stream Bot (BotLab-compatible API)"


@contextmanager
def _private_parts() -> Iterator[None]:
    """Refuse a login when Home Assistant's own parts, used inside, are no longer as they were."""
    try:
        yield
    except (ImportError, AttributeError, TypeError) as err:
        raise DoorError(HTTPStatus.SERVICE_UNAVAILABLE, translation_key="login_unavailable") from err


async def async_log_in(hass: HomeAssistant, username: str, password: str, request: Request) -> str:
    """Return a new access token of a user, valid for half an hour.

    Raises:
        DoorError: The user or the password is wrong, or may not be used: a second factor is not asked for here. Or
            Home Assistant has changed.

    """
    with _private_parts():
        from homeassistant.components.http.ban import process_success_login, process_wrong_login  # noqa: PLC0415
    key = await _async_key(hass, username, password, request)
    with _private_parts():
        if key is not None:
            process_success_login(request)
            return key
        await process_wrong_login(request)
    raise DoorError(HTTPStatus.UNAUTHORIZED, translation_key="login_refused")


async def async_user_of(hass: HomeAssistant, key: str, request: Request) -> User | None:
    """Return the user of an access token, or None when the token or the user is not valid here.

    A wrong one counts as a wrong login.

    Raises:
        DoorError: Home Assistant has changed.

    """
    with _private_parts():
        from homeassistant.components.http.auth_util import async_user_not_allowed_do_auth  # noqa: PLC0415
        from homeassistant.components.http.ban import process_wrong_login  # noqa: PLC0415
    token: RefreshToken | None
    try:
        token = hass.auth.async_validate_access_token(key)
    except TypeError, ValueError:
        # Home Assistant raises these for text that is no token.
        token = None
    with _private_parts():
        if token is None or async_user_not_allowed_do_auth(hass, token.user, request):
            await process_wrong_login(request)
            return None
    return token.user


async def _async_key(hass: HomeAssistant, username: str, password: str, request: Request) -> str | None:
    with _private_parts():
        from homeassistant.auth.providers.homeassistant import HassAuthProvider, InvalidAuth  # noqa: PLC0415
        from homeassistant.components.http.auth_util import async_user_not_allowed_do_auth  # noqa: PLC0415

        provider = hass.auth.get_auth_provider("homeassistant", None)
        if not isinstance(provider, HassAuthProvider):
            return None
        try:
            await provider.async_validate_login(username, password)
        except InvalidAuth:
            return None
        credentials = await provider.async_get_or_create_credentials({"username": username})
        user = await hass.auth.async_get_user_by_credentials(credentials)
        if user is None or async_user_not_allowed_do_auth(hass, user, request):
            return None
    if await hass.auth.async_get_enabled_mfa(user):
        return None
    # One for each user, however often programs log in.
    token = next((token for token in user.refresh_tokens.values() if token.client_id == DOMAIN), None)
    if token is None:
        token = await hass.auth.async_create_refresh_token(
            user, client_id=DOMAIN, client_name=_CLIENT_NAME, credential=credentials
        )
    return hass.auth.async_create_access_token(token, request.remote)
