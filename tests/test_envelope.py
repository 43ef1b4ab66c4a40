"""What comes over the wire, whatever it is."""

from contextlib import suppress
import json
from typing import Any

from hypothesis import given, strategies as st
import pytest

from custom_components.datastream_bot.mqtt.envelope import Envelope, EnvelopeError, Kind, Sender, decode

SENDER = Sender(home="cottage", bot="1", name="Bot")
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=6,
)
RIGHT: dict[str, Any] = {
    "version": 1,
    "kind": "message",
    "sender": {"home": "cottage", "bot": "1", "name": "Bot"},
    "time": 1.0,
    "to": None,
    "id": "1",
    "number": 2,
    "after": 1,
    "expires": 2.0,
    "hops": 0,
    "address": "news",
    "content": {},
    "newest": 1,
    "ask": True,
    "mark": "1",
    "receipt": {"handled": [{"bot": "b", "config_entry_id": "c", "receiver": "r"}], "failed": [], "running": []},
}


@given(payload=st.binary(max_size=300))
def test_bytes_are_an_envelope_or_refused(payload: bytes) -> None:
    """Nothing else comes of them."""
    with suppress(EnvelopeError):
        decode(payload)


@given(
    kind=st.sampled_from([*Kind]),
    different=st.dictionaries(st.sampled_from([*RIGHT]), VALUES, max_size=3),
    missing=st.sets(st.sampled_from([*RIGHT]), max_size=2),
)
def test_json_is_an_envelope_or_refused(kind: Kind, different: dict[str, Any], missing: set[str]) -> None:
    """And an envelope is what it says."""
    said = {key: value for key, value in (RIGHT | {"kind": kind} | different).items() if key not in missing}
    with suppress(EnvelopeError):
        envelope = decode(json.dumps(said).encode(errors="replace"))
        assert envelope.kind in Kind
        assert isinstance(envelope.sender.key, str)
        assert decode(envelope.encode()).data == envelope.data


def test_what_is_encoded_can_be_decoded() -> None:
    """Keys that a later version may add are left out."""
    hello = Envelope(kind=Kind.HELLO, sender=SENDER, time=5.0, to="2", data={"ask": True, "mark": "1"})
    told = {**json.loads(hello.encode()), "mood": "fine"}
    decoded = decode(json.dumps(told).encode())
    assert decoded.size > 0
    assert (decoded.kind, decoded.sender, decoded.time, decoded.to) == (Kind.HELLO, SENDER, 5.0, "2")
    assert decoded.data == {"ask": True, "mark": "1"}


def test_a_result_that_no_answer_could_carry_is_refused() -> None:
    """It would break whatever it is put into."""
    result: dict[str, Any] = {}
    for _ in range(300):
        result = {"deeper": result}
    receipt = RIGHT["receipt"] | {"handled": [RIGHT["receipt"]["handled"][0] | {"result": result}]}
    for wrong in (receipt, RIGHT["receipt"] | {"handled": [RIGHT["receipt"]["handled"][0] | {"result": 1}]}):
        with pytest.raises(EnvelopeError, match="not_valid"):
            decode(json.dumps({**RIGHT, "kind": "answer", "receipt": wrong}))


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "answer", "receipt": {"handled": [{}] * 51, "failed": [], "running": []}},
        {"directed": {str(number): 1 for number in range(501)}},
        {"directed": {"a": -1}},
        {"directed": []},
    ],
)
def test_what_would_take_long_to_read_is_refused_at_once(wrong: dict[str, Any]) -> None:
    """However much is wrong with it."""
    with pytest.raises(EnvelopeError, match="not_valid"):
        decode(json.dumps({**RIGHT, **wrong}))
