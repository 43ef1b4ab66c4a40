"""What something costs: seconds, or in Valgrind instructions, which hardly change from run to run."""

import os
from pathlib import Path
import re
import time
from typing import Final

# It counts from within, and nothing else than it should. What more the library does knows nothing of two sides.
from pytest_codspeed.instruments.hooks import dist_instrument_hooks as hooks  # type: ignore[attr-defined]

FOLDER: Final = "DATASTREAM_BOT_COUNTED_IN"
"""The environment variable with the folder that Valgrind writes into, where it runs this process."""
COUNTED_IN: Final = os.environ.get(FOLDER)
VALGRIND: Final = ("valgrind", "--tool=callgrind", "--instr-atstart=no", f"--callgrind-out-file=%q{{{FOLDER}}}/count")
SLOWNESS: Final = 50
"""How many times as long everything takes while instructions are counted, about."""

_numbers = iter(range(1, 1_000_000))
_hooks = hooks.instrument_hooks_init()


def start() -> float:
    """Start to measure; return what `stop` takes."""
    hooks.callgrind_start_instrumentation()
    return time.process_time()


def stop(began: float) -> float:
    """Return the seconds of this process on the processor since the start, or its instructions."""
    if COUNTED_IN is None:
        return time.process_time() - began
    hooks.callgrind_stop_instrumentation()
    hooks.instrument_hooks_set_executed_benchmark(_hooks, os.getpid(), b"turn")
    written = Path(COUNTED_IN, f"count.{next(_numbers)}").read_text(encoding="ascii", errors="replace")
    return int(re.findall(r"^totals: (\d+)$", written, re.MULTILINE)[0])
