"""The signature of a request, in the headers of this project or in those of Standard Webhooks.

The latter: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

from base64 import b64decode, b64encode
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
import hashlib
import hmac
import re
from typing import Final

HEADER_SIGNATURE: Final = "X-Datastream-Signature"
HEADER_TIMESTAMP: Final = "X-Datastream-Timestamp"

STANDARD_ID: Final = "webhook-id"
STANDARD_SIGNATURE: Final = "webhook-signature"
STANDARD_TIMESTAMP: Final = "webhook-timestamp"

SECRET_PREFIX: Final = "whsec_"  # noqa: S105 - what a secret begins with

MAX_SKEW: Final = 300
"""Seconds that the sender's clock may be off."""

_TIMESTAMP: Final = re.compile(r"[0-9]{1,12}(\.[0-9]{1,9})?")
_STANDARD_TIMESTAMP: Final = re.compile(r"[0-9]{1,12}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What the headers of a request say about its signature, which nobody has verified.

    Attributes:
        timestamp: Seconds since 1970.
        signatures: The signatures, of which one has to be right.
        sign: Returns the right signature of a body with a secret.

    """

    timestamp: str
    signatures: Collection[str]
    sign: Callable[[str, bytes], str]


def sign(secret: str, timestamp: str, body: bytes) -> str:
    """Return the HMAC-SHA256 of the time stamp, a dot, and the body, in hexadecimal digits."""
    return hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()


def sign_by_standard(secret: str, message_id: str, timestamp: str, body: bytes) -> str:
    """Return the signature that Standard Webhooks calls `v1`."""
    key = b64decode(secret.removeprefix(SECRET_PREFIX))
    signed = f"{message_id}.{timestamp}.".encode(errors="replace") + body
    return f"v1,{b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()}"


def is_by_standard(headers: Mapping[str, str]) -> bool:
    """Return whether a request is signed as Standard Webhooks has it; the headers of this project come first."""
    return STANDARD_SIGNATURE in headers and HEADER_SIGNATURE not in headers


def claim_in(headers: Mapping[str, str], now: float) -> Claim | None:
    """Return what the headers of a request say about its signature, or None when it cannot be right and fresh."""
    claim = _standard_claim(headers) if is_by_standard(headers) else _own_claim(headers)
    if claim is None or abs(now - float(claim.timestamp)) > MAX_SKEW:
        return None
    return claim


def right_signatures(claim: Claim, secrets: Iterable[str], body: bytes) -> list[str]:
    """Return the signatures of a body with each of the secrets, or none when the request has none of these.

    All of them, as who records a request with two signatures could send it again with the other one.
    """
    right = [claim.sign(secret, body) for secret in secrets]
    is_right = any(
        hmac.compare_digest(each.encode(), received.encode(errors="replace"))
        for each in right
        for received in claim.signatures
    )
    return right if is_right else []


def _own_claim(headers: Mapping[str, str]) -> Claim | None:
    timestamp = headers.get(HEADER_TIMESTAMP, "")
    # Its fraction tells requests within a second apart.
    if HEADER_SIGNATURE not in headers or not _TIMESTAMP.fullmatch(timestamp):
        return None
    return Claim(
        timestamp=timestamp,
        signatures=[headers[HEADER_SIGNATURE].removeprefix("sha256=")],
        sign=lambda secret, body: sign(secret, timestamp, body),
    )


def _standard_claim(headers: Mapping[str, str]) -> Claim | None:
    message_id, timestamp = headers.get(STANDARD_ID), headers.get(STANDARD_TIMESTAMP, "")
    if message_id is None or not _STANDARD_TIMESTAMP.fullmatch(timestamp):
        return None
    return Claim(
        timestamp=timestamp,
        signatures=headers[STANDARD_SIGNATURE].split(),
        sign=lambda secret, body: sign_by_standard(secret, message_id, timestamp, body),
    )
