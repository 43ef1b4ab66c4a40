"""A small disk, which can be full."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
import subprocess

import pytest


class SmallDisk:
    """A disk that is mounted at a folder."""

    def __init__(self, folder: Path) -> None:
        """Initialize it, with room."""
        self._filler = folder / "filler"

    def fill(self) -> None:
        """Leave no room on it."""
        with self._filler.open("ab", buffering=0) as filler, suppress(OSError):
            while True:
                filler.write(b"0" * 65536)

    def make_room(self) -> None:
        """Leave room on it again."""
        self._filler.unlink()


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator[SmallDisk]:
    """Mount a disk at a folder that is not there yet, and unmount it in the end."""
    folder.mkdir(parents=True)
    if subprocess.call(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder]):  # noqa: S603, S607 - as tests may
        pytest.skip("No disk can be mounted here")
    try:
        yield SmallDisk(folder)
    finally:
        subprocess.check_call(["umount", "--lazy", folder])  # noqa: S603, S607 - as above
