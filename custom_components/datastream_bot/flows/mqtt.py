"""The forms of a bot's way to other homes: whom it speaks for, and a broker of its own."""

from collections.abc import Iterable, Mapping
from dataclasses import fields
from enum import StrEnum
import re
from typing import Any, Final

from homeassistant.config_entries import ConfigEntry, ConfigEntryState
from homeassistant.helpers.selector import (
    BooleanSelector,
    NumberSelector,
    NumberSelectorConfig,
    NumberSelectorMode,
    Selector,
    SelectSelector,
    SelectSelectorConfig,
    TextSelector,
    TextSelectorConfig,
    TextSelectorType,
)
import voluptuous as vol

from ..mqtt.peers import Peer
from ..mqtt.settings import Broker, BrokerChoice, MqttSettings, Role
from ..mqtt.transport import MqttTransport
from .lists import listed

_PUNCTUATION: Final = re.compile(r"[!-/:-@\[-`{-~]")


def _choice(options: type[StrEnum], name: str) -> Selector[Any]:
    return SelectSelector(SelectSelectorConfig(options=[*options], translation_key=name))


_LINES: Final = TextSelector(TextSelectorConfig(multiline=True))
_SELECTORS: Final[Mapping[str, Selector[Any]]] = {
    "open": BooleanSelector(),
    "organization": TextSelector(),
    "role": _choice(Role, "role"),
    "home": TextSelector(),
    "broker": _choice(BrokerChoice, "broker"),
    "keep_messages": NumberSelector(NumberSelectorConfig(min=10, max=10_000, mode=NumberSelectorMode.BOX)),
    "keep_for": NumberSelector(
        NumberSelectorConfig(min=1, max=1440, unit_of_measurement="min", mode=NumberSelectorMode.BOX)
    ),
    "host": TextSelector(),
    "port": NumberSelector(NumberSelectorConfig(min=1, max=65535, mode=NumberSelectorMode.BOX)),
    "username": TextSelector(TextSelectorConfig(autocomplete="username")),
    "password": TextSelector(TextSelectorConfig(type=TextSelectorType.PASSWORD)),
    "tls": BooleanSelector(),
    "certificate": _LINES,
    "client_certificate": _LINES,
    "client_key": _LINES,
    "path": TextSelector(),
}
"""In the order shown."""


def _schema(options: Iterable[str]) -> vol.Schema:
    defaults = {option.name: option.default for option in fields(MqttSettings)}
    return vol.Schema(
        {
            vol.Optional(name, default="") if defaults[name] == "" else vol.Required(name, default=defaults[name]): each
            for name, each in _SELECTORS.items()
            if name in options
        }
    )


_OF_BROKER: Final = {option.name for option in fields(Broker)}
MQTT_SCHEMA: Final = _schema(_SELECTORS.keys() - _OF_BROKER)
BROKER_SCHEMA: Final = _schema(_OF_BROKER)
LOGIN_SCHEMA: Final = _schema({"username", "password"})


def listed_peers(entry: ConfigEntry[Any], texts: Mapping[str, str]) -> str:
    """Return the bots elsewhere that a bot knows as a list in Markdown."""

    def named(peer: Peer) -> str:
        name = f"{peer.home}: {_escaped(peer.name)}"
        return name if peer.is_online else texts["away"].format(name=name)

    transport = entry.runtime_data.transport if entry.state is ConfigEntryState.LOADED else None
    peers = transport.peers if isinstance(transport, MqttTransport) else ()
    return listed(sorted(peers, key=lambda peer: (peer.home, peer.name)), named, texts)


def _escaped(name: str) -> str:
    """Return what somebody else wrote as it is, which Markdown could show as something else."""
    return _PUNCTUATION.sub(r"\\\g<0>", name)
