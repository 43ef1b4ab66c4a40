"""The conditions of presence. They need no bot to be loaded."""

from abc import abstractmethod
from collections.abc import Collection, Mapping
from typing import Any, Final, Unpack, override

from homeassistant.config_entries import ConfigEntryState
from homeassistant.const import ATTR_CONFIG_ENTRY_ID, CONF_OPTIONS
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import ConditionErrorMessage
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.condition import (
    Condition,
    ConditionCheckParams,
    ConditionConfig,
    condition_trace_update_result,
)
from homeassistant.helpers.template import is_template_string
from homeassistant.helpers.typing import ConfigType
import voluptuous as vol

from .bot import DatastreamBotConfigEntry
from .const import DOMAIN
from .errors import MessageError, async_text, async_validated
from .messaging.registry import is_called
from .presence.persons import Presence


def _bot(value: object) -> str | None:
    """Return the id or the name of a bot, or None for the empty input of a blueprint.

    Raises:
        MessageError: It is a template: Home Assistant hands a condition of this kind no variables.

    """
    if isinstance(value, str) and is_template_string(value):
        raise MessageError(translation_key="condition_template", template=value)
    return None if value is None else cv.string(value) or None


OPTIONS_SCHEMA: Final = vol.Schema({vol.Optional(ATTR_CONFIG_ENTRY_ID): _bot})
_CONFIG_SCHEMA = vol.Schema({vol.Optional(CONF_OPTIONS, default=dict): OPTIONS_SCHEMA})


class PresenceCondition(Condition):
    """Tests the belief of one bot, or of all that are enabled."""

    @staticmethod
    @abstractmethod
    def _holds(beliefs: Collection[Presence]) -> bool:
        """Return whether the condition holds for these beliefs."""

    @classmethod
    @override
    async def async_validate_config(cls, hass: HomeAssistant, config: ConfigType) -> ConfigType:
        return await async_validated(hass, _CONFIG_SCHEMA, config)

    def __init__(self, hass: HomeAssistant, config: ConditionConfig) -> None:
        """Initialize the condition."""
        super().__init__(hass, config)
        options: Mapping[str, Any] = config.options or {}
        self._bot: str | None = options.get(ATTR_CONFIG_ENTRY_ID)
        self._gone: str

    @override
    async def _async_setup(self) -> None:
        # Now, as the integration may not be set up when the bot is gone.
        self._gone = await async_text(self._hass, MessageError(translation_key="bot_gone", bot=self._bot))

    @override
    def _async_check(self, **kwargs: Unpack[ConditionCheckParams]) -> bool:
        """Test the beliefs of the bots. One that is not loaded counts as unsure.

        Raises:
            ConditionErrorMessage: The bot is gone. To say that it does not hold would let its opposite hold.

        """
        bots = self._bots()
        if self._bot is not None and not bots:
            raise ConditionErrorMessage(DOMAIN, self._gone)
        beliefs = [_belief_of(entry) for entry in bots]
        condition_trace_update_result(
            bots=[f"{entry.title}: {belief}" for entry, belief in zip(bots, beliefs, strict=True)]
        )
        return self._holds(beliefs)

    def _bots(self) -> list[DatastreamBotConfigEntry]:
        """Return the config entries of the bots that are meant."""
        entries: list[DatastreamBotConfigEntry] = self._hass.config_entries.async_entries(DOMAIN)
        if self._bot is None:
            return [entry for entry in entries if entry.disabled_by is None]
        return [entry for entry in entries if is_called(self._bot, entry.entry_id, entry.title)]


class EveryoneIsAway(PresenceCondition):
    """Tests whether all of the bots believe for sure that nobody is home."""

    @staticmethod
    @override
    def _holds(beliefs: Collection[Presence]) -> bool:
        return {*beliefs} == {Presence.AWAY}


class SomebodyIsHome(PresenceCondition):
    """Tests whether one of the bots believes for sure that somebody is home."""

    @staticmethod
    @override
    def _holds(beliefs: Collection[Presence]) -> bool:
        return Presence.HOME in beliefs


CONDITIONS: Final[Mapping[str, type[Condition]]] = {
    "is_everyone_away": EveryoneIsAway,
    "is_somebody_home": SomebodyIsHome,
}


def _belief_of(entry: DatastreamBotConfigEntry) -> Presence:
    return entry.runtime_data.tracker.belief if entry.state is ConfigEntryState.LOADED else Presence.UNSURE


async def async_get_conditions(hass: HomeAssistant) -> dict[str, type[Condition]]:
    """Return the conditions."""
    return {**CONDITIONS}
