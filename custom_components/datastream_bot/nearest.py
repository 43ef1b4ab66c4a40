"""The nearest names to one that nobody knows."""

from collections.abc import Iterable
from difflib import get_close_matches


def nearest(name: str, known: Iterable[str]) -> str:
    """Return the known names that come nearest, for people; empty when none comes near."""
    by_folded = {each.casefold(): each for each in known}
    return ", ".join(by_folded[match] for match in get_close_matches(name.casefold(), by_folded))
