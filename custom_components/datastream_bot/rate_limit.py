"""The rate limit: a token bucket, and the limits that a bot's user may set."""

from collections.abc import Hashable, Mapping
from typing import Any, Final

from homeassistant.helpers.selector import NumberSelector, NumberSelectorConfig, NumberSelectorMode
import voluptuous as vol

LIMITS: Final = "limits"
RATE: Final = "rate"
BURST: Final = "burst"

LIMITS_FORM: Final[Mapping[vol.Marker, Any]] = {
    vol.Required(RATE, default=10): NumberSelector(NumberSelectorConfig(min=1, max=100, mode=NumberSelectorMode.BOX)),
    vol.Required(BURST, default=50): NumberSelector(NumberSelectorConfig(min=1, max=1000, mode=NumberSelectorMode.BOX)),
}
"""How many messages a second come through a door, and how many at once."""


class TokenBucket:
    """A bucket that a token falls into at a steady rate, until it is full."""

    __slots__ = ("_burst", "_filled_at", "_rate", "_tokens")

    def __init__(self, *, rate: float, burst: int) -> None:
        """Initialize the bucket, full.

        Args:
            rate: Tokens a second.
            burst: How many tokens it holds.

        """
        self._rate = rate
        self._burst = float(burst)
        self._tokens = self._burst
        self._filled_at = 0.0

    def take(self, now: float) -> float:
        """Take a token and return 0, or return after how many seconds there will be one.

        Args:
            now: Seconds of a clock that never goes back.

        """
        if wait := self._wait(now):
            return wait
        self._tokens -= 1
        return 0.0

    def reserve(self, now: float, longest: float) -> float | None:
        """Take a token that there may be only later, and return after how many seconds, or None if that is too long.

        Args:
            now: Seconds of a clock that never goes back.
            longest: How many seconds are too long.

        """
        if (wait := self._wait(now)) > longest:
            return None
        self._tokens -= 1
        return wait

    def _wait(self, now: float) -> float:
        """Return after how many seconds there is a token."""
        self._tokens = min(self._burst, self._tokens + (now - self._filled_at) * self._rate)
        self._filled_at = now
        return max(0.0, (1 - self._tokens) / self._rate)


class TokenBuckets:
    """A bucket for each of those who share a rate limit; only so many are remembered."""

    def __init__(self, *, rate: float, burst: int, maximum: int) -> None:
        """Initialize the buckets.

        Args:
            rate: Tokens a second for each.
            burst: How many tokens each bucket holds.
            maximum: How many buckets are remembered, those used last.

        """
        self._rate = rate
        self._burst = burst
        self._maximum = maximum
        self._buckets: dict[Hashable, TokenBucket] = {}

    def take(self, key: Hashable, now: float) -> float:
        """Take a token from the bucket of a key and return 0, or return after how many seconds there will be one."""
        return self.of(key).take(now)

    def of(self, key: Hashable) -> TokenBucket:
        """Return the bucket of a key."""
        bucket = self._buckets.pop(key, None) or TokenBucket(rate=self._rate, burst=self._burst)
        self._buckets[key] = bucket
        if len(self._buckets) > self._maximum:
            del self._buckets[next(iter(self._buckets))]
        return bucket
