"""The command that the content of a message to `toggle_everything` is."""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

from homeassistant.const import ATTR_ENTITY_ID, ENTITY_MATCH_ALL, ENTITY_MATCH_NONE
from homeassistant.helpers import config_validation as cv
import voluptuous as vol

from ..errors import MessageError

MAX_NAME_LENGTH: Final = 64
"""How long the name of a memory may be."""

_TARGET: Final = vol.Schema(
    {
        **cv.TARGET_SERVICE_FIELDS,
        # Home Assistant's own fails on a number.
        vol.Optional(ATTR_ENTITY_ID): vol.All(vol.Any(None, str, list), cv.comp_entity_ids_or_uuids),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Toggle:
    """What to turn on or off, and what to remember or restore.

    Attributes:
        on: Whether to turn on.
        remember: Remember what is on before it is turned off.
        restore: Turn on only what is remembered, as it was.
        memory: The occasion for which it is remembered; empty for that without a name.
        target: Only what is in this target of an action; empty for all.
        domain: Only entities of this domain, or None for all.

    """

    on: bool
    remember: bool
    restore: bool
    memory: str
    target: Mapping[str, list[str]]
    domain: str | None

    @classmethod
    def from_content(cls, content: Mapping[str, Any]) -> Self:
        """Return the command in content that fits the schema of the address.

        Raises:
            MessageError: Its parts do not go together.

        """
        on, remember, restore = content["on"], content.get("remember", False), content.get("restore", False)
        if remember and on:
            raise MessageError(translation_key="remember_needs_off")
        if restore and not on:
            raise MessageError(translation_key="restore_needs_on")
        memory = content.get("memory", "")
        if memory and not (remember or restore):
            raise MessageError(translation_key="memory_needs_remember")
        if len(memory) > MAX_NAME_LENGTH:
            raise MessageError(translation_key="memory_too_long", max_length=MAX_NAME_LENGTH)
        target = _read_target(content.get("target", {}))
        return cls(
            on=on, remember=remember, restore=restore, memory=memory, target=target, domain=content.get("domain")
        )

    @property
    def is_all(self) -> bool:
        """Return whether it is about everything that is attached."""
        return not self.target and self.domain is None

    @property
    def subject(self) -> Hashable:
        """Return what it is about: of two commands about the same, the newer one counts."""
        target = frozenset((kind, frozenset(ids)) for kind, ids in self.target.items())
        return self.remember, self.restore, self.memory, self.domain, target


def _read_target(target: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return a target as Home Assistant's actions take it, with a list for each kind; empty for all.

    Raises:
        MessageError: It is none.

    """
    if not target:
        return {}
    try:
        read: dict[str, Any] = _TARGET(target)
    except vol.MultipleInvalid as err:
        wrong = dict.fromkeys(error.path[0] for error in err.errors)
        problem = "; ".join(f"{kind} is {target[kind]!r:.80}" for kind in wrong)
        raise MessageError(translation_key="target_not_valid", problem=problem) from err
    if read.get(ATTR_ENTITY_ID) == ENTITY_MATCH_ALL:
        return {}
    return {kind: [] if ids == ENTITY_MATCH_NONE else ids for kind, ids in read.items()}
