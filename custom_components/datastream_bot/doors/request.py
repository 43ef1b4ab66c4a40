"""Requests over HTTP: read into an address and a content, within limits, or refused."""

import asyncio
from codecs import BOM_UTF8
from collections import Counter
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPMethod, HTTPStatus
import json
import re
from typing import Any, Final

from aiohttp import StreamReader
from aiohttp.hdrs import ALLOW, CONTENT_ENCODING, CONTENT_TYPE
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.web import Request, RequestPayloadError
from homeassistant.const import CONTENT_TYPE_JSON
from multidict import MultiMapping

from ..channel import JsonSchema
from ..errors import MessageError
from ..messaging.content import MAX_CONTENT_BYTES, MAX_CONTENT_DEPTH
from ..messaging.message import checked_address
from ..messaging.schema import SchemaError
from .door import DoorError

MAX_BODY_BYTES: Final = MAX_CONTENT_BYTES
BODY_TIMEOUT: Final = 10
"""Seconds that a sender has for the whole of a body."""

_BROKEN: Final = (OSError, HttpProcessingError, RequestPayloadError)
"""The errors of the server when a body does not arrive as it was announced."""

_CHARSET: Final = re.compile(r""";\s*charset\s*=\s*["']?([^"';\s]+)""", re.IGNORECASE)
_UTF_8: Final = frozenset({"utf-8", "utf8", "us-ascii", "ascii"})
"""The names of UTF-8, and of what is a part of it."""

_ADDRESS: Final = "address"
_CONTENT: Final = "content"
_FEED: Final = "feed"
_SHOWN: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """What a request asks to be sent: an address that is valid, and content that nobody has checked."""

    address: str
    content: object


def check_method(request: Request, method: HTTPMethod) -> None:
    """Check that a request has a method.

    Raises:
        DoorError: It has another one.

    """
    if request.method != method:
        raise DoorError(
            HTTPStatus.METHOD_NOT_ALLOWED, {ALLOW: method}, translation_key="method_not_allowed", method=method
        )


def check_request_form(request: Request) -> None:
    """Check that a request is a POST of JSON in UTF-8.

    Raises:
        DoorError: It is not.

    """
    check_method(request, HTTPMethod.POST)
    if encoding := request.headers.get(CONTENT_ENCODING):
        raise DoorError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, translation_key="body_encoded", encoding=encoding)
    content_type = request.headers.get(CONTENT_TYPE, "")
    if content_type.partition(";")[0].strip().lower() != CONTENT_TYPE_JSON and request.body_exists:
        raise DoorError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, translation_key="media_type_unsupported")
    if (charset := _CHARSET.search(content_type)) and charset[1].lower() not in _UTF_8:
        raise DoorError(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE, translation_key="charset_unsupported", charset=charset[1][:_SHOWN]
        )


async def async_read_body(request: Request) -> bytes:
    """Read the body of a request, but no more than it may have.

    Raises:
        DoorError: It is too large, too slow, or does not arrive in one piece.

    """
    # Requests that come through Home Assistant's cloud start from the beginning with each access to their content.
    stream, body = request.content, bytearray()
    if isinstance(stream, StreamReader) and stream.is_eof() and stream.total_bytes <= MAX_BODY_BYTES:
        # Most bodies have arrived as a whole.
        return stream.read_nowait()
    try:
        async with asyncio.timeout(BODY_TIMEOUT):
            while chunk := await stream.read(MAX_BODY_BYTES + 1 - len(body)):
                body += chunk
                if len(body) > MAX_BODY_BYTES:
                    raise DoorError(
                        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                        translation_key="body_too_large",
                        max_kib=MAX_BODY_BYTES // 1024,
                    )
    except TimeoutError as err:
        raise DoorError(HTTPStatus.REQUEST_TIMEOUT, translation_key="body_too_slow", seconds=BODY_TIMEOUT) from err
    except _BROKEN as err:
        raise DoorError(HTTPStatus.BAD_REQUEST, translation_key="body_broken") from err
    return bytes(body)


async def async_read_a_little(request: Request) -> None:
    """Read as much as Home Assistant reads of a request to a webhook that is not there."""
    with suppress(*_BROKEN):
        await request.content.read(64)


