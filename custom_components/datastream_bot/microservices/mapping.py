"""The mapping microservice: runs the actions of a data stream, and fires its event."""

from collections.abc import Collection
import logging
from typing import ClassVar, override

from homeassistant.core import HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import config_validation as cv, issue_registry as ir
from homeassistant.helpers.script import Script, async_validate_actions_config, script_stack_cv
from homeassistant.helpers.trace import StopReason, script_execution_cv
import voluptuous as vol

from ..bot import Bot
from ..const import DOMAIN
from ..data_stream import DataStream
from ..message import Message
from ..microservice import ORDER_MAPPING, Microservice, Result

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
            max_exceeded="SILENT",
            logger=_LOGGER,
            # The router logs what fails.
            log_exceptions=False,
        )

    async def async_stop(self, *, is_replaced: bool) -> None:
        """Stop the actions, as an automation's are stopped when it is changed."""
        if not is_replaced:
            ir.async_delete_issue(self._hass, DOMAIN, self._issue_id)
        if (script := self._script) is None:
            return
        if script.unique_id in (script_stack_cv.get() or ()):
            # The actions themselves change or remove their bot: they are let run to their end.
            self._hass.async_create_background_task(_unload_when_done(self._hass, script), f"{DOMAIN} unload script")
        else:
            await script.async_unload()

    @override
    async def async_datastream_updated(self, message: Message) -> Result:
        result: dict[str, object] = {}
        if self._stream.event_type is not None:
            self._hass.bus.async_fire(self._stream.event_type, dict(message.content), context=message.context)
            result["event"] = self._stream.event_type
        if self._problem is not None:
            raise HomeAssistantError(
                translation_domain=DOMAIN,
                translation_key="invalid_actions",
                translation_placeholders={"problem": self._problem},
            )
        if self._script is not None:
            result["response"] = await self._run(self._script, message)
        return result

    async def _run(self, script: Script, message: Message) -> object:
        variables = {
            "address": message.address,
            "content": message.content,
            "message": {
                "id": message.message_id,
                "sender": message.sender,
                "origin": message.origin.value,
                "hops": message.hops,
            },
        }
        # Actions that stop themselves with an error, or are stopped, raise nothing; they tell here.
        end = StopReason()
        script_execution_cv.set(end)
        if (run := await script.async_run(variables, message.context)) is None:
            raise HomeAssistantError(translation_domain=DOMAIN, translation_key="actions_busy")
        if end.script_execution == "aborted":
            raise HomeAssistantError(translation_domain=DOMAIN, translation_key="actions_aborted")
        if end.script_execution == "cancelled":
            raise HomeAssistantError(translation_domain=DOMAIN, translation_key="actions_stopped")
        return run.service_response


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
