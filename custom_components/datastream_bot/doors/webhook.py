"""The webhook: whoever knows its URL can send to the addresses that the bot opened, and do nothing else."""

from collections.abc import Mapping
from contextlib import suppress
from http import HTTPMethod, HTTPStatus
import logging
import time
from typing import Any, ClassVar, Final, NamedTuple, override

from aiohttp.hdrs import CONTENT_ENCODING
from aiohttp.web import Request, Response
from homeassistant.config_entries import ConfigEntryState
from homeassistant.const import CONF_WEBHOOK_ID
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.http import HomeAssistantView
from homeassistant.helpers.network import NoURLAvailableError, get_url
from homeassistant.helpers.selector import BooleanSelector
from homeassistant.setup import async_setup_component
from homeassistant.util.hass_dict import HassKey
import voluptuous as vol

from ..bot import Bot
from ..channel import Channel
from ..const import DOMAIN
from ..errors import MessageError
from ..issues import async_create_issue, async_delete_issue
from ..messaging.router import Router
from ..rights import anonymous_receipt
from ..settings import door_settings
from .credentials import valid_secrets
from .door import CONF_LOCAL_ONLY, CONF_OPEN, Door, DoorError, NotReadyError
from .entering import async_enter, async_write_refusal, doors_to
from .idempotency import key_in
from .replay_cache import async_get_replays
from .request import (
    Received,
    async_read_a_little,
    async_read_body,
    check_request_form,
    message_schema,
    read_message,
    refusal,
)
from .signature import HEADER_SIGNATURE, STANDARD_SIGNATURE, claim_in, right_signatures
from .streak import Streak

_LOGGER = logging.getLogger(__name__)

CONF_NAMES_ENTITIES: Final = "names_entities"
CONF_SIGNED: Final = "signed"

MANY_WRONG: Final = 20
"""After how many wrong signatures there is a repair issue."""

WRONG_PAUSE: Final = 60 * 60
"""After how many seconds without a wrong signature they are forgotten."""

_COMPONENT: Final = "webhook"

_REGISTERED: HassKey[dict[str, str]] = HassKey(f"{DOMAIN}.webhooks")
"""The id of each registered webhook, and the bot that it is of."""


class WebhookDoor(Door):
    """A bot's webhook.

    Without the secret it cannot be told from one that is not there: both are answered with an empty 200.
    """

    origin: ClassVar = "webhook"
    title: ClassVar = "Webhook"
    form: ClassVar = {
        vol.Required(CONF_OPEN, default=False): BooleanSelector(),
        vol.Required(CONF_LOCAL_ONLY, default=True): BooleanSelector(),
        vol.Required(CONF_SIGNED, default=False): BooleanSelector(),
        vol.Required(CONF_NAMES_ENTITIES, default=False): BooleanSelector(),
    }

    def __init__(self, bot: Bot, router: Router) -> None:
        """Initialize the webhook of a bot, closed."""
        super().__init__(bot, router)
        self._is_signed: bool = self.settings[CONF_SIGNED]
        self._names_entities: bool = self.settings[CONF_NAMES_ENTITIES]
        self._replays = async_get_replays(bot.hass, bot.bot_id)
        self._wrong_signatures = Streak(
            bot.hass, WRONG_PAUSE, lambda: async_delete_issue(bot.hass, self._wrong_issue_id)
        )

    @override
    async def async_prepare(self) -> None:
        if self._is_signed:
            await self._replays.async_load()

    @callback
    @override
    def async_close(self) -> None:
        super().async_close()
        self._wrong_signatures.async_end()

    @override
    def channels(self, address: str) -> list[Channel]:
        signatures = (HEADER_SIGNATURE, STANDARD_SIGNATURE) if self._is_signed else ()
        return [
            Channel(
                name=f"{self.origin}.{self.bot_id}",
                title=self.entry.title,
                address=f"/api/webhook/{{{CONF_WEBHOOK_ID}}}",
                protocol="http",
                binding={"method": HTTPMethod.POST},
                description="It answers the home's network only." if self._local_only else "",
                parameters={CONF_WEBHOOK_ID: "The secret end of the URL that the form of the doors shows."},
                security=tuple({"type": "httpApiKey", "in": "header", "name": name} for name in signatures),
                has_rights_of_bot=True,
                payload=message_schema,
                admits=self.admits,
            )
        ]

    async def async_answer(self, request: Request) -> Response:
        """Answer a request, and let no error out: Home Assistant would write the URL into its log with it."""
        if not self.admits(request.remote):
            self.async_count("not_local")
            return Response()
        is_known = not self._is_signed
        received: Received | None = None
        try:
            body = await self._async_read(request)
            if body is None:
                return Response()
            is_known = True
            self._check_loaded()
            received = read_message(request.query, body)
            receipt = await async_enter(doors_to(received.address, [self]), received, key=key_in(request.headers))
            return HomeAssistantView.json(receipt if self._names_entities else anonymous_receipt(self.hass, receipt))
        except MessageError as err:
            async_write_refusal(self.hass, err, origin=self.origin, doors=[self], received=received)
            return HomeAssistantView.json(*refusal(err))
        except Exception:
            _LOGGER.exception("The webhook of %s failed", self.entry.title)
            return Response(status=HTTPStatus.INTERNAL_SERVER_ERROR) if is_known else Response()

    def _is_there(self) -> bool:
        """Return whether it has not been closed meanwhile, but perhaps until the bot is loaded anew."""
        return self.is_open or self.is_unloaded

    def _check_loaded(self) -> None:
        """Check that the bot was not unloaded meanwhile.

        Raises:
            NotReadyError: It was.

        """
        if not self.is_open:
            raise NotReadyError

    async def _async_read(self, request: Request) -> bytes | None:
        """Return the body, or None when the answer must not tell that there is a webhook."""
        if self._is_signed:
            return await self._async_read_signed(request)
        self.async_take()
        check_request_form(request)
        body = await async_read_body(request)
        return body if self._is_there() else None

    async def _async_read_signed(self, request: Request) -> bytes | None:
        signed = await _async_read_signed(request, self.settings)
        if signed is None or self._replays.has_any(signed.signatures):
            self._count_wrong_signature()
            return None
        if not self._is_there():
            return None
        self._check_loaded()
        self.async_take()
        await self._replays.async_add(signed.signatures, time.time())
        check_request_form(request)
        if request.query:
            raise MessageError(translation_key="query_not_signed")
        return signed.body

    def _count_wrong_signature(self) -> None:
        """Count a request with a wrong signature; when there are many, log it and raise a repair issue."""
        self.async_count("wrong_signature")
        # The body may have come to its end after the bot was unloaded.
        if self.is_open and self._wrong_signatures.async_count() == MANY_WRONG:
            _LOGGER.warning("The webhook of %s gets many requests with wrong signatures", self.entry.title)
            async_create_issue(
                self.hass,
                self._wrong_issue_id,
                translation_key="wrong_signatures",
                entry=self.entry,
                number=MANY_WRONG,
            )

    @property
    def _wrong_issue_id(self) -> str:
        return f"wrong_signatures_{self.bot_id}"


