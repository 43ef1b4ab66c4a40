"""The mapping microservice: runs the actions of a data stream, and fires its event."""

import asyncio
from collections.abc import Collection
import logging
from typing import ClassVar, Final, override

from homeassistant.core import HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers import config_validation as cv, issue_registry as ir
from homeassistant.helpers.script import Script, async_validate_actions_config, script_stack_cv
from homeassistant.helpers.trace import script_execution_get, trace_clear, trace_get
import voluptuous as vol

from ..bot import Bot
from ..const import DOMAIN
from ..data_streams import DataStream
from ..messaging.message import Message
from ..messaging.microservice import ORDER_MAPPING, Microservice, Result

MAX_RUNS: Final = 100
"""How many messages may be at work or wait at one data stream."""

_LOGGER = logging.getLogger(__name__)


class MappingMicroservice(Microservice):
    """Maps the address of one data stream to Home Assistant."""

    name: ClassVar = "mapping"
    order: ClassVar = ORDER_MAPPING

    def __init__(self, bot: Bot, stream: DataStream) -> None:
        """Initialize the microservice."""
        self._hass = bot.hass
        self._bot_name = bot.entry.title
        self._stream = stream
        self._issue_id = f"invalid_actions_{stream.stream_id}"
        self._script: Script | None = None
        self._problem: str | None = None
        self._successor: MappingMicroservice | None = None
        self._is_stopped = False
        self._is_interrupted = False

    @property
    @override
    def addresses(self) -> Collection[str]:
        return (self._stream.address,)

    async def async_start(self) -> None:
        """Prepare the actions; when they are not valid, say so in a repair issue and to every sender."""
        try:
            # What is not valid any more was when it was stored: a device may be gone since.
            actions = await async_validate_actions_config(self._hass, cv.SCRIPT_SCHEMA(list(self._stream.actions)))
        except (vol.Invalid, HomeAssistantError) as err:
            self._problem = str(err)
            ir.async_create_issue(
                self._hass,
                DOMAIN,
                self._issue_id,
                is_fixable=False,
                severity=ir.IssueSeverity.ERROR,
                translation_key="invalid_actions",
                translation_placeholders={
                    "address": self._stream.address,
                    "bot": self._bot_name,
                    "problem": self._problem,
                },
            )
            return
        ir.async_delete_issue(self._hass, DOMAIN, self._issue_id)
        if not actions:
            return
        self._script = Script(
            self._hass,
            actions,
            f"{self._bot_name} {self._stream.address}",
            DOMAIN,
            running_description="data stream",
            script_mode=self._stream.mode,
            max_runs=MAX_RUNS,
            max_exceeded="SILENT",
            logger=_LOGGER,
            # The router logs what fails.
            log_exceptions=False,
        )

    @callback
    def async_retire(self, successor: MappingMicroservice | None) -> None:
        """Start nothing more; messages that are still on their way here go on to the successor."""
        self._is_stopped = True
        self._successor = successor
        if successor is None:
            ir.async_delete_issue(self._hass, DOMAIN, self._issue_id)

    async def async_stop(self) -> None:
        """Stop the actions that still run, as an automation's are stopped when it is changed."""
        if (script := self._script) is None:
            return
        if script.unique_id in (script_stack_cv.get() or ()):
            # The actions themselves change or remove their bot: they are let run to their end.
            self._hass.async_create_background_task(_unload_when_done(self._hass, script), f"{DOMAIN} unload script")
        else:
            self._is_interrupted = True
            await script.async_unload()

    @override
    async def async_datastream_updated(self, message: Message) -> Result:
        if self._successor is not None:
            return await self._successor.async_datastream_updated(message)
        if self._is_stopped:
            raise HomeAssistantError(translation_domain=DOMAIN, translation_key="bot_unloaded")
        result: dict[str, object] = {}
        if self._stream.event_type is not None:
            self._hass.bus.async_fire(self._stream.event_type, message.copied_content(), context=message.context)
            result["event"] = self._stream.event_type
        if self._problem is not None:
            raise HomeAssistantError(
                translation_domain=DOMAIN,
                translation_key="invalid_actions",
                translation_placeholders={"problem": self._problem},
            )
        if self._script is not None:
            result |= await self._run(self._script, message)
        return result

    async def _run(self, script: Script, message: Message) -> dict[str, object]:
        variables = {
            "address": message.address,
            "content": message.content,
            "message": {
                "id": message.message_id,
                "sender": message.sender,
                "origin": message.origin.value,
                "hops": message.hops,
                "home": message.home,
            },
        }
        # The sender's actions may go on beside these: what Home Assistant keeps of a run is not to be shared with them.
        script_stack_cv.set(list(script_stack_cv.get() or ()))
        trace_clear()
        try:
            run = await script.async_run(variables, message.context)
        except ServiceValidationError as err:
            # The mistake is in the actions, and not the sender's.
            raise HomeAssistantError(str(err)) from err
        except asyncio.CancelledError:
            if not self._is_interrupted:
                raise
            raise HomeAssistantError(translation_domain=DOMAIN, translation_key="actions_stopped") from None
        if self._is_interrupted:
            raise HomeAssistantError(translation_domain=DOMAIN, translation_key="actions_stopped")
        if run is None:
            raise HomeAssistantError(translation_domain=DOMAIN, translation_key="actions_busy")
        if script_execution_get() == "cancelled":
            return {"superseded": True}
        if error := _own_error():
            raise HomeAssistantError(
                translation_domain=DOMAIN,
                translation_key="actions_aborted",
                translation_placeholders={"error": error},
            )
        return {"response": run.service_response}


def _own_error() -> str | None:
    """Return the error with which the actions stopped themselves, which Home Assistant does not raise.

    A condition that is not met, and a wait that is over, are ends like any other.
    """
    if script_execution_get() != "aborted":
        return None
    steps = (step for steps in (trace_get(clear=False) or {}).values() for step in steps)
    errors = [str(error) for step in steps if (error := step.as_dict().get("error")) not in (None, "TimeoutError")]
    return errors[0] if errors else None


async def _unload_when_done(hass: HomeAssistant, script: Script) -> None:
    """Unload a script when it has come to its end."""
    done = hass.loop.create_future()

    @callback
    def changed() -> None:
        if not script.is_running and not done.done():
            done.set_result(None)

    script.change_listener = changed
    changed()
    await done
    await script.async_unload()
