"""The trigger `datastream_bot.message_received`; it outlives the bots, and needs none to be loaded."""

from collections.abc import Mapping
from functools import partial
from hashlib import sha256
from typing import Any, Final, override

from homeassistant.config_entries import SIGNAL_CONFIG_ENTRY_CHANGED, ConfigEntry, ConfigEntryChange
from homeassistant.const import CONF_OPTIONS, CONF_TARGET
from homeassistant.core import CALLBACK_TYPE, Context, HomeAssistant, callback
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.dispatcher import async_dispatcher_connect
from homeassistant.helpers.target import TargetSelection
from homeassistant.helpers.template import is_template_string
from homeassistant.helpers.trigger import (
    NotTriggeredInfo,
    Trigger,
    TriggerActionRunner,
    TriggerConfig,
    TriggerNotTriggeredReporter,
)
from homeassistant.helpers.typing import ConfigType
import voluptuous as vol

from .const import DOMAIN
from .errors import MessageError, async_validated
from .issues import async_create_issue, async_delete_issue
from .messaging.bare_keys import with_text_keys
from .messaging.content import checked_content, copied_content, object_of
from .messaging.listeners import async_get_listeners
from .messaging.message import Message, checked_address
from .messaging.message_filter import MessageFilter, Miss, Nearness
from .messaging.schema import SchemaError
from .trigger_description import TRIGGER
from .trigger_target import async_is_targeted, async_named

OPTION_ADDRESS: Final = "address"
OPTION_BOT: Final = "config_entry_id"
OPTION_CONTENT: Final = "content"


def _address(value: object) -> str:
    _refuse_template(value)
    return checked_address(value)


def _bot(value: object) -> str | None:
    """Return the bot, or None for what a blueprint's input holds that is not filled in."""
    _refuse_template(value)
    return None if value is None else cv.string(value) or None


def _content(value: object) -> Mapping[str, Any]:
    _refuse_template(value)
    content = checked_content(with_text_keys(object_of(value)))
    _refuse_template(content)
    return content


def _target(value: object) -> ConfigType:
    _refuse_template(value)
    target: ConfigType = _TARGET_SCHEMA(value)
    return {name: ids for name, ids in target.items() if ids}


def _waiting(config: ConfigType) -> ConfigType:
    """Return a configuration that waits for something.

    Raises:
        MessageError: It has neither a target nor an address.

    """
    if not config[CONF_TARGET] and not config[CONF_OPTIONS][OPTION_ADDRESS]:
        raise MessageError(translation_key="address_or_target_missing")
    return config


def _refuse_template(value: object) -> None:
    """Refuse templates at every level, as Home Assistant hands a trigger of this kind no variables.

    Raises:
        MessageError: There is one.

    """
    if isinstance(value, str) and is_template_string(value):
        raise MessageError(translation_key="trigger_template", template=value)
    if isinstance(value, Mapping):
        value = [*value.keys(), *value.values()]
    if isinstance(value, list):
        for item in value:
            _refuse_template(item)


OPTIONS_SCHEMA: Final = vol.Schema(
    {
        vol.Optional(OPTION_ADDRESS, default=list): vol.All(cv.ensure_list, [_address]),
        vol.Optional(OPTION_BOT): _bot,
        vol.Optional(OPTION_CONTENT, default=dict): _content,
    }
)
_TARGET_SCHEMA = vol.Schema(cv.TARGET_FIELDS)
_CONFIG_SCHEMA = vol.All(
    {vol.Optional(CONF_OPTIONS, default=dict): OPTIONS_SCHEMA, vol.Optional(CONF_TARGET, default=dict): _target},
    _waiting,
)


class MessageReceivedTrigger(Trigger):
    """Triggers once for each bot that receives a message, or once when no bot knows its address."""

    @classmethod
    @override
    async def async_validate_config(cls, hass: HomeAssistant, config: ConfigType) -> ConfigType:
        return await async_validated(hass, _CONFIG_SCHEMA, config)

    def __init__(self, hass: HomeAssistant, config: TriggerConfig) -> None:
        """Initialize the trigger."""
        super().__init__(hass, config)
        self._options: Mapping[str, Any] = config.options or {}
        self._target: ConfigType = config.target or {}

    @override
    async def async_attach_runner(
        self, run_action: TriggerActionRunner, did_not_trigger: TriggerNotTriggeredReporter | None = None
    ) -> CALLBACK_TYPE:
        attached = AttachedTrigger(self._hass, self._options, self._target, run_action, did_not_trigger)
        return attached.async_connect()


