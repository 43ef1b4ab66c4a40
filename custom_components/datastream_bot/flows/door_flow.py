"""The steps of the config flow that open and close doors."""

from typing import Any

from homeassistant.config_entries import ConfigFlow, ConfigFlowResult
from homeassistant.const import CONF_URL, CONF_WEBHOOK_ID
import voluptuous as vol

from ..const import CONF_DOORS, CONF_LOCAL_ONLY, CONF_OPEN, CONF_SECRET, CONF_SIGNED, CONF_WEBHOOK
from ..doors.door import door_settings
from ..doors.webhook import async_webhook_url
from .doors import DOORS_SCHEMA, doors_from_form, errors_in_form

STEP_WEBHOOK = "webhook"
STEP_WEBHOOK_SIGNED = "webhook_signed"


class DoorSteps(ConfigFlow):
    """Asks which doors a bot opens, and shows what their users need."""

    _doors: dict[str, Any]

    async def async_step_doors(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Open and close the doors."""
        former = door_settings(self._get_reconfigure_entry().data)
        errors = errors_in_form(user_input) if user_input else {}
        if user_input is None or errors:
            schema = self.add_suggested_values_to_schema(DOORS_SCHEMA, user_input or former)
            return self.async_show_form(step_id="doors", data_schema=schema, errors=errors)
        self._doors = doors_from_form(user_input, former)
        webhook = self._doors[CONF_WEBHOOK]
        if not webhook[CONF_OPEN]:
            return await self._save()
        # Shown before it is saved: whoever closes the dialog here has changed nothing.
        url = await async_webhook_url(self.hass, webhook[CONF_WEBHOOK_ID], local_only=webhook[CONF_LOCAL_ONLY])
        return self.async_show_form(
            step_id=STEP_WEBHOOK_SIGNED if webhook[CONF_SIGNED] else STEP_WEBHOOK,
            data_schema=vol.Schema({}),
            description_placeholders={CONF_URL: url, CONF_SECRET: webhook[CONF_SECRET]},
            last_step=True,
        )

    async def _save(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        entry = self._get_reconfigure_entry()
        return self.async_update_and_abort(entry, data={**entry.data, CONF_DOORS: self._doors})

    async_step_webhook = async_step_webhook_signed = _save
