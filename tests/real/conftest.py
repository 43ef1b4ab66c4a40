"""Fixtures: Home Assistants in processes of their own."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from itertools import count
from pathlib import Path

import pytest

from .demo import demo_home
from .home import RealHome, real_home

type StartHome = Callable[[str], Awaitable[RealHome]]


@pytest.fixture
async def start_home(socket_enabled: None, tmp_path: Path) -> AsyncIterator[StartHome]:
    """Return a function that starts a home with a configuration; all of them stop in the end."""
    numbers = count(1)
    async with AsyncExitStack() as stack:

        async def start(configuration: str) -> RealHome:
            folder = tmp_path / f"home{next(numbers)}"
            folder.mkdir()
            (folder / "configuration.yaml").write_text(configuration, encoding="utf-8")
            return await stack.enter_async_context(real_home(folder))

        yield start


@pytest.fixture
async def demo(socket_enabled: None, tmp_path: Path) -> AsyncIterator[RealHome]:
    """Start the home of the demo."""
    async with demo_home(tmp_path) as home:
        yield home
