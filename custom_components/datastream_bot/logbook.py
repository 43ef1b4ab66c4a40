"""The logbook: what became of each message, as a sentence on Home Assistant's Activity page."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from homeassistant.components.logbook.const import LOGBOOK_ENTRY_ICON, LOGBOOK_ENTRY_MESSAGE, LOGBOOK_ENTRY_NAME
from homeassistant.core import Event, HomeAssistant, callback

from .const import ATTR_ADDRESS, ATTR_CONTENT, DOMAIN, MANUFACTURER
from .messaging.receipt import Outcome
from .messaging.record import REFUSED, UNHEARD
from .receipt_event import ATTR_MORE, ATTR_RETURNED, EVENT_DATASTREAM_BOT_RECEIPT

# Home Assistant does not translate what integrations write there.
_MAX_BOTS: Final = 3

_ICONS: Final[Mapping[str, str]] = {
    Outcome.HANDLED: "mdi:message-check-outline",
    Outcome.FAILED: "mdi:message-alert-outline",
    Outcome.RUNNING: "mdi:message-processing-outline",
    Outcome.PENDING: "mdi:message-processing-outline",
    REFUSED: "mdi:message-off-outline",
    UNHEARD: "mdi:message-question-outline",
}
_SOURCES: Final[Mapping[str, str]] = {
    "assistant": " from an assistant",
    "button": " by a button",
    "cloud_api": " from the BotLab-compatible API",
    "http": " from the HTTP API",
    "webhook": " from the webhook",
}


@callback
def async_describe_events(
    hass: HomeAssistant, async_describe_event: Callable[[str, str, Callable[[Event], dict[str, Any]]], None]
) -> None:
    """Describe the receipt event."""

    @callback
    def describe(event: Event) -> dict[str, Any]:
        return _described(hass, event.data)

    async_describe_event(DOMAIN, EVENT_DATASTREAM_BOT_RECEIPT, describe)


def _described(hass: HomeAssistant, data: Mapping[str, Any]) -> dict[str, Any]:
    """Return the sentence of an event."""
    if ATTR_MORE in data:
        number = data[ATTR_MORE]
        return {
            LOGBOOK_ENTRY_NAME: f"{MANUFACTURER}:",
            LOGBOOK_ENTRY_MESSAGE: f"{number} more message{'' if number == 1 else 's'} at the same time",
            LOGBOOK_ENTRY_ICON: "mdi:message-text-outline",
        }
    names = [_name(hass, bot_id) for bot_id in data["bots"][:_MAX_BOTS]]
    if more := len(data["bots"]) - len(names):
        names.append(f"{more} more")
    return {
        LOGBOOK_ENTRY_NAME: f"{', '.join(names) or MANUFACTURER}:",
        LOGBOOK_ENTRY_MESSAGE: _what(hass, data) + _result(data),
        LOGBOOK_ENTRY_ICON: _ICONS[data["outcome"]],
    }


def _name(hass: HomeAssistant, bot_id: str) -> str:
    entry = hass.config_entries.async_get_entry(bot_id)
    return "a bot that was removed" if entry is None else entry.title


def _what(hass: HomeAssistant, data: Mapping[str, Any]) -> str:
    """Return what happened."""
    if ATTR_RETURNED in data:
        return "somebody returned" if data[ATTR_RETURNED] else "everybody left"
    address, content = data[ATTR_ADDRESS], data.get(ATTR_CONTENT)
    what = "a message" if address is None else address.replace("_", " ")
    return what + (f" ({content})" if content else "") + _source(hass, data)


def _source(hass: HomeAssistant, data: Mapping[str, Any]) -> str:
    """Return where a message came from; of actions, Home Assistant tells who or what performed them."""
    if data["home"] is not None:
        return f" from {data['home']}"
    if data["sender"] is not None and data["sender"] not in data["bots"]:
        return f" from {_name(hass, data['sender'])}"
    return _SOURCES.get(data["origin"], "")


def _result(data: Mapping[str, Any]) -> str:
    """Return what became of it."""
    error = f": {data['error']}" if "error" in data else ""
    match data["outcome"]:
        case Outcome.FAILED:
            return f" failed{error}"
        case str() as outcome if outcome == REFUSED:
            times = f" {data['number']} times" if data.get("number", 1) > 1 else ""
            return f" was refused{times}{error}"
        case str() as outcome if outcome == UNHEARD:
            return ": no bot listens to it"
    told = [f"{number} {_verb(name, data)}" for name, number in data["counts"].items() if number]
    told += [f"{number} {outcome} in other homes" for outcome, number in data["elsewhere"].items()]
    return f": {', '.join(told) or data['outcome']}"


def _verb(name: str, data: Mapping[str, Any]) -> str:
    """Return a list of a result, in words."""
    if name == "switched" and ATTR_RETURNED in data:
        return "turned on" if data[ATTR_RETURNED] else "turned off"
    return name.replace("_", " ")
