"""Hops: how many messages led to a message."""

from collections import OrderedDict
from typing import Final

from homeassistant.core import Context

MAX_REMEMBERED: Final = 4096


class HopCounter:
    """Follows messages along the contexts of what they cause.

    A context variable would not do: automations start in tasks of their own.
    """

    def __init__(self) -> None:
        """Initialize the counter."""
        self._hops: OrderedDict[str, int] = OrderedDict()

    def remember(self, context: Context, hops: int) -> None:
        """Remember that what happens in this context comes after so many hops."""
        self._hops[context.id] = hops
        if len(self._hops) > MAX_REMEMBERED:
            self._hops.popitem(last=False)

    def after(self, context: Context) -> int:
        """Return the hops of a message that is sent in this context."""
        return self._of(context) + 1

    def follow(self, context: Context) -> None:
        """Carry the count over to a context whose parent is known.

        Automations that set off each other by states and events get further from the message with every step.
        """
        if (hops := self._of(context)) >= 0:
            self.remember(context, hops)

    def _of(self, context: Context) -> int:
        return max(
            self._hops.get(context.id, -1),
            -1 if context.parent_id is None else self._hops.get(context.parent_id, -1),
        )
