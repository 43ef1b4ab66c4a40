"""The buttons of a bot: each sends a message to its own lights and switches."""

from collections.abc import Mapping
from typing import Any, Final, override

from homeassistant.components.button import ButtonEntity
from homeassistant.core import Context, HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .bot import Bot, DatastreamBotConfigEntry
from .const import ADDRESS_TOGGLE_EVERYTHING, DOMAIN
from .entity import BotEntity
from .messaging.receipt import Outcome
from .rights import async_readable_receipt

PARALLEL_UPDATES = 0

_ORIGIN: Final = "button"

_CONTENTS: Final[Mapping[str, Mapping[str, Any]]] = {
    # Remembered, so that pressing it can be taken back.
    "everything_off": {"on": False, "remember": True},
    "everything_on": {"on": True},
    "restore": {"on": True, "restore": True},
}


async def async_setup_entry(
    hass: HomeAssistant, entry: DatastreamBotConfigEntry, async_add_entities: AddConfigEntryEntitiesCallback
) -> None:
    """Add the buttons of a bot."""
    async_add_entities(ToggleButton(entry.runtime_data, key, content) for key, content in _CONTENTS.items())


class ToggleButton(BotEntity, ButtonEntity):
    """Sends a message to `toggle_everything` that stays within the bot, with the rights of who presses it."""

    def __init__(self, bot: Bot, key: str, content: Mapping[str, Any]) -> None:
        """Initialize the button."""
        super().__init__(bot, key)
        self._content = content

    @override
    async def async_press(self) -> None:
        """Send the message.

        Raises:
            HomeAssistantError: It was refused, or not everything could be done.

        """
        context = self._context or Context()
        dispatch = await self._bot.async_dispatch(
            ADDRESS_TOGGLE_EVERYTHING, self._content, origin=_ORIGIN, external=False, context=context
        )
        receipt = await async_readable_receipt(self.hass, (await dispatch.async_receipt()).as_dict(), context)
        if failed := receipt[Outcome.FAILED]:
            raise HomeAssistantError(
                translation_domain=DOMAIN,
                translation_key="not_all_done",
                translation_placeholders={
                    "bot": self._bot.entry.title,
                    "problem": "; ".join(delivery["error"] for delivery in failed),
                },
            )
