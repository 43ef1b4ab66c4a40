"""The token bucket: so many at once, and so many a second."""


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
        self._tokens = min(self._burst, self._tokens + (now - self._filled_at) * self._rate)
        self._filled_at = now
        if self._tokens < 1:
            return (1 - self._tokens) / self._rate
        self._tokens -= 1
        return 0.0
