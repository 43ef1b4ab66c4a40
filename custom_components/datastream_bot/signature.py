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


def checked_signature(secret: str, headers: Mapping[str, str], body: bytes, now: float) -> str | None:
    """Return the signature of a request when it is right and fresh.

    Args:
        secret: What sender and receiver know.
        headers: Those of the request: the signature, and the time stamp in seconds since 1970. Its fraction tells apart
            what is sent twice in a second.
        body: That of the request.
        now: Seconds since 1970.

    """
    timestamp = headers.get(HEADER_TIMESTAMP, "")
    if not _TIMESTAMP.fullmatch(timestamp):
        return None
    expected = sign(secret, timestamp, body)
    received = headers.get(HEADER_SIGNATURE, "").removeprefix("sha256=")
    is_right = hmac.compare_digest(expected.encode(), received.encode(errors="replace"))
    return expected if is_right and abs(now - float(timestamp)) <= MAX_SKEW else None