def read_message(query: MultiMapping[str], body: bytes) -> Received:
    """Read `{"address": …, "content": …}`, the same with `feed`, or only the content when the query has the address.

    Raises:
        MessageError: It is none of these.

    """
    data = _decoded(body)
    if _ADDRESS in query:
        return Received(address=_address_in(query), content=data)
    _refuse_others(data, {_ADDRESS, _CONTENT, _FEED})
    if _CONTENT in data and _FEED in data:
        raise MessageError(translation_key="content_twice")
    if _ADDRESS not in data:
        raise MessageError(translation_key="address_missing")
    return Received(address=checked_address(data[_ADDRESS]), content=data.get(_CONTENT, data.get(_FEED)))


def message_schema(address: str, content: JsonSchema) -> JsonSchema:
    """Return the JSON Schema of a body for `read_message`, with the address in it."""
    return _object_schema({_ADDRESS: {"type": "string", "const": address}, _CONTENT: content})


def read_feed(query: MultiMapping[str], body: bytes) -> Received:
    """Read `{"feed": …}` with the address in the query, as BotLab's scripts send it.

    Raises:
        MessageError: It is something else.

    """
    data = _decoded(body)
    _refuse_others(data, {_FEED})
    return Received(address=_address_in(query), content=data.get(_FEED))


def feed_schema(address: str, content: JsonSchema) -> JsonSchema:
    """Return the JSON Schema of a body for `read_feed`."""
    return _object_schema({_FEED: content})


def feed_query(address: str) -> JsonSchema:
    """Return the JSON Schema of the query for `read_feed`."""
    return _object_schema({_ADDRESS: {"type": "string", "const": address}})


def _object_schema(properties: dict[str, JsonSchema]) -> JsonSchema:
    return {"type": "object", "properties": properties, "required": [*properties], "additionalProperties": False}


def refusal(err: MessageError) -> tuple[dict[str, Any], HTTPStatus, Mapping[str, str]]:
    """Return what to answer to a message that was refused: the body, the HTTP status and the headers."""
    told: dict[str, Any] = {"code": err.code, "message": str(err)}
    if isinstance(err, SchemaError):
        told["faults"] = err.as_dicts()
    if isinstance(err, DoorError):
        return told, err.status, err.headers
    too_large = err.code == "content_too_large"
    return told, HTTPStatus.REQUEST_ENTITY_TOO_LARGE if too_large else HTTPStatus.BAD_REQUEST, {}


def _decoded(body: bytes) -> dict[str, Any]:
    """Return the JSON object of a body; no body is an empty one."""
    if not body:
        return {}
    try:
        # Programs on Windows begin what they write with a byte order mark.
        data = _DECODER.decode(body.removeprefix(BOM_UTF8).decode())
    except RecursionError as err:
        raise MessageError(translation_key="content_too_deep", max_depth=MAX_CONTENT_DEPTH) from err
    except ValueError as err:
        raise MessageError(translation_key="body_not_json", problem=err) from err
    if not isinstance(data, dict):
        raise MessageError(translation_key="body_not_object")
    return data


def _object_of(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return the object of these keys and values, and refuse a key that comes twice."""
    data = dict(pairs)
    if len(data) < len(pairs):
        ((twice, _),) = Counter(name for name, _ in pairs).most_common(1)
        raise MessageError(translation_key="body_key_twice", key=repr(twice))
    return data


_DECODER: Final = json.JSONDecoder(object_pairs_hook=_object_of)


def _refuse_others(data: Collection[str], known: Collection[str]) -> None:
    """Refuse keys beside the known ones: their sender expects something of them."""
    if others := [key for key in data if key not in known]:
        keys = ", ".join(repr(key) for key in others[:_SHOWN])
        raise MessageError(translation_key="body_keys_unknown", keys=keys, known=", ".join(sorted(known)))


def _address_in(query: MultiMapping[str]) -> str:
    addresses = query.getall(_ADDRESS, [])
    if len(addresses) > 1:
        raise MessageError(translation_key="address_twice")
    if not addresses:
        raise MessageError(translation_key="address_missing")
    return checked_address(addresses[0])
