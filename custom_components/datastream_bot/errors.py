"""The errors of messages, translated."""

from collections.abc import Mapping
from http import HTTPStatus
import math
from typing import Any

from homeassistant.exceptions import HomeAssistantError, ServiceValidationError

from .const import DOMAIN


class MessageError(ServiceValidationError):
    """A message was refused because of what is in it.

    Attributes:
        code: What programs know the error by.

    """

    def __init__(self, *, translation_key: str, **placeholders: object) -> None:
        """Initialize the error."""
        super().__init__(
            translation_domain=DOMAIN,
            translation_key=translation_key,
            translation_placeholders={name: _quoted(value) for name, value in placeholders.items()},
        )
        self.code = translation_key


def _quoted(value: object) -> str:
    """Return what came in as text that fits into an error: not larger than anyone reads, and Unicode."""
    return str(value)[:4000].encode(errors="backslashreplace").decode()


class PartlyFailedError(HomeAssistantError):
    """A receiver did its work but for some entities."""

    def __init__(self, *, translation_key: str, errors: Mapping[str, str], result: Mapping[str, Any]) -> None:
        """Initialize the error with the error of each entity, and with all that the receiver did and did not do."""
        super().__init__(
            translation_domain=DOMAIN,
            translation_key=translation_key,
            translation_placeholders={
                "entities": "; ".join(f"{entity_id}: {error}" for entity_id, error in errors.items())
            },
        )
        self.result = result


class DoorError(MessageError):
    """A request from outside Home Assistant was refused."""

    def __init__(
        self,
        status: HTTPStatus,
        headers: Mapping[str, str] | None = None,
        *,
        translation_key: str,
        **placeholders: object,
    ) -> None:
        """Initialize the error with the HTTP status and headers of the answer."""
        super().__init__(translation_key=translation_key, **placeholders)
        self.status = status
        self.headers = headers or {}


class LimitedError(DoorError):
    """A request was refused because too many came."""

    def __init__(self, *, translation_key: str, wait: float) -> None:
        """Initialize the error with the seconds after which another request would be taken."""
        seconds = math.ceil(wait)
        super().__init__(
            HTTPStatus.TOO_MANY_REQUESTS,
            {"Retry-After": str(seconds)},
            translation_key=translation_key,
            seconds=seconds,
        )
