"""Whatever comes to the doors, they answer, and nothing breaks: random requests over real HTTP.

`scripts/test-slow` sends many more.
"""

import json
import string
from typing import Any

from homeassistant.core import HomeAssistant
from hypothesis import given, strategies as st
import pytest

from custom_components.datastream_bot.bot import Bot

from .conftest import AddBot, Home
from .doors import OPEN, Client, open_doors
from .streams import add_stream, row

KEYS = st.sampled_from(["address", "content", "feed", "sender", "on", "times", "data"]) | st.text(max_size=5)
ADDRESSES = st.sampled_from(["toggle_everything", "send_push_notification", "doorbell", "news", "nowhere"])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | ADDRESSES,
    lambda children: st.lists(children, max_size=4) | st.dictionaries(KEYS, children, max_size=4),
    max_leaves=20,
)
MESSAGES = st.fixed_dictionaries({"address": ADDRESSES, "content": st.dictionaries(KEYS, VALUES, max_size=4)})
TEXTS = (MESSAGES | st.dictionaries(KEYS, VALUES, max_size=4) | VALUES).map(lambda value: json.dumps(value).encode())


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """Draw a body that was JSON until something happened to it."""
    body = bytearray(draw(TEXTS))
    for _ in range(draw(st.integers(0, 4))):
        start = draw(st.integers(0, len(body)))
        body[start : start + draw(st.integers(0, 5))] = draw(st.binary(max_size=5) | TEXTS)
    return bytes(body)


LONG = st.binary(min_size=1, max_size=3).map(lambda piece: piece * 12_000)
BODIES = TEXTS | damaged() | st.binary(max_size=200) | LONG
# Home Assistant itself refuses URLs that look like an attack.
QUERIES = st.none() | ADDRESSES | st.text("aZ0_-.\u00e9 ", max_size=5)
SIGNED = ("Id", "Signature", "Timestamp")
HEADERS = st.dictionaries(
    # Not Content-Encoding: of a body that is not what it says, the server itself complains, whatever the path.
    st.sampled_from(
        ["Content-Type", *(f"X-Datastream-{name}" for name in SIGNED), *(f"webhook-{name}" for name in SIGNED)]
    ),
    st.sampled_from(["application/json", "application/json; charset=utf-16", "text/plain", "0", "1795000000"])
    | st.text(string.printable.strip(), max_size=8),
    max_size=2,
)


@pytest.fixture
async def paths(hass: HomeAssistant, home: Home, add_bot: AddBot, hass_access_token: str) -> list[tuple[str, Any]]:
    """Return the doors of a bot, with the headers that each needs; none has a limit."""
    bot: Bot = await open_doors(await add_bot("Home"), webhook=OPEN, cloud_api=OPEN)
    await add_stream(bot, "doorbell", fields=[row("times", "number", required=True), row("data", "object")])
    await add_stream(bot, "news", actions=[{"event": "news", "event_data": {"text": "{{ content }}"}}])
    doors = bot.entry.options["doors"]
    unlimited = {**bot.entry.options, "doors": {**doors, "limits": {"rate": 1e9, "burst": 1e9}}}
    hass.config_entries.async_update_entry(bot.entry, options=unlimited)
    await hass.async_block_till_done()
    return [
        (f"/api/webhook/{doors['webhook']['webhook_id']}", {}),
        ("/api/datastream_bot/Home/stream", {"Authorization": f"Bearer {hass_access_token}"}),
        ("/cloud/appstore/stream", {"API_KEY": hass_access_token}),
    ]


@pytest.mark.warns
@pytest.mark.usefixtures("no_stack_traces")
@given(door=st.integers(0, 2), body=BODIES, query=QUERIES, headers=HEADERS)
async def test_every_request_is_answered(
    client: Client,
    caplog: pytest.LogCaptureFixture,
    paths: list[tuple[str, Any]],
    door: int,
    body: bytes,
    query: str | None,
    headers: dict[str, str],
) -> None:
    """With a receipt or with a reason, never with an error of our own."""
    path, needed = paths[door]
    params = {} if query is None else {"address": query}
    headers = {"Content-Type": "application/json", **headers, **needed}

    response = await client.post(path, data=body, params=params, headers=headers)

    answer = await response.json()
    assert response.status in {200, 400, 404, 413, 415}
    assert ("message_id" in answer) is (response.status == 200)
    assert ("code" in answer and answer["message"] != "") is (response.status != 200)
    assert not [record for record in caplog.records if record.exc_info and record.levelname == "ERROR"]
