"""The actions of a data stream, run as Home Assistant runs scripts."""

import asyncio
from collections.abc import Sequence
import logging
from typing import Any, Final, Self

from homeassistant.core import Context, HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.script import Script, async_validate_actions_config
import voluptuous as vol

from ..const import DOMAIN
from .script_trace import begin_trace, is_run_by, own_error, was_superseded

MAX_RUNS: Final = 100
"""How many messages may be at work or wait at one data stream."""

_LOGGER = logging.getLogger(__name__)


class ActionScript:
    """The actions of a data stream."""

    __slots__ = ("_hass", "_is_stopped", "_script")

    def __init__(self, hass: HomeAssistant, script: Script) -> None:
        """Initialize the actions."""
        self._hass = hass
        self._script = script
        self._is_stopped = False

    @classmethod
    async def async_create(cls, hass: HomeAssistant, actions: Sequence[Any], name: str, mode: str) -> Self | None:
        """Return the actions as the user wrote them, or None when there are none.

        Args:
            hass: Home Assistant.
            actions: The actions.
            name: What the log calls them.
            mode: What happens when they are to run while they run.

        Raises:
            HomeAssistantError: They are not valid.
            vol.Invalid: They are not valid.

        """
        validated = await async_validate_actions_config(hass, cv.SCRIPT_SCHEMA(list(actions)))
        if not validated:
            return None
        script = Script(
            hass,
            validated,
            name,
            DOMAIN,
            running_description="data stream",
            script_mode=mode,
            max_runs=MAX_RUNS,
            max_exceeded="SILENT",
            logger=_LOGGER,
            # The router logs what fails.
            log_exceptions=False,
        )
        return cls(hass, script)

    async def async_run(self, name: str, variables: dict[str, Any], context: Context) -> dict[str, object]:
        """Run the actions.

        Args:
            name: What the log calls them by now.
            variables: What they may use.
            context: What they act in.

        Returns:
            Their `response` if there is one, or that a newer run has `superseded` this one.

        Raises:
            HomeAssistantError: They failed, were stopped, or too many runs are at work.

        """
        begin_trace()
        self._script.name = name
        try:
            run = await self._script.async_run(variables, context)
        except ServiceValidationError as err:
            # The mistake is in the actions, and not the sender's.
            raise HomeAssistantError(
                str(err),
                translation_domain=err.translation_domain,
                translation_key=err.translation_key,
                translation_placeholders=err.translation_placeholders,
            ) from err
        except vol.Invalid as err:
            raise _error(translation_key="actions_aborted", error=str(err)) from err
        except asyncio.CancelledError:
            if not self._is_stopped:
                raise
            raise _error(translation_key="actions_stopped") from None
        if self._is_stopped:
            raise _error(translation_key="actions_stopped")
        if run is None:
            raise _error(translation_key="actions_busy")
        if was_superseded():
            # When Home Assistant stops, it ends them in the same way.
            if self._hass.is_stopping:
                raise _error(translation_key="actions_stopped")
            return {"superseded": True}
        if error := own_error():
            raise _error(translation_key="actions_aborted", error=error)
        return {} if run.service_response is None else {"response": run.service_response}

    async def async_stop(self) -> None:
        """Stop the actions that still run, as an automation's are stopped when it is changed."""
        if is_run_by(self._script.unique_id):
            # The actions themselves change or remove their bot: they run to their end.
            self._hass.async_create_background_task(
                _async_unload_when_done(self._hass, self._script), f"{DOMAIN} unload script"
            )
        else:
            self._is_stopped = True
            await self._script.async_unload()


def _error(*, translation_key: str, **placeholders: str) -> HomeAssistantError:
    return HomeAssistantError(
        translation_domain=DOMAIN, translation_key=translation_key, translation_placeholders=placeholders
    )


async def _async_unload_when_done(hass: HomeAssistant, script: Script) -> None:
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
