"""The loop guard: counts how many messages led to a message and came of the first one, and refuses endless chains."""

from dataclasses import dataclass
import logging
from typing import Final

from homeassistant.core import Context, HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from lru import LRU

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
class Chain:
    """All messages that came of one, and the origin of that if it came from outside Home Assistant."""

    entrance: str | None
    messages: int = 0


type Link = tuple[int, Chain]
"""The place of a message: how many messages led to it, and the chain of all that came of the first one."""

type _Known = tuple[int, Chain, float, str]
"""What is known of a context: hops and chain of a message that is sent in it, until when that lasts, and its parent."""


class LoopGuard:
    """Follows messages along the contexts of what they cause.

    A context variable would not do: automations start in tasks of their own.
    """

    def __init__(self, hass: HomeAssistant) -> None:
        """Initialize the guard."""
        self._hass = hass
        self._time = hass.loop.time
        self._known: LRU[str, _Known] = LRU(MAX_REMEMBERED)

    def link(self, context: Context | None, entrance: str | None) -> Link:
        """Return the place of a message that is sent in a context, by its own entrance or that of its chain."""
        link = None if context is None else self.follow(context)
        return (0, Chain(entrance)) if link is None else link

    def follow(self, context: Context) -> Link | None:
        """Follow a message into a context that it caused, and return the place of what is sent there.

        Automations that trigger each other by states and events get further from the message with every step.
        """
        if (own := self._known.get(context.id)) is not None:
            return self._link_now(own)
        if context.parent_id is None or (parents := self._known.get(context.parent_id)) is None:
            return None
        hops, chain = link = self._link_now(parents)
        self._known[context.id] = (hops, chain, self._time() + _LINK_LASTS, parents[-1])
        return link

    def parent(self, context_id: str) -> str | None:
        """Return the id of the message that led to what is sent in a context, once that has been followed, or None."""
        return None if (known := self._known.get(context_id)) is None else known[-1]

    def follow_message(self, context: Context, message_id: str) -> None:
        """Let what is sent because of a context count as caused by a message, whatever the parent of the context."""
        if (known := self._known.get(message_id)) is not None:
            self._known[context.id] = known

    def count(self, message: Message, chain: Chain) -> None:
        """Count a message in its chain.

        Raises:
            HomeAssistantError: More than 8 messages led to it, or more than 1,000 came of the first one.

        """
        envelope = message.envelope
        hops, message_id = envelope.hops, envelope.context.id
        chain.messages += 1
        self._known[message_id] = (hops + 1, chain, self._time() + _LINK_LASTS, message_id)
        if chain.messages > MAX_MESSAGES:
            raise self._refusal(message.address, translation_key="too_many_messages", limit=MAX_MESSAGES)
        if hops > MAX_HOPS:
            raise self._refusal(message.address, translation_key="too_many_hops", limit=MAX_HOPS)

    def _link_now(self, known: _Known) -> Link:
        """Return a link if it lasts; an old one starts a chain anew, in which what came from outside stays that."""
        hops, chain, until, _ = known
        return (hops, chain) if until >= self._time() else (0, Chain(chain.entrance))

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
                address=address,
            )
        return HomeAssistantError(
            translation_domain=DOMAIN,
            translation_key=translation_key,
            translation_placeholders={"address": address, "limit": str(limit)},
        )
