"""The table that people read."""

from collections.abc import Iterable

from .rounds import Figure

HEADER = f"{'name':<18}{'ratio':>9}  {'middle half':^15}{'goal':>8}     {'ours : theirs':<28}what"


def row(figure: Figure) -> str:
    """Return the row of a figure."""
    low, high = figure.spread
    spread = f"{low:.3f} - {high:.3f}"
    sign = "≥" if figure.at_least else "≤"
    mark = "   " if figure.is_met else " ✗ "
    goal = f"{sign} {figure.goal:g}"
    return f"{figure.name:<18}{figure.ratio:>9.3f}  {spread:^15}{goal:>8}{mark}  {figure.note:<28}{figure.what}"


def verdict(figures: Iterable[Figure]) -> str:
    """Return what falls short."""
    short = [figure.name for figure in figures if not figure.is_met]
    return f"Short of their goals: {', '.join(short)}" if short else "All goals are met"
