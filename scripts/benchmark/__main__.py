"""Compares costs of the integration with those of Home Assistant's own ways; docs/costs.md says what the rows mean."""

import argparse
import asyncio
import json
import logging
import os
from pathlib import Path
import subprocess
import sys
import tempfile
import time

import homeassistant.core  # noqa: F401 - replaces modules that the integration imports
from homeassistant.runner import create_event_loop
import ulid_transform

from . import growth, messages, toggling
from .meters import COUNTED_IN, FOLDER, SLOWNESS, VALGRIND
from .rounds import HEADER, Row


def main() -> None:
    """Do what the command line asks for."""
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__)
    parser.add_argument("--only", default="", metavar="WORD", help="run only rows with this word in their names")
    parser.add_argument("--instructions", action="store_true", help="count instructions instead; it needs Valgrind")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the ratios there, too")
    arguments = parser.parse_args()
    if arguments.instructions and not COUNTED_IN:
        with tempfile.TemporaryDirectory() as folder:
            # The same hashes give the same instructions.
            environment = {**os.environ, FOLDER: folder, "PYTHONHASHSEED": "0"}
            command = [*VALGRIND, f"--log-file={folder}/log", sys.executable, "-m", __package__, *sys.argv[1:]]
            sys.exit(subprocess.run(command, env=environment, check=False).returncode)  # noqa: S603

    # As in a home whose user has not asked for more. What Home Assistant misses on this machine is of no interest.
    logging.basicConfig(level=logging.WARNING)
    logging.getLogger().handlers[0].addFilter(logging.Filter("custom_components"))
    is_compiled = not ulid_transform.ulid_now.__module__.endswith("_py_ulid_impl")
    print(f"ulid_transform is {'' if is_compiled else 'NOT '}compiled: contexts cost ten times as much where it is not")
    print(HEADER)
    found: list[tuple[Row, float, str]] = []
    # Growth is the first, for what others leave free in memory would hide it.
    for comparison in (*growth.COMPARISONS, *messages.COMPARISONS, *toggling.COMPARISONS):
        if (COUNTED_IN and not comparison.is_counted) or not any(arguments.only in row.name for row in comparison.rows):
            continue
        with asyncio.Runner(loop_factory=create_event_loop) as runner:
            if COUNTED_IN:
                # What happens so many times a second is to happen once in as many messages as it does without Valgrind.
                vars(runner.get_loop())["time"] = lambda: time.monotonic() / SLOWNESS
            found += (figures := runner.run(comparison.figures()))
        print(*(line for _, _, line in figures), sep="\n", flush=True)
    if arguments.json:
        suffix = "-instructions" if COUNTED_IN else ""
        rows = [{"name": row.name + suffix, "ratio": ratio, "goal": row.goal} for row, ratio, _ in found]
        arguments.json.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
