"""The trigger `datastream_bot.message_received`; it outlives the bots, and needs none to be loaded."""

from collections.abc import Mapping
from typing import Any, Final, override

from homeassistant.const import CONF_OPTIONS
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.helpers import config_validation as cv, trigger as trigger_helper
from homeassistant.helpers.dispatcher import async_dispatcher_connect
from homeassistant.helpers.trigger import Trigger, TriggerActionRunner, TriggerConfig, TriggerNotTriggeredReporter
from homeassistant.helpers.typing import ConfigType
import voluptuous as vol

from .const import DOMAIN
from .errors import MessageError
from .messaging.content import copied_content
from .messaging.message import Message, checked_address
from .messaging.signals import message_signal

TRIGGER: Final = "message_received"
TRIGGER_MESSAGE_RECEIVED: Final = f"{DOMAIN}.{TRIGGER}"

OPTION_ADDRESS: Final = "address"
OPTION_BOT: Final = "config_entry_id"
OPTION_CONTENT: Final = "content"


def _address(value: object) -> str:
    try:
        return checked_address(value)
    except MessageError as err:
        raise vol.Invalid(str(err)) from err


def _filter(value: object) -> object:
    """Check that the keys are text: in YAML, a bare on is true."""
    if isinstance(value, dict):
        for key, item in value.items():
            if not isinstance(key, str):
                problem = f"keys must be text, but {key!r} is not; write it in quotes"
                raise vol.Invalid(problem)
            _filter(item)
    return value


OPTIONS_SCHEMA: Final = vol.Schema(
    {
        vol.Required(OPTION_ADDRESS): vol.All(cv.ensure_list, vol.Length(min=1), [_address]),
        vol.Optional(OPTION_BOT): cv.string,
        vol.Optional(OPTION_CONTENT, default=dict): vol.All(dict, _filter),
    }
)
_CONFIG_SCHEMA = vol.Schema({vol.Required(CONF_OPTIONS): OPTIONS_SCHEMA})


class MessageReceivedTrigger(Trigger):
    """Triggers once for each bot that receives a message, or once when no bot knows its address."""

    @classmethod
    @override
    async def async_validate_config(cls, hass: HomeAssistant, config: ConfigType) -> ConfigType:
        validated: ConfigType = _CONFIG_SCHEMA(config)
        return validated

    def __init__(self, hass: HomeAssistant, config: TriggerConfig) -> None:
        """Initialize the trigger."""
        super().__init__(hass, config)
        self._options: Mapping[str, Any] = config.options or {}

    @override
    async def async_attach_runner(
        self, run_action: TriggerActionRunner, did_not_trigger: TriggerNotTriggeredReporter | None = None
    ) -> CALLBACK_TYPE:
        @callback
        def signalled(sent: Message, received: Mapping[str, Message]) -> None:
            receivers: list[tuple[str | None, Message]] = [*received.items()]
            if not receivers and sent.envelope.external:
                receivers = [(None, sent)]
            bot = self._options.get(OPTION_BOT)
            for bot_id, message in receivers:
                if bot in (None, bot_id) and _contains(message.content, self._options[OPTION_CONTENT]):
                    run_action(_payload(message, bot_id), f"message to {message.address}", message.context)

        connected = [
            async_dispatcher_connect(self._hass, message_signal(address), signalled)
            for address in dict.fromkeys(self._options[OPTION_ADDRESS])
        ]

        @callback
        def detach() -> None:
            for disconnect in connected:
                disconnect()

        return detach


def _payload(message: Message, bot_id: str | None) -> dict[str, Any]:
    envelope = message.envelope
    return {
        "address": envelope.address,
        "content": copied_content(message.content),
        "sender": envelope.sender,
        "message_id": message.message_id,
        "origin": envelope.origin,
        "home": envelope.home,
        "bot": bot_id,
    }


def _contains(content: object, wanted: object) -> bool:
    """Return whether content has what is wanted: all of its keys with equal values, at every level."""
    if isinstance(wanted, Mapping):
        return isinstance(content, Mapping) and all(
            key in content and _contains(content[key], value) for key, value in wanted.items()
        )
    # True and 1 are equal to Python, but not to whoever writes a filter.
    return content == wanted and isinstance(content, bool) == isinstance(wanted, bool)


async def async_get_triggers(hass: HomeAssistant) -> dict[str, type[Trigger]]:
    """Return the triggers."""
    return {TRIGGER: MessageReceivedTrigger}


@callback
def async_describe_trigger(hass: HomeAssistant, description: dict[str, Any]) -> None:
    """Describe the trigger to pages that are loaded from now on.

    Home Assistant has a function for that for actions only. Where it does not keep descriptions like this any more, its
    editor offers no addresses, and takes them all the same.
    """
    key = getattr(trigger_helper, "TRIGGER_DESCRIPTION_CACHE", None)
    if key is not None and key in hass.data:
        # Pages are sent the descriptions anew when they are another object.
        hass.data[key] = {**hass.data[key], TRIGGER_MESSAGE_RECEIVED: description}
