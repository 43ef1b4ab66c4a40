"""The actions of a data stream, run as Home Assistant runs scripts.

What a run has come to is read from Home Assistant's trace of it, which nothing else tells. That touches parts of Home
Assistant that may change, and so stands by itself.
"""

import asyncio
from collections.abc import Callable, Sequence
import logging
from typing import Any, Final, Self

from homeassistant.core import Context, HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.script import Script, async_validate_actions_config, script_stack_cv
from homeassistant.helpers.trace import script_execution_get, trace_clear, trace_get
import voluptuous as vol

from ..const import DOMAIN

MAX_RUNS: Final = 100
"""How many messages may be at work or wait at one data stream."""

_LOGGER = logging.getLogger(__name__)


class ActionScript:
    """The actions of a data stream."""

    def __init__(self, hass: HomeAssistant, name: Callable[[], str], script: Script) -> None:
        """Initialize the actions."""
        self._hass = hass
        self._name = name
        self._script = script
        self._is_stopped = False

    @classmethod
    async def async_create(
        cls, hass: HomeAssistant, actions: Sequence[Any], name: Callable[[], str], mode: str
    ) -> Self | None:
        """Return the actions as the user wrote them, or None when there are none.

        Args:
            hass: Home Assistant.
            actions: The actions.
            name: Returns what the log calls them.
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
            name(),
            DOMAIN,
            running_description="data stream",
            script_mode=mode,
            max_runs=MAX_RUNS,
            max_exceeded="SILENT",
            logger=_LOGGER,
            # The router logs what fails.
            log_exceptions=False,
        )
        return cls(hass, name, script)

    async def async_run(self, variables: dict[str, Any], context: Context) -> dict[str, object]:
        """Run the actions.

        Returns:
            Their `response`, or that a newer run has `superseded` this one.

        Raises:
            HomeAssistantError: They failed, were stopped, or too many runs are at work.

        """
        # The sender's actions may go on beside these: what Home Assistant keeps of a run is not to be shared with them.
        script_stack_cv.set(list(script_stack_cv.get() or ()))
        trace_clear()
        self._script.name = self._name()
        try:
            run = await self._script.async_run(variables, context)
        except (ServiceValidationError, vol.Invalid) as err:
            # The mistake is in the actions, and not the sender's.
            raise HomeAssistantError(str(err)) from err
        except asyncio.CancelledError:
            if not self._is_stopped:
                raise
            raise _error(translation_key="actions_stopped") from None
        if self._is_stopped:
            raise _error(translation_key="actions_stopped")
        if run is None:
            raise _error(translation_key="actions_busy")
        if script_execution_get() == "cancelled":
            return {"superseded": True}
        if error := _own_error():
            raise _error(translation_key="actions_aborted", error=error)
        return {"response": run.service_response}

    async def async_stop(self) -> None:
        """Stop the actions that still run, as an automation's are stopped when it is changed."""
        if self._script.unique_id in (script_stack_cv.get() or ()):
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


def _own_error() -> str | None:
    """Return the error with which the actions stopped themselves, which Home Assistant does not raise.

    A condition that is not met, and a wait that is over, are ends like any other.
    """
    if script_execution_get() != "aborted":
        return None
    steps = (step for steps in (trace_get(clear=False) or {}).values() for step in steps)
    errors = [str(error) for step in steps if (error := step.as_dict().get("error")) not in (None, "TimeoutError")]
    return errors[0] if errors else None


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
