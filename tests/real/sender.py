"""A sender outside the home, whose requests are signed."""

from collections.abc import Mapping
import json
import time
from typing import Any

import aiohttp
from yarl import URL

from custom_components.datastream_bot.doors.signature import sign

from .home import RealHome


class Sender:
    """Sends signed messages to a webhook as its form shows it."""

    def __init__(self, shown: Mapping[str, str], message: Mapping[str, Any]) -> None:
        """Initialize it with the path, the secret, and what it sends."""
        self._path = URL(shown["url"]).path
        self._secret = shown["secret"]
        self._body = json.dumps(message).encode()

    def headers(self, key: str) -> dict[str, str]:
        """Return the headers of a message with an id."""
        timestamp = f"{time.time():.6f}"
        return {
            "Content-Type": "application/json",
            "X-Datastream-Id": key,
            "X-Datastream-Timestamp": timestamp,
            "X-Datastream-Signature": sign(self._secret, timestamp, self._body),
        }

    async def send(self, home: RealHome, headers: Mapping[str, str]) -> Any:
        """Return the receipt of a message, or None for the empty answer of an unknown webhook."""
        async with (
            aiohttp.ClientSession() as session,
            session.post(home.url + self._path, data=self._body, headers=headers) as response,
        ):
            body = await response.text()
            return json.loads(body) if body else None
