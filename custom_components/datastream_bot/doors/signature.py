"""The signature of a request: who sent it knows the secret, sent it just now, and sent exactly this."""

from collections.abc import Mapping
import hashlib
import hmac
import re
from typing import Final

HEADER_SIGNATURE: Final = "X-Datastream-Signature"
HEADER_TIMESTAMP: Final = "X-Datastream-Timestamp"
MAX_SKEW: Final = 300
"""Seconds that the sender's clock may be off."""

_TIMESTAMP: Final = re.compile(r"[0-9]{1,12}(\.[0-9]{1,9})?")


def sign(secret: str, timestamp: str, body: bytes) -> str:
    """Return the HMAC-SHA256 of the time stamp, a dot, and the body, in hexadecimal digits."""
    return hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()


def could_be_signed(headers: Mapping[str, str], now: float) -> bool:
    """Return whether a request, of which only the headers are known, has a fresh time stamp and a signature."""
    timestamp = headers.get(HEADER_TIMESTAMP, "")
    if HEADER_SIGNATURE not in headers or not _TIMESTAMP.fullmatch(timestamp):
        return False
    return abs(now - float(timestamp)) <= MAX_SKEW


def checked_signature(secret: str, headers: Mapping[str, str], body: bytes) -> str | None:
    """Return the signature of a request that could be signed, when it is right.

    Args:
        secret: What sender and receiver know.
        headers: Those of the request: the signature, and the time stamp in seconds since 1970. Its fraction tells apart
            what is sent twice in a second.
        body: That of the request.

    """
    expected = sign(secret, headers[HEADER_TIMESTAMP], body)
    received = headers[HEADER_SIGNATURE].removeprefix("sha256=")
    return expected if hmac.compare_digest(expected.encode(), received.encode(errors="replace")) else None
