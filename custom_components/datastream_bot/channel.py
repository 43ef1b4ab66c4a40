"""The channel: a way for messages into a bot, as the description for programs has it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

type JsonSchema = dict[str, Any]


def _everybody(remote: str | None) -> bool:
    return True


def _whole_content(address: str, content: JsonSchema) -> JsonSchema:
    return content


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """A way for messages into a bot, in the words of AsyncAPI 3.0. It holds no secret.

    Attributes:
        name: Its name; bots behind the same channel tell the same one.
        title: What people call it.
        address: A path of HTTP, or a topic of MQTT. What is in braces, only the sender knows.
        protocol: `http` or `mqtt`.
        binding: How the protocol is used.
        description: What else the sender has to know.
        parameters: What is in braces, and what it stands for.
        security: What the sender needs one of.
        has_rights_of_bot: Whether messages act with the rights of the bot, and not with those of the sender.
        payload: Returns the JSON Schema of what is sent, with that of the content in it.
        admits: Returns whether it is there for whoever asks from an IP address.

    """

    name: str
    title: str
    address: str
    protocol: str
    binding: Mapping[str, Any]
    description: str = ""
    parameters: Mapping[str, str] = field(default_factory=dict)
    security: tuple[Mapping[str, str], ...] = ()
    has_rights_of_bot: bool = False
    payload: Callable[[str, JsonSchema], JsonSchema] = _whole_content
    admits: Callable[[str | None], bool] = _everybody
