"""The webhook door: whoever knows its URL can send to the addresses that the bot opened, and do nothing else."""

from collections.abc import Mapping
from contextlib import suppress
import time
from typing import Any

from aiohttp.web import Request, Response
from homeassistant.const import CONF_WEBHOOK_ID
from homeassistant.core import HomeAssistant
from homeassistant.helpers.http import HomeAssistantView
from homeassistant.helpers.network import NoURLAvailableError, get_url
from homeassistant.setup import async_setup_component

from .const import CONF_SECRET, CONF_SIGNED, DOMAIN
from .door import Door
from .entering import async_enter, doors_to
from .errors import DoorError, MessageError
from .incoming import async_read_body, check_request_form, read_message, refusal
from .router import Router
from .seen import SeenWindow
from .signature import MAX_SKEW, checked_signature

_COMPONENT = "webhook"


def signatures_store(hass: HomeAssistant, bot_id: str) -> SeenWindow:
    """Return what remembers the signatures that came to a bot's webhook."""
    return SeenWindow(hass, f"{DOMAIN}.{bot_id}.signatures")


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
        self._is_open = False

    async def async_open(self) -> None:
        """Take requests."""
        # Not imported before somebody wants a webhook.
        await async_setup_component(self._hass, _COMPONENT, {})
        from homeassistant.components import webhook  # noqa: PLC0415

        if self._secret is not None:
            await self._signatures.async_load()
        webhook.async_register(
            self._hass,
            DOMAIN,
            self._name,
            self._webhook_id,
            self._async_handle,
            # Home Assistant would write the URL into its log for each request that is not local, or of another method.
            local_only=False,
            allowed_methods=webhook.SUPPORTED_METHODS,
        )
        self._is_open = True

    async def async_close(self) -> None:
        """Take no more requests."""
        from homeassistant.components import webhook  # noqa: PLC0415

        self._is_open = False
        webhook.async_unregister(self._hass, self._webhook_id)
        if self._secret is not None:
            await self._signatures.async_save()

    async def _async_handle(self, hass: HomeAssistant, webhook_id: str, request: Request) -> Response:
        """Answer a request."""
        if not self._door.admits(request.remote):
            self._door.async_count("not_local")
            return Response()
        try:
            body = await self._async_read(request)
            if body is None or not self._is_open:
                return Response()
            incoming = read_message(request.query, body)
            doors = doors_to(self._router, [self._door], incoming.address)
            receipt = await async_enter(self._router, doors, incoming)
        except MessageError as err:
            return HomeAssistantView.json(*refusal(err))
        return HomeAssistantView.json(receipt.as_dict())

    async def _async_read(self, request: Request) -> bytes | None:
        """Return the body, or None when it is not signed as it has to be."""
        if self._secret is not None:
            return await self._async_read_signed(request, self._secret)
        self._door.async_take()
        check_request_form(request)
        return await async_read_body(request)

    async def _async_read_signed(self, request: Request, secret: str) -> bytes | None:
        try:
            body = await async_read_body(request)
        except DoorError:
            body = b""
        now = time.time()
        signature = checked_signature(secret, request.headers, body, now)
        if signature is None or signature in self._signatures:
            self._door.async_count("wrong_signature")
            return None
        self._door.async_take()
        self._signatures.add(signature, now=now, until=now + 2 * MAX_SKEW)
        check_request_form(request)
        if request.query:
            raise MessageError(translation_key="query_not_signed")
        return body
