"""The settings of the way to other homes, and of the broker that leads there."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from homeassistant.const import CONF_HOST, CONF_PASSWORD, CONF_PORT, CONF_USERNAME
from homeassistant.core import HomeAssistant
from homeassistant.helpers.selector import (
    BooleanSelector,
    NumberSelector,
    NumberSelectorConfig,
    NumberSelectorMode,
    SelectSelector,
    SelectSelectorConfig,
    TextSelector,
    TextSelectorConfig,
    TextSelectorType,
)
import voluptuous as vol

from ..settings import door_settings
from .topics import ORGANIZATION, Membership, is_name

SECTION: Final = "mqtt"

CONF_BROKER: Final = "broker"
CONF_CERTIFICATE: Final = "certificate"
CONF_CLIENT_CERTIFICATE: Final = "client_certificate"
CONF_CLIENT_KEY: Final = "client_key"
CONF_HOME: Final = "home"
CONF_KEEP_FOR: Final = "keep_for"
CONF_KEEP_MESSAGES: Final = "keep_messages"
CONF_OPEN: Final = "open"
CONF_ORGANIZATION: Final = "organization"
CONF_PATH: Final = "path"
CONF_ROLE: Final = "role"
CONF_TLS: Final = "tls"

SECRETS: Final = frozenset({CONF_PASSWORD, CONF_CLIENT_KEY})

_MQTT: Final = "mqtt"


class Role(StrEnum):
    """What a bot speaks for."""

    HOME = "home"
    ORGANIZATION = "organization"


class BrokerChoice(StrEnum):
    """Whose broker is used."""

    HOME_ASSISTANT = "home_assistant"
    OTHER = "other"


def _number(minimum: int, maximum: int, unit: str | None = None) -> NumberSelector:
    config = NumberSelectorConfig(min=minimum, max=maximum, mode=NumberSelectorMode.BOX)
    if unit is not None:
        config["unit_of_measurement"] = unit
    return NumberSelector(config)


def _choice(options: type[StrEnum], name: str) -> SelectSelector:
    return SelectSelector(SelectSelectorConfig(options=[*options], translation_key=name))


_SECRET: Final = TextSelector(TextSelectorConfig(type=TextSelectorType.PASSWORD))
_LINES: Final = TextSelector(TextSelectorConfig(multiline=True))

FORM: Final[Mapping[vol.Marker, Any]] = {
    vol.Required(CONF_OPEN, default=False): BooleanSelector(),
    vol.Optional(CONF_ORGANIZATION, default=""): TextSelector(),
    vol.Required(CONF_ROLE, default=Role.HOME.value): _choice(Role, "role"),
    vol.Optional(CONF_HOME, default=""): TextSelector(),
    vol.Required(CONF_BROKER, default=BrokerChoice.HOME_ASSISTANT.value): _choice(BrokerChoice, "broker"),
    vol.Required(CONF_KEEP_MESSAGES, default=1000): _number(10, 10_000),
    vol.Required(CONF_KEEP_FOR, default=60): _number(1, 1440, "min"),
}
BROKER_FORM: Final[Mapping[vol.Marker, Any]] = {
    vol.Required(CONF_HOST, default=""): TextSelector(),
    vol.Required(CONF_PORT, default=1883): _number(1, 65535),
    vol.Optional(CONF_USERNAME, default=""): TextSelector(),
    vol.Optional(CONF_PASSWORD, default=""): _SECRET,
    vol.Required(CONF_TLS, default=False): BooleanSelector(),
    vol.Optional(CONF_CERTIFICATE, default=""): _LINES,
    vol.Optional(CONF_CLIENT_CERTIFICATE, default=""): _LINES,
    vol.Optional(CONF_CLIENT_KEY, default=""): _LINES,
    vol.Optional(CONF_PATH, default=""): TextSelector(),
}


class BrokerError(Exception):
    """A broker cannot be used.

    Attributes:
        reason: Name of the reason.
        detail: What else is known of it.

    """

    def __init__(self, reason: str, detail: object = "") -> None:
        """Initialize the error."""
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = str(detail)


@dataclass(frozen=True, slots=True, kw_only=True)
class Broker:
    """A broker, and how to log in there.

    Attributes:
        host: Its host name or address.
        port: Its port.
        username: Name of the user, or empty.
        password: Password of the user.
        tls: Whether the connection is encrypted.
        certificate: Certificates of authorities to trust as PEM; empty for those that everybody trusts.
        client_certificate: The certificate to log in with as PEM, or empty.
        client_key: Its private key as PEM.
        path: Path of a websocket, or empty for a plain connection.
        is_verified: Whether the name in its certificate has to be that of the host.

    """

    host: str
    port: int
    username: str = ""
    password: str = ""
    tls: bool = False
    certificate: str = ""
    client_certificate: str = ""
    client_key: str = ""
    path: str = ""
    is_verified: bool = True


def mqtt_settings(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings in those of a bot."""
    return {**door_settings(data, SECTION, FORM), **_broker_settings(data)}


def _broker_settings(data: Mapping[str, Any]) -> dict[str, Any]:
    return {str(name): value for name, value in door_settings(data, SECTION, BROKER_FORM).items() if name in BROKER_FORM}


def error_in(settings: Mapping[str, Any]) -> tuple[str, str] | None:
    """Return the field that is wrong and its error, or None."""
    if not settings[CONF_OPEN]:
        return None
    if not is_name(settings[CONF_ORGANIZATION]):
        return CONF_ORGANIZATION, "name_not_valid"
    if settings[CONF_ROLE] == Role.HOME and not is_name(settings[CONF_HOME]):
        return CONF_HOME, "name_not_valid"
    return None


def membership_of(settings: Mapping[str, Any]) -> Membership:
    """Return whom a bot speaks for."""
    is_home = settings[CONF_ROLE] == Role.HOME
    return Membership(
        organization=settings[CONF_ORGANIZATION], home=settings[CONF_HOME] if is_home else ORGANIZATION
    )


def broker_of(hass: HomeAssistant, settings: Mapping[str, Any]) -> Broker:
    """Return the broker that settings name.

    Raises:
        BrokerError: It is Home Assistant's, which has none.

    """
    if settings[CONF_BROKER] == BrokerChoice.HOME_ASSISTANT:
        return _of_home_assistant(hass)
    return Broker(**{str(name): settings[name] for name in BROKER_FORM} | {CONF_PORT: int(settings[CONF_PORT])})


def _of_home_assistant(hass: HomeAssistant) -> Broker:
    """Return the broker of Home Assistant's MQTT integration; its config entry is no public API."""
    entries = hass.config_entries.async_entries(_MQTT, include_ignore=False, include_disabled=False)
    if not entries:
        raise BrokerError("mqtt_missing")
    try:
        its = {**entries[0].data, **entries[0].options}
        certificate = its.get("certificate")
        return Broker(
            host=its["broker"],
            port=int(its["port"]),
            username=its.get(CONF_USERNAME) or "",
            password=its.get(CONF_PASSWORD) or "",
            tls=bool(certificate),
            certificate=certificate if certificate and certificate != "auto" else "",
            client_certificate=its.get("client_cert") or "",
            client_key=its.get("client_key") or "",
            path=(its.get("ws_path") or "/") if its.get("transport") == "websockets" else "",
            is_verified=not its.get("tls_insecure"),
        )
    except (KeyError, TypeError, ValueError) as err:
        raise BrokerError("mqtt_unreadable", err) from err
