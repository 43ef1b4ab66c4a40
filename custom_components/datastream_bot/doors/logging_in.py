"""Logging in with a user name and a password, for programs that know nothing of Home Assistant's own way."""

from typing import Final

from aiohttp.web import Request
from homeassistant.auth.models import RefreshToken, User
from homeassistant.auth.providers.homeassistant import HassAuthProvider, InvalidAuth
from homeassistant.components.http.auth_util import async_user_not_allowed_do_auth
from homeassistant.core import HomeAssistant, callback

from ..const import DOMAIN

_CLIENT_NAME: Final = "Data Stream Bot (BotLab-compatible API)"


async def async_log_in(hass: HomeAssistant, username: str, password: str, request: Request) -> str | None:
    """Return a new access token of a user, valid for half an hour, or None when this user may not have it so.

    Users with a second factor may not: nobody asks for it here.
    """
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


@callback
def async_user_of(hass: HomeAssistant, key: str, request: Request) -> User | None:
    """Return the user of an access token, or None when the token or the user is not valid here."""
    token: RefreshToken | None
    try:
        token = hass.auth.async_validate_access_token(key)
    except TypeError, ValueError:
        # Home Assistant takes for granted that a token was made by somebody who means well.
        token = None
    if token is None or async_user_not_allowed_do_auth(hass, token.user, request):
        return None
    return token.user
