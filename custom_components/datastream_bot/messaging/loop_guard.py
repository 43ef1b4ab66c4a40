"""The loop guard: counts how many messages led to a message and came of the first one, and refuses endless chains."""

from collections import OrderedDict
from dataclasses import dataclass
import logging
from typing import Final, NamedTuple

from homeassistant.core import Context, HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.issue_registry import IssueSeverity

from ..const import DOMAIN
from ..issues import async_create_issue, async_has_issue
from .message import Message

MAX_HOPS: Final = 8
MAX_MESSAGES: Final = 1000
"""How many messages may come of one, well below MAX_REMEMBERED, so that no chain forgets itself."""

MAX_REMEMBERED: Final = 4096

_LOGGER = logging.getLogger(__name__)


_LINK_LASTS: Final = 60.0
"""Seconds after which what a message causes starts a chain of its own: what goes on slowly is not endless."""


@dataclass(slots=True)
class _Chain:
    """All messages that came of one, and the origin of that if it came from outside Home Assistant."""

    entrance: str | None
    messages: int = 0


class _Known(NamedTuple):
    """What is known of a context: how many messages led to it, the chain that it is in, and until when it lasts."""

    hops: int
    chain: _Chain
    until: float


class LoopGuard:
    """Follows messages along the contexts of what they cause.

    A context variable would not do: automations start in tasks of their own.
    """

    def __init__(self, hass: HomeAssistant) -> None:
        """Initialize the guard."""
        self._hass = hass
        self._known: OrderedDict[str, _Known] = OrderedDict()

    def led_to(self, context: Context) -> tuple[int, str | None]:
        """Return the hops and the entrance of a message that is sent in this context."""
        known = self.follow(context)
        return (0, None) if known is None else (known.hops + 1, known.chain.entrance)

    def follow(self, context: Context) -> _Known | None:
        """Follow a message into a context whose parent is known, and return what is known of it.

        Automations that trigger each other by states and events get further from the message with every step.
        """
        if (known := self._find(context)) is not None:
            self._remember(context, known.hops, known.chain)
        return known

    def count(self, message: Message) -> None:
        """Count a message.

        Raises:
            HomeAssistantError: More than 8 messages led to it, or more than 1,000 came of the first one.

        """
        context, hops = message.envelope.context, message.envelope.hops
        known = self._find(context)
        chain = _Chain(message.envelope.entrance) if known is None else known.chain
        chain.messages += 1
        self._remember(context, hops, chain)
        if chain.messages > MAX_MESSAGES:
            raise self._refusal(message.address, translation_key="too_many_messages", limit=MAX_MESSAGES)
        if hops > MAX_HOPS:
            raise self._refusal(message.address, translation_key="too_many_hops", limit=MAX_HOPS)

    def _find(self, context: Context) -> _Known | None:
        own = self._get(context.id)
        parents = self._get(context.parent_id)
        if own is None or parents is None:
            return own or parents
        return max(own, parents, key=lambda known: known.hops)

    def _get(self, context_id: str | None) -> _Known | None:
        if context_id is None or (known := self._known.get(context_id)) is None:
            return None
        if known.until >= self._hass.loop.time():
            return known
        # An old link counts no more, but what came from outside stays what it is.
        return known._replace(hops=-1, chain=_Chain(known.chain.entrance))

    def _remember(self, context: Context, hops: int, chain: _Chain) -> None:
        self._known[context.id] = _Known(hops, chain, self._hass.loop.time() + _LINK_LASTS)
        self._known.move_to_end(context.id)
        if len(self._known) > MAX_REMEMBERED:
            self._known.popitem(last=False)

    def _refusal(self, address: str, *, translation_key: str, limit: int) -> HomeAssistantError:
        """Return the refusal of a message, told to the log and by a repair issue until the user has confirmed that."""
        issue_id = f"endless_{address}"
        if not async_has_issue(self._hass, issue_id):
            _LOGGER.error(
                "A message to %s was refused, as messages lead to each other without end; "
                "look for automations that answer each other",
                address,
            )
            async_create_issue(
                self._hass,
                issue_id,
                translation_key="endless",
                severity=IssueSeverity.ERROR,
                is_fixable=True,
                address=address,
            )
        return HomeAssistantError(
            translation_domain=DOMAIN,
            translation_key=translation_key,
            translation_placeholders={"address": address, "limit": str(limit)},
        )
