"""The errors of messages, translated."""

from collections.abc import Mapping
from typing import Any

from homeassistant.exceptions import HomeAssistantError, ServiceValidationError

from .const import DOMAIN


class MessageError(ServiceValidationError):
    """A message was refused because of what is in it."""

    def __init__(self, *, translation_key: str, **placeholders: object) -> None:
        """Initialize the error."""
        super().__init__(
            translation_domain=DOMAIN,
            translation_key=translation_key,
            # Quoted whole, what came in could be larger than what anyone reads.
            translation_placeholders={name: str(value)[:4000] for name, value in placeholders.items()},
        )


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
