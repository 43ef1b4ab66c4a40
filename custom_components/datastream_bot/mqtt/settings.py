"""The settings of the way to other homes, and of the broker that leads there. Their forms are in `flows`."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from enum import StrEnum, auto
from typing import Any, Final, Self

from homeassistant.core import HomeAssistant

from ..errors import MessageError
from .topics import ORGANIZATION, Membership, is_name

CONF_MQTT: Final = "mqtt"


class Role(StrEnum):
    """What a bot speaks for."""

    HOME = auto()
    ORGANIZATION = auto()


class BrokerChoice(StrEnum):
    """Whose broker is used."""

    HOME_ASSISTANT = auto()
    OTHER = auto()


class Problem(StrEnum):
    """Why a broker cannot be used."""

    CERTIFICATE_NOT_TRUSTED = auto()
    CERTIFICATE_UNREADABLE = auto()
    CLOSED_UNANSWERED = auto()
    HOST_NOT_FOUND = auto()
    LOGIN_REFUSED = auto()
    MQTT_MISSING = auto()
    MQTT_UNREADABLE = auto()
    NO_ANSWER = auto()
    NOT_MQTT = auto()
    OTHER_VERSION = auto()
    REFUSED = auto()
    TLS_FAILED = auto()
    TOPIC_REFUSED = auto()
    UNREACHABLE = auto()


class BrokerError(MessageError):
    """A broker cannot be used."""

    def __init__(self, problem: Problem, detail: object = "") -> None:
        """Initialize the error with what else is known of the problem."""
        super().__init__(translation_key=f"broker_{problem}", detail=detail)
        self.problem = problem


@dataclass(frozen=True, slots=True, kw_only=True)
class Broker:
    """A broker, and how to log in there.

    Attributes:
        certificate: Certificates of authorities to trust as PEM; empty for those that everybody trusts.
        client_certificate: The certificate to log in with as PEM, or empty; `client_key` is its private key.
        path: Path of a websocket, or empty for a plain connection.
        is_verified: Whether the name in the broker's certificate has to be that of the host.

    """

    host: str = ""
    port: int = 1883
    username: str = ""
    password: str = ""
    tls: bool = False
    certificate: str = ""
    client_certificate: str = ""
    client_key: str = ""
    path: str = ""
    is_verified: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class MqttSettings(Broker):
    """The settings of a bot's way to other homes; those of the broker count if it is not Home Assistant's.

    So many messages are kept until all have answered, for so many minutes.
    """

    open: bool = False
    organization: str = ""
    role: str = Role.HOME.value
    home: str = ""
    broker: str = BrokerChoice.HOME_ASSISTANT.value
    keep_messages: float = 1000
    keep_for: float = 60

    @classmethod
    def from_options(cls, options: Mapping[str, Any]) -> Self:
        """Return the settings in the options of a bot."""
        stored = options.get(CONF_MQTT, {})
        return cls(**{option.name: stored[option.name] for option in fields(cls) if option.name in stored})

    def as_options(self) -> dict[str, Any]:
        """Return the settings as the options of a bot hold them."""
        return {CONF_MQTT: asdict(self)}

    @property
    def membership(self) -> Membership:
        """Return whom the bot speaks for."""
        return Membership(organization=self.organization, home=self.home if self.role == Role.HOME else ORGANIZATION)

    @property
    def errors(self) -> dict[str, str]:
        """Return what is wrong, by option."""
        names = {"organization": self.organization} | ({"home": self.home} if self.role == Role.HOME else {})
        return {option: "name_not_valid" for option, name in names.items() if self.open and not is_name(name)}

    def broker_in(self, hass: HomeAssistant) -> Broker:
        """Return the broker, or raise a `BrokerError` if it is Home Assistant's, which has none."""
        if self.broker == BrokerChoice.OTHER:
            return self
        entries = hass.config_entries.async_entries("mqtt", include_ignore=False, include_disabled=False)
        if not entries:
            raise BrokerError(Problem.MQTT_MISSING)
        try:
            # What the MQTT integration keeps is no public API.
            its = {**entries[0].data, **entries[0].options}
            certificate = its.get("certificate") or ""
            return Broker(
                host=its["broker"],
                port=int(its["port"]),
                username=its.get("username") or "",
                password=its.get("password") or "",
                tls=bool(certificate),
                certificate="" if certificate == "auto" else certificate,
                client_certificate=its.get("client_cert") or "",
                client_key=its.get("client_key") or "",
                path=its.get("ws_path") or "/" if its.get("transport") == "websockets" else "",
                is_verified=not its.get("tls_insecure"),
            )
        except (KeyError, TypeError, ValueError) as err:
            raise BrokerError(Problem.MQTT_UNREADABLE, err) from err
