"""The webhook door: whoever knows its URL can send to the addresses that the bot opened, and do nothing else."""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from http import HTTPStatus
import logging
import time
from typing import Any

from aiohttp.hdrs import CONTENT_ENCODING
from aiohttp.web import Request, Response
from homeassistant.const import CONF_WEBHOOK_ID
from homeassistant.core import HomeAssistant
from homeassistant.helpers.http import HomeAssistantView
from homeassistant.helpers.network import NoURLAvailableError, get_url
from homeassistant.setup import async_setup_component

from ..const import CONF_SECRET, CONF_SIGNED, DOMAIN
from ..errors import DoorError, MessageError
from ..messaging.microservice import Stop
from ..messaging.router import Router
from .door import Door
from .entering import async_enter, doors_to
from .request import async_read_a_little, async_read_body, check_request_form, read_message, refusal
from .seen import SeenWindow
from .signature import MAX_SKEW, checked_signature, could_be_signed

_LOGGER = logging.getLogger(__name__)

_COMPONENT = "webhook"

type Handler = Callable[[HomeAssistant, str, Request], Awaitable[Response]]


def signatures_store(hass: HomeAssistant, bot_id: str) -> SeenWindow:
    """Return what remembers the signatures that came to a bot's webhook."""
    return SeenWindow(hass, f"{bot_id}.signatures")


async def async_webhook_url(hass: HomeAssistant, webhook_id: str, *, local_only: bool) -> str:
    """Return where a webhook is, or only its path when Home Assistant does not know its own address."""
    await async_setup_component(hass, _COMPONENT, {})
    from homeassistant.components import webhook  # noqa: PLC0415

    path = webhook.async_generate_path(webhook_id)
    with suppress(NoURLAvailableError):
        return get_url(hass, allow_external=not local_only, prefer_external=not local_only) + path
    return path


class WebhookDoor:
    """A bot's webhook.

    Nobody without the secret can tell it from one that is not there: those are answered with an empty 200, too.
    """

    def __init__(self, hass: HomeAssistant, router: Router, door: Door, name: str, settings: Mapping[str, Any]) -> None:
        """Initialize the webhook."""
        self._hass = hass
        self._router = router
        self._door = door
        self._name = name
        self._webhook_id: str = settings[CONF_WEBHOOK_ID]
        self._secret: str | None = settings[CONF_SECRET] if settings[CONF_SIGNED] else None
        self._signatures = signatures_store(hass, door.bot_id)

    async def async_open(self) -> Stop:
        """Take requests until the returned function is called."""
        if self._secret is not None:
            await self._signatures.async_load()
        unregister = await _async_register(self._hass, self._name, self._webhook_id, self._async_handle)

        async def async_close() -> None:
            await unregister()
            if self._secret is not None:
                await self._signatures.async_save()

        return async_close

    async def _async_handle(self, hass: HomeAssistant, webhook_id: str, request: Request) -> Response:
        """Answer a request, and let no error out: Home Assistant would write the URL into its log with it."""
        if not self._door.admits(request.remote):
            self._door.async_count("not_local")
            return Response()
        is_known = self._secret is None
        try:
            body = await self._async_read(request)
            if body is None:
                return Response()
            is_known = True
            incoming = read_message(request.query, body)
            doors = doors_to(self._router, [self._door], incoming.address)
            receipt = await async_enter(self._router, doors, incoming, counted=True)
            return HomeAssistantView.json(receipt.as_dict())
        except MessageError as err:
            return HomeAssistantView.json(*refusal(err))
        except Exception:
            _LOGGER.exception("The webhook of %s failed", self._name)
            return Response(status=HTTPStatus.INTERNAL_SERVER_ERROR) if is_known else Response()

    async def _async_read(self, request: Request) -> bytes | None:
        """Return the body, or None when nobody is to learn that somebody is here."""
        if self._secret is not None:
            return await self._async_read_signed(request, self._secret)
        self._door.async_take()
        check_request_form(request)
        body = await async_read_body(request)
        return body if self._door.is_open else None

    async def _async_read_signed(self, request: Request, secret: str) -> bytes | None:
        now = time.time()
        if not could_be_signed(request.headers, now) or CONTENT_ENCODING in request.headers:
            self._door.async_count("wrong_signature")
            await async_read_a_little(request)
            return None
        try:
            body = await async_read_body(request)
        except DoorError:
            body = b""
        signature = checked_signature(secret, request.headers, body)
        if signature is None or signature in self._signatures or not self._door.is_open:
            self._door.async_count("wrong_signature")
            return None
        self._door.async_take()
        self._signatures.add(signature, now=now, until=now + 2 * MAX_SKEW)
        check_request_form(request)
        if request.query:
            raise MessageError(translation_key="query_not_signed")
        return body


async def async_keep_closed(hass: HomeAssistant, name: str, webhook_id: str) -> Stop:
    """Answer requests to a webhook that was closed as if it were not there.

    If it were not, Home Assistant would write the URL into its log, and it may be opened again.
    """

    async def nobody_is_here(hass: HomeAssistant, webhook_id: str, request: Request) -> Response:
        await async_read_a_little(request)
        return Response()

    return await _async_register(hass, name, webhook_id, nobody_is_here)


async def _async_register(hass: HomeAssistant, name: str, webhook_id: str, handler: Handler) -> Stop:
    """Register a webhook, and return what takes it back."""
    # Not imported before somebody wants a webhook.
    await async_setup_component(hass, _COMPONENT, {})
    from homeassistant.components import webhook  # noqa: PLC0415

    webhook.async_register(
        hass,
        DOMAIN,
        name,
        webhook_id,
        handler,
        # Home Assistant would write the URL into its log for each request that is not local, or of another method.
        local_only=False,
        allowed_methods=webhook.SUPPORTED_METHODS,
    )

    async def unregister() -> None:
        webhook.async_unregister(hass, webhook_id)

    return unregister
