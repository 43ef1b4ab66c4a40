"""What a message may be, and what happens to one that may not."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from homeassistant.core import Context, HomeAssistant
import pytest

from custom_components.datastream_bot.errors import MessageError
from custom_components.datastream_bot.messaging.content import checked_content
from custom_components.datastream_bot.messaging.message import Message, checked_address
from custom_components.datastream_bot.messaging.router import Router


def nested(levels: int) -> dict[str, Any]:
    """Return content of so many levels."""
    content: dict[str, Any] = {}
    for _ in range(levels - 1):
        content = {"deeper": content}
    return content


def doubling() -> list[Any]:
    """Return a list that is small in memory and beyond all bounds as JSON."""
    value: list[Any] = []
    for _ in range(14):
        value = [value] * 100
    return value


def endless() -> dict[str, Any]:
    """Return content that contains itself."""
    content: dict[str, Any] = {}
    content["itself"] = content
    return content


async def sent(hass: HomeAssistant, content: object = None, **envelope: Any) -> Message:
    """Send a message, and return it."""
    return (await Router(hass).async_dispatch("news", content, origin="action", **envelope)).message


@pytest.mark.parametrize("address", ["a", "toggle_everything", "Living-Room.lamp_2", "x" * 64])
def test_an_address_is_a_letter_and_then_letters_digits_and_joiners(address: str) -> None:
    """Addresses of the allowed form are taken as they are."""
    assert checked_address(address) == address


@pytest.mark.parametrize(
    "address",
    [
        "",
        "x" * 65,
        "two words",
        " padded",
        "line\n",
        "../x",
        "__init__",
        "1st",
        "tоggle_everything",  # noqa: RUF001 - the first o is Cyrillic
        "ｔoggle",  # noqa: RUF001 - the t is full width
        "café",
        "news\x00",
        None,
        7,
        ["news"],
        {"news": 1},
    ],
)
def test_any_other_address_is_refused(address: object) -> None:
    """The error shows the address."""
    with pytest.raises(MessageError) as refused:
        checked_address(address)
    assert refused.value.translation_key == "invalid_address"
    assert refused.value.translation_placeholders == {"address": repr(address), "max_length": "64"}


@pytest.mark.parametrize(
    ("content", "problem", "told"),
    [
        ("on", "content_not_object", "text"),
        ([1, 2], "content_not_object", "a list"),
        ((1, 2), "content_not_object", "a list"),
        (7, "content_not_object", "a number"),
        (1.5, "content_not_object", "a number"),
        (True, "content_not_object", "true or false"),
        ({"text": "x" * 33 * 1024}, "content_too_large", "32"),
        ({"list": [0] * 40_000}, "content_too_large", "32"),
        ({"doubling": doubling()}, "content_too_large", "32"),
        (nested(17), "content_too_deep", "16"),
        (endless(), "content_too_deep", "16"),
        ({"a": [1, {"b": float("nan")}]}, "content_not_json", "content.a[1].b"),
        ({"a": float("-inf")}, "content_not_json", "content.a"),
        ({"a": {1, 2}}, "content_not_json", "content.aa set"),
        ({"a": b"bytes"}, "content_not_json", "content.abytes"),
        ({"a": datetime(2026, 11, 22, tzinfo=UTC)}, "content_not_json", "content.aa date and time"),
        ({"a": date(2026, 11, 22)}, "content_not_json", "content.aa date"),
        ({"a": time(7)}, "content_not_json", "content.aa time"),
        ({"a": timedelta(1)}, "content_not_json", "content.aa duration"),
        ({"a": object()}, "content_not_json", "content.asomething else"),
        ({"a": 2**64}, "content_not_json", "an integer beyond 64 bits"),
        ({"a": "\ud800"}, "content_not_json", "text that is not Unicode"),
        ({1: "one"}, "content_key_not_text", "1"),
        ({"a": {None: "none"}}, "content_key_not_text", "content.a"),
    ],
)
def test_content_that_json_cannot_carry_is_refused(content: object, problem: str, told: str) -> None:
    """The error says which limit it breaks, or where and what it is."""
    with pytest.raises(MessageError) as refused:
        checked_content(content)
    assert refused.value.translation_key == problem
    assert told in "".join((refused.value.translation_placeholders or {}).values())


@pytest.mark.parametrize(
    ("content", "carried"),
    [
        (None, {}),
        ({}, {}),
        (nested(16), nested(16)),
        ({"a": (1, 2)}, {"a": [1, 2]}),
        (
            {"a": None, "b": True, "c": 1.5, "d": -(2**63), "e": "é\n"},
            {"a": None, "b": True, "c": 1.5, "d": -(2**63), "e": "é\n"},
        ),
        ({"id": "mine", "sender": "me", "hops": 99}, {"id": "mine", "sender": "me", "hops": 99}),
        ({"x": "y" * (32 * 1024 - 8)}, {"x": "y" * (32 * 1024 - 8)}),
    ],
)
def test_any_json_object_within_the_limits_is_content(content: object, carried: dict[str, Any]) -> None:
    """No key is reserved, and exactly the limit is within it."""
    assert checked_content(content) == carried


def test_many_values_are_content_as_well_as_few() -> None:
    """As long as all of them fit."""
    content = {f"value_{number}": number for number in range(1500)}
    assert checked_content(content) == content


async def test_a_message_does_not_change_with_what_it_was_made_of(hass: HomeAssistant) -> None:
    """The sender may go on using its content, and so may each receiver."""
    content = {"list": [1]}
    message = await sent(hass, content)
    content["list"].append(2)
    copy = message.copy()
    copy.content["list"].append(3)

    assert message.content == {"list": [1]}
    assert message.copy().content == {"list": [1]}
    with pytest.raises(AttributeError):
        message.envelope.hops = 7  # type: ignore[misc]


async def test_a_message_has_a_context_of_its_own_for_the_user_who_sent_it(hass: HomeAssistant) -> None:
    """Two messages of one script can be told apart, and both lead back to it."""
    context = Context(user_id="anna")
    first, second = await sent(hass, context=context), await sent(hass, context=context)

    assert first.context.user_id == "anna"
    assert first.context.parent_id == second.context.parent_id == context.id
    assert len({first.message_id, second.message_id, context.id}) == 3


@pytest.mark.parametrize(
    ("sender", "internal", "external", "problem"),
    [
        ("bot", False, False, "nowhere_to_go"),
        (None, False, False, "internal_needs_bot"),
        (None, True, False, "internal_needs_bot"),
    ],
)
async def test_a_message_that_could_reach_nobody_is_refused(
    hass: HomeAssistant, sender: str | None, internal: bool, external: bool, problem: str
) -> None:
    """Whoever sends it has misunderstood something."""
    with pytest.raises(MessageError) as refused:
        await sent(hass, sender=sender, internal=internal, external=external)
    assert refused.value.translation_key == problem
