"""The guard: lets a microservice of another integration work, and keeps its failures to it."""

import asyncio
from collections.abc import Collection, Coroutine, Mapping
from typing import Any, Final, override

from homeassistant.exceptions import HomeAssistantError

from ..const import DOMAIN, RECEIPT_WAIT
from ..messaging.message import Message, checked_address
from ..messaging.microservice import Microservice, Result
from ..messaging.schema import Field
from .watchdog import Watchdog

MAX_WORKING: Final = 10
"""How many messages it handles at a time. Without a limit, one that never returns would take up doors and lanes."""


class GuardedMicroservice(Microservice):
    """Stands between a bot and a microservice of another integration, whose name begins with the integration's."""

    def __init__(self, watchdog: Watchdog, domain: str, microservice: object) -> None:
        """Read once what a microservice of an integration says of itself.

        Raises:
            TypeError: It is none, or one of its fields is none.
            MessageError: One of its addresses is not valid.

        """
        if not isinstance(microservice, Microservice):
            raise TypeError(microservice)
        if not all(isinstance(field, Field) for fields in microservice.fields.values() for field in fields):
            raise TypeError(microservice.fields)
        self._watchdog = watchdog
        self._microservice = microservice
        self._domain = domain
        self.name = f"{domain}.{microservice.name}"
        self.order = int(microservice.order)
        self._addresses = frozenset(map(checked_address, microservice.addresses))
        self.fields = microservice.fields
        self._working = 0

    @property
    @override
    def addresses(self) -> Collection[str]:
        return self._addresses

    @override
    async def async_datastream_updated(self, message: Message) -> Result:
        if self._working >= MAX_WORKING:
            raise HomeAssistantError(
                translation_domain=DOMAIN,
                translation_key="microservice_busy",
                translation_placeholders={"number": str(MAX_WORKING)},
            )
        self._working += 1
        try:
            result = await self._watchdog.watched(self.name, self._async_handle(message))
        finally:
            self._working -= 1
        if result is not None and not isinstance(result, Mapping):
            raise HomeAssistantError(
                translation_domain=DOMAIN,
                translation_key="result_not_json",
                translation_placeholders={"problem": f"{type(result).__name__} instead of a mapping"},
            )
        return result

    async def _async_handle(self, message: Message) -> object:
        handling = self._microservice.async_datastream_updated(message)
        return await handling if isinstance(handling, Coroutine) else handling

    @override
    async def async_preview(self, message: Message) -> Result:
        async with asyncio.timeout(RECEIPT_WAIT):
            return await self._watchdog.watched(self.name, self._microservice.async_preview(message))

    @override
    def diagnostics(self) -> Mapping[str, Any]:
        """Return the integration, and what the microservice tells, which cannot be relied on."""
        try:
            told = dict(self._microservice.diagnostics())
        except Exception as err:  # noqa: BLE001 - others write microservices as well
            told = {"error": f"{type(err).__name__}: {err}"}
        return {"integration": self._domain, "diagnostics": told}
