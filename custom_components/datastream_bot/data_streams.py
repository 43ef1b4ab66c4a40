"""Data streams: the addresses that a bot declares by its config subentries, and their life."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

from homeassistant.config_entries import ConfigEntry, ConfigSubentryData
from homeassistant.const import (
    CONF_ACTIONS,
    CONF_ADDRESS,
    CONF_DEFAULT,
    CONF_DESCRIPTION,
    CONF_MODE,
    CONF_NAME,
    CONF_TYPE,
)
from homeassistant.core import CALLBACK_TYPE, HomeAssistant
from homeassistant.helpers.dispatcher import async_dispatcher_send

from .const import ADDRESS_SEND_PUSH_NOTIFICATION, ADDRESS_TOGGLE_EVERYTHING
from .messaging.field_types import FieldType
from .messaging.microservice import Microservice
from .messaging.registry import Registry
from .messaging.schema import Field
from .microservices.device import TOGGLE_EVERYTHING_FIELDS
from .microservices.location import SEND_PUSH_NOTIFICATION_FIELDS
from .microservices.mapping import MappingMicroservice, StreamMapping
from .signals import streams_signal

SUBENTRY_DATA_STREAM: Final = "data_stream"

CONF_ASSISTANTS: Final = "assistants"
CONF_EVENT_TYPE: Final = "event_type"
CONF_EXTERNAL: Final = "external"
CONF_FIELDS: Final = "fields"
CONF_LIMITS: Final = "limits"
CONF_REQUIRED: Final = "required"
CONF_SHOWN: Final = "shown"

MODES: Final = ("single", "restart", "queued", "parallel")
DEFAULT_MODE: Final = "parallel"

BUILT_IN_FIELDS: Final[Mapping[str, tuple[Field, ...]]] = {
    ADDRESS_TOGGLE_EVERYTHING: TOGGLE_EVERYTHING_FIELDS,
    ADDRESS_SEND_PUSH_NOTIFICATION: SEND_PUSH_NOTIFICATION_FIELDS,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class DataStream:
    """A declared address.

    Attributes:
        address: What messages are sent to.
        description: What they are for.
        external: Whether it is open to messages from outside the bot.
        assistants: Whether language models may use it.
        shown: Whether every user may watch its messages.
        fields: The fields of the content; empty for any content.
        actions: Script actions to run, as the user wrote them.
        mode: What happens when a message comes while they run.
        event_type: Event to fire with the content as its data, or None.

    """

    address: str
    description: str
    external: bool
    assistants: bool
    shown: bool
    fields: tuple[Field, ...]
    actions: tuple[Any, ...]
    mode: str
    event_type: str | None

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Self:
        """Return the data stream that the data of a config subentry says."""
        built_in = BUILT_IN_FIELDS.get(data[CONF_ADDRESS], ())
        names = {field.name for field in built_in}
        own = (field_from_row(row) for row in data[CONF_FIELDS] if row[CONF_NAME] not in names)
        return cls(
            address=data[CONF_ADDRESS],
            description=data[CONF_DESCRIPTION],
            external=data[CONF_EXTERNAL],
            assistants=data.get(CONF_ASSISTANTS, False),
            shown=data.get(CONF_SHOWN, False),
            # As they are, whatever they were when it was stored.
            fields=(*built_in, *own),
            actions=tuple(data[CONF_ACTIONS]),
            mode=data[CONF_MODE],
            event_type=data[CONF_EVENT_TYPE] or None,
        )

    @property
    def is_mapped(self) -> bool:
        """Return whether its messages go to a mapping: a built-in one only has what the user added."""
        return bool(self.actions or self.event_type or self.address not in BUILT_IN_FIELDS)


def field_from_row(row: Mapping[str, Any]) -> Field:
    """Return the field of a row of the form.

    Raises:
        LimitsError: Its limits are not written as its type has them.

    """
    return Field(
        name=row[CONF_NAME],
        type=FieldType(row[CONF_TYPE]),
        limits=row.get(CONF_LIMITS, ""),
        required=row.get(CONF_REQUIRED, False),
        description=row.get(CONF_DESCRIPTION, ""),
        default=row.get(CONF_DEFAULT),
    )


def row_from_field(field: Field) -> dict[str, Any]:
    """Return the row of the form for a field."""
    row = {
        CONF_NAME: field.name,
        CONF_TYPE: field.type.value,
        **({CONF_LIMITS: field.limits} if field.limits else {}),
        CONF_REQUIRED: field.required,
        CONF_DESCRIPTION: field.description,
    }
    return row if field.default is None else {**row, CONF_DEFAULT: field.default}


def opens(entry: ConfigEntry[Any], address: str) -> bool:
    """Return whether a bot opens an address to the outside when it is loaded."""
    streams = [subentry.data for subentry in entry.get_subentries_of_type(SUBENTRY_DATA_STREAM)]
    return any(data[CONF_EXTERNAL] and data[CONF_ADDRESS] == address for data in streams)


def stream_unique_id(address: str) -> str:
    """Return the unique id of a data stream among the subentries of its bot."""
    return f"{SUBENTRY_DATA_STREAM}:{address}"


def built_in_streams(descriptions: Mapping[str, str]) -> list[ConfigSubentryData]:
    """Return the built-in data streams of these addresses, open to the outside, with the description of each."""
    return [
        ConfigSubentryData(
            data={
                CONF_ADDRESS: address,
                CONF_DESCRIPTION: description,
                CONF_EXTERNAL: True,
                CONF_ASSISTANTS: False,
                CONF_SHOWN: False,
                CONF_FIELDS: [row_from_field(field) for field in BUILT_IN_FIELDS[address]],
                CONF_ACTIONS: [],
                CONF_MODE: DEFAULT_MODE,
                CONF_EVENT_TYPE: "",
            },
            subentry_type=SUBENTRY_DATA_STREAM,
            title=address,
            unique_id=stream_unique_id(address),
        )
        for address, description in descriptions.items()
    ]


@dataclass(slots=True, kw_only=True)
class _Running:
    """A data stream as it runs, with the data of its config subentry."""

    data: Mapping[str, Any]
    mapping: MappingMicroservice
    disconnect: list[CALLBACK_TYPE]


class DataStreams:
    """Keeps what a bot receives in step with its config subentries.

    Attributes:
        shown: The addresses whose messages every user may watch.

    """

    def __init__(
        self,
        hass: HomeAssistant,
        entry: ConfigEntry,
        registry: Registry,
        attach: Callable[[Microservice], CALLBACK_TYPE],
    ) -> None:
        """Initialize the data streams of a config entry, none of which runs.

        Args:
            hass: Home Assistant.
            entry: The config entry of the bot.
            registry: Where addresses are declared and opened.
            attach: Attaches a microservice to the bot, and returns what detaches it.

        """
        self._hass = hass
        self._entry = entry
        self._registry = registry
        self._attach = attach
        self._changing = asyncio.Lock()
        self._running: dict[str, _Running] = {}
        self.shown: frozenset[str] = frozenset()

    async def async_update(self) -> None:
        """Start the data streams that are new, change those that changed, and stop those that are gone."""
        self._keep_titles()
        await self._async_change_to(
            {
                subentry.subentry_id: subentry.data
                for subentry in self._entry.get_subentries_of_type(SUBENTRY_DATA_STREAM)
            }
        )

    async def async_stop(self) -> None:
        """Stop all data streams."""
        await self._async_change_to({})

    def _keep_titles(self) -> None:
        """Call data streams by their addresses again, where somebody renamed them in Home Assistant's list."""
        for stream in self._entry.get_subentries_of_type(SUBENTRY_DATA_STREAM):
            if stream.title != (address := stream.data[CONF_ADDRESS]):
                self._hass.config_entries.async_update_subentry(self._entry, stream, title=address)

    async def _async_change_to(self, stored: Mapping[str, Mapping[str, Any]]) -> None:
        async with self._changing:
            changed = {
                stream_id: (data, stream := DataStream.from_data(data), await self._async_mapping(stream))
                for stream_id, data in stored.items()
                if stream_id not in self._running or self._running[stream_id].data != data
            }
            # Nothing waits until the signal: there is no moment in which both or neither of two streams receive.
            former = [
                *(self._stop(stream_id) for stream_id in self._running.keys() - stored.keys()),
                *(self._change(stream_id, *change) for stream_id, change in changed.items()),
            ]
            self.shown = frozenset(data[CONF_ADDRESS] for data in stored.values() if data.get(CONF_SHOWN, False))
            async_dispatcher_send(self._hass, streams_signal(self._entry.entry_id))
        # Actions of former mappings may still run.
        await asyncio.gather(*(mapping.script.async_stop() for mapping in former if mapping and mapping.script))

    async def _async_mapping(self, stream: DataStream) -> StreamMapping:
        return await StreamMapping.async_create(
            self._hass,
            self._entry,
            address=stream.address,
            event_type=stream.event_type,
            actions=stream.actions,
            mode=stream.mode,
        )

    def _stop(self, stream_id: str) -> StreamMapping:
        """Stop a data stream, and return what it was mapped to."""
        running = self._running.pop(stream_id)
        for disconnect in running.disconnect:
            disconnect()
        return running.mapping.async_remove()

    def _change(
        self, stream_id: str, data: Mapping[str, Any], stream: DataStream, mapping: StreamMapping
    ) -> StreamMapping | None:
        """Start or change a data stream, and return what it was mapped to before."""
        if (running := self._running.get(stream_id)) is None:
            microservice = MappingMicroservice(self._hass, self._entry, stream_id, mapping)
            connected = self._connect(stream, microservice)
            self._running[stream_id] = _Running(data=data, mapping=microservice, disconnect=connected)
            return None
        former = running.mapping.async_update(mapping)
        running.data = data
        for disconnect in running.disconnect:
            disconnect()
        running.disconnect = self._connect(stream, running.mapping)
        return former

    def _connect(self, stream: DataStream, mapping: MappingMicroservice) -> list[CALLBACK_TYPE]:
        entry, address = self._entry, stream.address
        connected = [self._registry.declare(entry, address, stream.fields, stream.description)]
        if stream.is_mapped:
            connected.append(self._attach(mapping))
        if stream.external:
            connected.append(self._registry.open(entry.entry_id, address))
        return connected