class _Signed(NamedTuple):
    """A request with a right signature.

    Attributes:
        body: Its body.
        signatures: What it is signed with, or could be.

    """

    body: bytes
    signatures: list[str]


async def _async_read_signed(request: Request, settings: Mapping[str, Any]) -> _Signed | None:
    """Return a request with its signatures, or None when it has no right one."""
    now = time.time()
    claim = claim_in(request.headers, now)
    if claim is None or CONTENT_ENCODING in request.headers:
        await async_read_a_little(request)
        return None
    try:
        body = await async_read_body(request)
    except DoorError:
        body = b""
    signatures = right_signatures(claim, valid_secrets(settings, now), body)
    return _Signed(body, signatures) if signatures else None


async def async_register_webhooks(hass: HomeAssistant) -> None:
    """Register the webhooks of all bots, and unregister those that are no longer any bot's.

    They stay registered while a bot is loaded anew, as Home Assistant answers those that are not there as if all were
    well. A closed webhook is registered as well: it may be opened again, and for unknown ones Home Assistant writes the
    URL into its log.
    """
    webhooks = {
        webhook_id: entry.entry_id
        for entry in hass.config_entries.async_entries(DOMAIN)
        if (webhook_id := door_settings(entry.options, WebhookDoor.origin, {}).get(CONF_WEBHOOK_ID)) is not None
    }
    registered = hass.data.setdefault(_REGISTERED, {})
    if webhooks == registered:
        return
    # Not imported before there is a webhook.
    await async_setup_component(hass, _COMPONENT, {})
    from homeassistant.components import webhook  # noqa: PLC0415

    for webhook_id in registered.keys() - webhooks.keys():
        webhook.async_unregister(hass, webhook_id)
    for webhook_id in webhooks.keys() - registered.keys():
        webhook.async_register(
            hass,
            DOMAIN,
            "Data Stream Bot",
            webhook_id,
            _async_handle,
            # Home Assistant would write the URL into its log for each request that is not local, or of another method.
            local_only=False,
            allowed_methods=webhook.SUPPORTED_METHODS,
        )
    hass.data[_REGISTERED] = webhooks


async def _async_handle(hass: HomeAssistant, webhook_id: str, request: Request) -> Response:
    """Answer a request at the door of the bot whose webhook it is, or tell the sender when to come again."""
    entry = hass.config_entries.async_get_entry(hass.data[_REGISTERED].get(webhook_id, ""))
    for door in entry.runtime_data.doors if entry is not None and entry.state is ConfigEntryState.LOADED else ():
        if isinstance(door, WebhookDoor):
            return await door.async_answer(request)
    if entry is None or not WebhookDoor.will_open(hass, entry):
        await async_read_a_little(request)
        return Response()
    if not WebhookDoor.will_admit(hass, entry, request.remote):
        return Response()
    settings = door_settings(entry.options, WebhookDoor.origin, WebhookDoor.form)
    if settings[CONF_SIGNED] and await _async_read_signed(request, settings) is None:
        return Response()
    return HomeAssistantView.json(*refusal(NotReadyError()))


async def async_webhook_url(hass: HomeAssistant, settings: Mapping[str, Any]) -> str:
    """Return the URL of a webhook, or only its path when Home Assistant does not know its own address."""
    await async_setup_component(hass, _COMPONENT, {})
    from homeassistant.components import webhook  # noqa: PLC0415

    path = webhook.async_generate_path(settings[CONF_WEBHOOK_ID])
    is_external = not settings[CONF_LOCAL_ONLY]
    with suppress(NoURLAvailableError):
        return get_url(hass, allow_external=is_external, prefer_external=is_external) + path
    return path
