"""Hops: how many messages led to a message, and how many came of the first one."""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

from homeassistant.core import Context

MAX_HOPS: Final = 8
MAX_MESSAGES: Final = 1000
"""How many messages may come of one message, well below what is remembered, so that no chain forgets itself."""

MAX_REMEMBERED: Final = 4096


@dataclass(slots=True)
class _Chain:
    """All messages that came of one."""

    messages: int = 0


class HopCounter:
    """Follows messages along the contexts of what they cause.

    A context variable would not do: automations start in tasks of their own.
    """

    def __init__(self) -> None:
        """Initialize the counter."""
        self._known: OrderedDict[str, tuple[int, _Chain]] = OrderedDict()

    def after(self, context: Context) -> int:
        """Return the hops of a message that is sent in this context."""
        self.follow(context)
        known = self._known.get(context.id)
        return 0 if known is None else known[0] + 1

    def follow(self, context: Context) -> None:
        """Follow a message into a context whose parent is known.

        Automations that set off each other by states and events get further from the message with every step.
        """
        if (known := self._find(context)) is not None:
            self._remember(context, known)

    def count(self, context: Context, hops: int) -> int:
        """Count a message with the context that it has, and return how many came of the first one of its chain."""
        known = self._find(context)
        chain = _Chain() if known is None else known[1]
        chain.messages += 1
        self._remember(context, (hops, chain))
        return chain.messages

    def _find(self, context: Context) -> tuple[int, _Chain] | None:
        own = self._known.get(context.id)
        parents = None if context.parent_id is None else self._known.get(context.parent_id)
        if own is None or parents is None:
            return own or parents
        return max(own, parents, key=lambda known: known[0])

    def _remember(self, context: Context, known: tuple[int, _Chain]) -> None:
        self._known[context.id] = known
        self._known.move_to_end(context.id)
        if len(self._known) > MAX_REMEMBERED:
            self._known.popitem(last=False)
