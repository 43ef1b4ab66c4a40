"""Lists in the texts of forms."""

from collections.abc import Callable, Collection, Mapping
from itertools import islice
from typing import Final

MAX_LISTED: Final = 50
"""How many items a list names."""


def listed[T](items: Collection[T], named: Callable[[T], str], texts: Mapping[str, str]) -> str:
    """Return a list in Markdown: the first items, and how many more there are.

    Args:
        items: What it lists.
        named: Returns what the list calls an item.
        texts: The texts that forms share, in the language of Home Assistant.

    """
    lines = [named(item) for item in islice(items, MAX_LISTED)]
    if more := len(items) - len(lines):
        lines.append(texts["more"].format(number=more))
    return "\n".join(f"- {line}" for line in lines or [texts["none"]])
