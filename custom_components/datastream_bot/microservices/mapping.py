"""The mapping microservice: runs the actions of a data stream, and fires its event."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Self, override

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import Context, HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError
import voluptuous as vol

from ..const import DOMAIN
from ..issues import async_create_issue, async_delete_issue
from ..messaging.content import CONTENT_LEFT_OUT, copied_content, fits_into_event
from ..messaging.message import Message
from ..messaging.microservice import Handling, Microservice, Result
from . import ORDER_MAPPING
from .script_run import ActionScript


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamMapping:
    """What messages to an address do.

    Attributes:
        address: The address.
        event_type: The event to fire, or None.
        script: The actions to run, or None.
        problem: Why the actions are not valid, or None.

    """

    address: str
    event_type: str | None
    script: ActionScript | None
    problem: str | None

    @classmethod
    async def async_create(
        cls,
        hass: HomeAssistant,
        entry: ConfigEntry[Any],
        *,
        address: str,
        event_type: str | None,
        actions: Sequence[Any],
        mode: str,
    ) -> Self:
        """Return a mapping with its actions ready to run."""
        try:
            # Actions that were valid when they were stored may not be any more: a device may be gone since.
            script = await ActionScript.async_create(hass, actions, _name(entry, address), mode)
        except (vol.Invalid, HomeAssistantError) as err:
            return cls(address=address, event_type=event_type, script=None, problem=str(err))
        return cls(address=address, event_type=event_type, script=script, problem=None)


class MappingMicroservice(Microservice):
    """Maps the address of one data stream to Home Assistant."""

    name = "mapping"
    order = ORDER_MAPPING

    def __init__(self, hass: HomeAssistant, entry: ConfigEntry[Any], stream_id: str, mapping: StreamMapping) -> None:
        """Initialize the microservice."""
        self._hass = hass
        self._entry = entry
        self._stream_id = stream_id
        self._is_stopped = False
        self._mapping = mapping
        self._report()

    @property
    @override
    def addresses(self) -> Collection[str]:
        return (self._mapping.address,)

    @callback
    def async_update(self, mapping: StreamMapping) -> StreamMapping:
        """Replace the mapping, and return the former one, whose actions may still run."""
        former, self._mapping = self._mapping, mapping
        self._report()
        return former

    @callback
    def async_remove(self) -> StreamMapping:
        """Handle no more messages, and return the mapping, whose actions may still run."""
        self._is_stopped = True
        async_delete_issue(self._hass, self._issue_id)
        return self._mapping

    @property
    def _issue_id(self) -> str:
        return f"invalid_actions_{self._stream_id}"

    def _report(self) -> None:
        """Raise a repair issue about actions that are not valid, or delete it."""
        mapping = self._mapping
        if mapping.problem is None:
            async_delete_issue(self._hass, self._issue_id)
            return
        async_create_issue(
            self._hass,
            self._issue_id,
            translation_key="invalid_actions",
            entry=self._entry,
            stream_id=self._stream_id,
            address=mapping.address,
            problem=mapping.problem,
        )

    @override
    async def async_preview(self, message: Message) -> Result:
        """Return whether actions would run, and which event would be fired."""
        mapping = self._mapping
        if mapping.problem is not None:
            raise _invalid_actions(mapping.problem)
        would: dict[str, object] = {"would_run_actions": mapping.script is not None}
        return would if mapping.event_type is None else {**would, "would_fire": mapping.event_type}

    @override
    def async_datastream_updated(self, message: Message) -> Handling:
        mapping, envelope = self._mapping, message.envelope
        if self._is_stopped:
            raise HomeAssistantError(translation_domain=DOMAIN, translation_key="bot_unloaded")
        result: dict[str, object] = {}
        if mapping.event_type is not None:
            data = copied_content(message.content) if fits_into_event(message.content) else {CONTENT_LEFT_OUT: True}
            self._hass.bus.async_fire(mapping.event_type, data, context=message.context)
            result["event"] = mapping.event_type
        if mapping.problem is not None:
            raise _invalid_actions(mapping.problem)
        if mapping.script is None:
            return result or None
        variables = {
            "address": message.address,
            "content": message.content,
            "message": {
                "id": message.message_id,
                "sender": envelope.sender,
                "origin": envelope.origin,
                "hops": envelope.hops,
                "home": envelope.home,
            },
        }
        return self._async_run(mapping.script, variables, message.context, result)

    async def _async_run(
        self, script: ActionScript, variables: dict[str, Any], context: Context, result: dict[str, object]
    ) -> Result:
        name = _name(self._entry, variables["address"])
        return (result | await script.async_run(name, variables, context)) or None


def _name(entry: ConfigEntry[Any], address: str) -> str:
    """Return what the log calls the actions of a data stream, whose bot may be renamed."""
    return f"{entry.title} {address}"


def _invalid_actions(problem: str) -> HomeAssistantError:
    return HomeAssistantError(
        translation_domain=DOMAIN, translation_key="invalid_actions", translation_placeholders={"problem": problem}
    )
