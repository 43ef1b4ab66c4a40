"""The steps that ask what a bot looks after, of the flow that adds it and of the one that changes its options."""

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, Final

from homeassistant.config_entries import ConfigEntry, ConfigEntryBaseFlow, ConfigFlowResult
import voluptuous as vol

from ..settings import with_registry_ids
from ..texts import async_texts
from .bot import ATTACHED_SCHEMA, CONF_EXCLUDE, CONF_TARGET, attached_step, is_plain, options_from_form, own_in
from .other_bots import async_shared
from .sections import opened

STEP_BOT: Final = "bot"


class BotSteps(ConfigEntryBaseFlow):
    """Asks what a bot looks after, and shows what comes of it."""

    _bot: dict[str, Any]

    @abstractmethod
    async def _async_finish(self, bot: Mapping[str, Any]) -> ConfigFlowResult:
        """Store what the forms say."""

    @property
    def _own_entry(self) -> ConfigEntry | None:
        """Return the config entry of the bot, or None while it is new."""
        return None

    async def _async_ask(
        self,
        form: vol.Schema,
        suggested: Mapping[str, Any],
        user_input: dict[str, Any] | None,
        errors: Mapping[str, str],
    ) -> ConfigFlowResult:
        """Ask for the settings of a bot.

        Args:
            form: The form.
            suggested: What it shows at first.
            user_input: What it says, or None at first.
            errors: What is wrong with what only this flow asks.

        """
        if user_input is None:
            return self._show_bot(form, suggested, {})
        if errors := {**errors, **self._target_errors(CONF_TARGET, user_input)}:
            return self._show_bot(form, user_input, errors)
        self._bot = {CONF_EXCLUDE: suggested[CONF_EXCLUDE], **options_from_form(user_input)}
        return await self.async_step_attached()

    async def async_step_attached(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Show what the bot will be attached to, until the user has nothing more to exclude."""
        errors: dict[str, str] = {}
        exclude = self._bot[CONF_EXCLUDE]
        if user_input is not None:
            errors = self._target_errors(CONF_EXCLUDE, user_input)
            if not errors and user_input[CONF_EXCLUDE] == exclude:
                return await self._async_finish(with_registry_ids(self.hass, self._bot))
            if not errors:
                self._bot[CONF_EXCLUDE] = user_input[CONF_EXCLUDE]
            if errors.get(CONF_EXCLUDE) != "target_invalid":
                exclude = user_input[CONF_EXCLUDE]
        texts = await async_texts(self.hass, "common")
        step_id, placeholders = attached_step(self.hass, self._bot, texts)
        return self.async_show_form(
            step_id=step_id,
            data_schema=self.add_suggested_values_to_schema(ATTACHED_SCHEMA, {CONF_EXCLUDE: exclude}),
            errors=errors,
            description_placeholders={
                **placeholders,
                "own": own_in(self.hass, exclude),
                "shared": async_shared(self.hass, self._bot, self._own_entry, texts),
            },
        )

    async_step_attached_nobody = async_step_attached_nothing = async_step_attached

    def _show_bot(self, form: vol.Schema, shown: Mapping[str, Any], errors: dict[str, str]) -> ConfigFlowResult:
        # The page could not show a target with templates.
        shown = {name: value for name, value in shown.items() if errors.get(name) != "target_invalid"}
        return self.async_show_form(
            step_id=STEP_BOT,
            data_schema=self.add_suggested_values_to_schema(opened(form, shown, errors), shown),
            errors=errors,
            description_placeholders={"own": own_in(self.hass, shown.get(CONF_TARGET, {}))},
            last_step=False,
        )

    def _target_errors(self, name: str, user_input: Mapping[str, Any]) -> dict[str, str]:
        """Return what is wrong with a target in a form."""
        if not is_plain(user_input[name]):
            return {name: "target_invalid"}
        return {name: "target_own"} if own_in(self.hass, user_input[name]) else {}
