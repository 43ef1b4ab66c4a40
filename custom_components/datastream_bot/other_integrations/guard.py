"""The guard: lets a microservice of another integration work, and keeps its failures to it."""

import asyncio
from collections.abc import Collection, Coroutine, Iterable, Mapping
from functools import partial
from textwrap import shorten
from typing import Any, Final, cast, override

from homeassistant.core import HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.json import json_bytes
from homeassistant.util.json import json_loads

from ..const import DOMAIN, RECEIPT_WAIT
from ..messaging.areas import find_area
from ..messaging.bare_keys import as_meant
from ..messaging.message import Message, checked_address
from ..messaging.microservice import Microservice, Result
from ..messaging.schema import Field, FindArea, Schema
from .watchdog import Watchdog

MAX_WORKING: Final = 10
"""How many messages it handles at a time. Without a limit, one that never returns would take up doors and lanes."""

MAX_DIAGNOSTICS: Final = 16 * 1024
"""How many bytes of JSON it may tell of itself."""

MAX_ERROR: Final = 500
"""How many characters of an error are told instead."""


class GuardedMicroservice(Microservice):
    """Stands between a bot and a microservice of another integration, whose name begins with the integration's.

    Its fields are its own: the bot does not declare them, as content that they refuse may be meant for others.
    """

    is_background = True

    def __init__(self, hass: HomeAssistant, watchdog: Watchdog, domain: str, microservice: object) -> None:
        """Read once what a microservice of an integration says of itself.

        Raises:
            TypeError: It is none, or one of its fields is none.
            MessageError: One of its addresses is not valid.

        """
        if not isinstance(microservice, Microservice):
            raise TypeError(microservice)
        self._watchdog = watchdog
        self._microservice = microservice
        self._domain = domain
        self.name = f"{domain}.{microservice.name}"
        self.order = int(microservice.order)
        areas = partial(find_area, hass)
        self._schemas = {
            checked_address(address): _schema(microservice.fields.get(address, ()), areas)
            for address in microservice.addresses
        }
        self._working: set[asyncio.Task[Any]] = set()

    @property
    @override
    def addresses(self) -> Collection[str]:
        return self._schemas.keys()

    @callback
    def async_cancel(self) -> None:
        """Cancel its work, but not what unloads the bot at this moment."""
        for task in self._working - {asyncio.current_task()}:
            task.cancel()

    @override
    async def async_datastream_updated(self, message: Message) -> Result:
        fitted = self._fitted(message)
        if len(self._working) >= MAX_WORKING:
            raise HomeAssistantError(
                translation_domain=DOMAIN,
                translation_key="microservice_busy",
                translation_placeholders={"number": str(MAX_WORKING)},
            )
        task = cast("asyncio.Task[Any]", asyncio.current_task())
        self._working.add(task)
        try:
            result = await self._watchdog.watched(self.name, self._async_handle(fitted))
        finally:
            self._working.discard(task)
        if result is not None and not isinstance(result, Mapping):
            raise HomeAssistantError(
                translation_domain=DOMAIN,
                translation_key="result_not_json",
                translation_placeholders={"problem": f"{type(result).__name__} instead of a mapping"},
            )
        return result

    def _fitted(self, message: Message) -> Message:
        """Return a message with its content read by the fields; keys that they do not name stay as they are.

        Raises:
            SchemaError: The content does not fit.

        """
        schema = self._schemas[message.address]
        content = as_meant(message.content, schema.fields)
        named = {name: value for name, value in content.items() if name in schema.fields}
        others = {name: value for name, value in content.items() if name not in schema.fields}
        return Message(message.envelope, {**others, **schema.read(message.address, named)}, message.json)

    async def _async_handle(self, message: Message) -> object:
        handling = self._microservice.async_datastream_updated(message)
        return await handling if isinstance(handling, Coroutine) else handling

    @override
    async def async_preview(self, message: Message) -> Result:
        fitted = self._fitted(message)
        async with asyncio.timeout(RECEIPT_WAIT):
            return await self._watchdog.watched(self.name, self._async_preview(fitted))

    async def _async_preview(self, message: Message) -> Result:
        return await self._microservice.async_preview(message)

    @override
    def diagnostics(self) -> Mapping[str, Any]:
        """Return the integration, and what the microservice tells, which cannot be relied on."""
        try:
            with self._watchdog.watching(self.name):
                encoded = json_bytes(dict(self._microservice.diagnostics()))
            if len(encoded) > MAX_DIAGNOSTICS:
                raise ValueError(f"{len(encoded)} bytes, more than {MAX_DIAGNOSTICS}")  # noqa: EM102, TRY003, TRY301
            told = json_loads(encoded)
        except Exception as err:  # noqa: BLE001 - others write microservices as well
            told = {"error": shorten(f"{type(err).__name__}: {err}", MAX_ERROR, placeholder=" …")}
        return {"integration": self._domain, "diagnostics": told}


def _schema(fields: Iterable[Field], areas: FindArea) -> Schema:
    """Return the schema of fields that another integration made.

    Raises:
        TypeError: One of them is none.

    """
    # They may be what can be read only once.
    fields = tuple(fields)
    if not all(isinstance(field, Field) for field in fields):
        raise TypeError(fields)
    return Schema(fields, find_area=areas)