class AttachedTrigger:
    """Waits for messages, and tells when none can match as the bots are."""

    def __init__(
        self,
        hass: HomeAssistant,
        options: Mapping[str, Any],
        target: ConfigType,
        run_action: TriggerActionRunner,
        did_not_trigger: TriggerNotTriggeredReporter | None,
    ) -> None:
        """Initialize it with the options, the target, and with what to call when a message comes or is missed."""
        self._hass = hass
        self._addresses: list[str] = list(dict.fromkeys(options[OPTION_ADDRESS]))
        self._target = TargetSelection(target)
        self._filter = MessageFilter(
            hass,
            self._addresses,
            options.get(OPTION_BOT),
            options[OPTION_CONTENT],
            partial(async_is_targeted, hass, self._target) if target else None,
        )
        self._run_action = run_action
        self._did_not_trigger = did_not_trigger
        self._never: MessageError | None = None
        # The same after a restart, so that it stays ignored.
        waits_for = f"{options!r}{target or ''}"
        self._issue_id = f"never_triggers_{sha256(waits_for.encode(errors='backslashreplace')).hexdigest()}"

    @callback
    def async_connect(self) -> CALLBACK_TYPE:
        """Wait for messages; return the function that disconnects it."""
        listeners = async_get_listeners(self._hass)
        connected = [
            *(listeners.connect(self._heard, address=address) for address in self._addresses or (None,)),
            async_dispatcher_connect(self._hass, SIGNAL_CONFIG_ENTRY_CHANGED, self._entry_changed),
        ]
        self._check()

        @callback
        def disconnect() -> None:
            for disconnect_one in connected:
                disconnect_one()
            async_delete_issue(self._hass, self._issue_id)

        return disconnect

    @callback
    def _heard(self, sent: Message, received: Mapping[str, Message]) -> None:
        receivers: list[tuple[str | None, Message]] = [*received.items()]
        if not receivers and sent.envelope.external:
            receivers = [(None, sent)]
        misses: list[Miss] = []
        has_triggered = is_unfit = False
        for bot_id, message in receivers:
            miss: Miss | None
            try:
                miss = self._filter.async_miss(bot_id, message)
            except SchemaError as err:
                is_unfit = True
                miss = Miss(Nearness.CONTENT, str(err))
            if miss is None:
                has_triggered = True
                self._run_action(_payload(message, bot_id), f"message to {message.address}", message.context)
            else:
                misses.append(miss)
        if is_unfit or self._never is not None:
            self._check()
        if misses and not has_triggered:
            self._report(max(misses), sent.context)

    def _report(self, miss: Miss, context: Context) -> None:
        """Report why a message did not trigger, if it came near."""
        # Without addresses, those to all others come as well.
        is_near = bool(self._addresses) or miss.nearness is not Nearness.TARGET
        if is_near and self._did_not_trigger is not None:
            self._did_not_trigger(NotTriggeredInfo(reason=str(self._never or miss.reason)), context)

    @callback
    def _entry_changed(self, change: ConfigEntryChange, entry: ConfigEntry[Any]) -> None:
        if entry.domain == DOMAIN:
            self._check()

    def _check(self) -> None:
        """Raise a repair issue while no message can match as the bots are, or delete it."""
        never = self._never = self._filter.async_why_never()
        if never is None:
            async_delete_issue(self._hass, self._issue_id)
            return
        # With the placeholders instead of the text of the error: the integration may not be set up.
        told: dict[str, Any] = {
            **(never.translation_placeholders or {}),
            "addresses": ", ".join(self._addresses or async_named(self._hass, self._target)),
        }
        async_create_issue(self._hass, self._issue_id, translation_key=never.code, **told)


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


async def async_get_triggers(hass: HomeAssistant) -> dict[str, type[Trigger]]:
    """Return the triggers."""
    return {TRIGGER: MessageReceivedTrigger}
