"""Starts the home of the demo with a bot in it, for a person to log in."""

import asyncio
from pathlib import Path
import signal
import sys
import tempfile

from tests.real.demo import DOORBELL, demo_home
from tests.real.home import PASSWORD, USERNAME, HomeError


async def main() -> None:
    """Run Home Assistant until somebody stops this."""
    if (task := asyncio.current_task()) is not None:
        for closing in (signal.SIGTERM, signal.SIGHUP):
            asyncio.get_running_loop().add_signal_handler(closing, task.cancel)
    print("Starting Home Assistant ...", flush=True)
    with tempfile.TemporaryDirectory(prefix="datastream-bot-", ignore_cleanup_errors=True) as folder:
        async with demo_home(Path(folder)) as home:
            # Nobody wants to wait a minute for what happens when the last has left.
            bot = await home.add_bot(more={"settling": 1})
            await home.add_data_stream(bot, DOORBELL)
            print(f"Log in at {home.url}/play-here as {USERNAME} with the password {PASSWORD}.")
            print("Ctrl-C stops it, and deletes what was saved in it.", flush=True)
            await home.keep_running()


if __name__ == "__main__":
    try:
        asyncio.run(main())
    except HomeError as err:
        sys.exit(f"The demo cannot go on: {err}")
    except KeyboardInterrupt, asyncio.CancelledError:
        print("Home Assistant is stopped.")
