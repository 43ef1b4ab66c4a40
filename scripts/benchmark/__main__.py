"""Runs the measurements, and prints what they find."""

import argparse
from collections.abc import Coroutine, Mapping
import json
import logging
from pathlib import Path
import sys
import time
from typing import Any, Final

import homeassistant.core  # noqa: F401 - replaces modules that the integration imports
from homeassistant.runner import create_event_loop
import ulid_transform

from . import closed_doors, crowds, growth, messages, recording, setting_up, toggling, webhooks
from .counters import CounterError
from .instructions import instructions, take_turns
from .rounds import Figure, Measurement
from .table import HEADER, row, verdict

# Growth is the first, for what others leave free in memory would hide it.
FAMILIES: Final = (growth, messages, crowds, toggling, webhooks, setting_up, recording, closed_doors)
MEASUREMENTS: Final[Mapping[str, Measurement]] = {
    measurement.name: measurement for family in FAMILIES for measurement in family.MEASUREMENTS
}


def run[T](coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine in a loop of its own, made as Home Assistant makes it."""
    loop = create_event_loop()
    try:
        return loop.run_until_complete(coroutine)
    finally:
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()


def measure(names: list[str]) -> list[Figure]:
    """Run measurements, and print their table."""
    is_compiled = not ulid_transform.ulid_now.__module__.endswith("_py_ulid_impl")
    print(f"Contexts have ids from {'compiled code' if is_compiled else 'Python code: they cost ten times as much'}")
    print(HEADER)
    figures: list[Figure] = []
    began = time.monotonic()
    for name in names:
        for figure in run(MEASUREMENTS[name].figures()):
            figures.append(figure)
            print(row(figure), flush=True)
    print(f"{verdict(figures)}; it took {time.monotonic() - began:.0f} s")
    return figures


def main() -> None:
    """Do what the command line asks for."""
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__)
    doing = parser.add_mutually_exclusive_group()
    doing.add_argument("--only", choices=MEASUREMENTS, help="run only this measurement")
    doing.add_argument("--instructions", choices=MEASUREMENTS, help="count instructions of this one instead of seconds")
    doing.add_argument("--side", nargs=2, metavar=("NAME", "SIDE"), help=argparse.SUPPRESS)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the ratios there, too")
    arguments = parser.parse_args()

    # As in a home whose user has not asked for more. What Home Assistant misses on this machine is of no interest.
    logging.basicConfig(level=logging.WARNING)
    logging.getLogger().handlers[0].addFilter(logging.Filter("custom_components"))

    if arguments.side:
        run(take_turns(MEASUREMENTS[arguments.side[0]], arguments.side[1]))
        return
    if arguments.instructions:
        figures = [run(instructions(MEASUREMENTS[arguments.instructions]))]
        print(HEADER, row(figures[0]), sep="\n")
    else:
        figures = measure([arguments.only] if arguments.only else list(MEASUREMENTS))
    if arguments.json:
        told = [{"name": figure.name, "ratio": figure.ratio, "goal": figure.goal} for figure in figures]
        arguments.json.write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    try:
        main()
    except CounterError as err:
        sys.exit(str(err))
