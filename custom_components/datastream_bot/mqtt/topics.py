"""The topics of MQTT: who speaks to whom on which, and where a receipt may go.

Every topic names the home that speaks, so that a broker can hold each home to its own name.
"""

from dataclasses import dataclass
from enum import StrEnum, auto
import re
from typing import Final, NamedTuple

from ..const import DOMAIN
from ..errors import MessageError
from ..messaging.message import DEFAULT_ROUTE, Route, Scope

ALL_HOMES: Final = "all"
ORGANIZATION: Final = "organization"
"""What the organization is called where homes have their names."""

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_RECEIPT: Final = re.compile(r"([^/+#\0]{1,255}/)?receipt/[^/+#\0]{1,255}")


class Kind(StrEnum):
    """What is said on a topic."""

    MESSAGE = auto()
    RECEIPT = auto()
    STATUS = auto()


class Said(NamedTuple):
    """What a topic tells of what is said on it.

    Attributes:
        kind: What it is.
        speaker: Name of the home that speaks, which the broker vouches for.
        what: The address of a message; the bot that answers, or whose status it is.
        is_to_all: Whether a message is to whoever listens at a home, and not to one bot.

    """

    kind: Kind
    speaker: str
    what: str
    is_to_all: bool = False


def is_name(name: str) -> bool:
    """Return whether an organization or a home may be called this."""
    return _NAME.fullmatch(name) is not None and name not in (ALL_HOMES, ORGANIZATION, Kind.STATUS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Membership:
    """Whom a bot speaks for: a home of an organization, or `organization` itself."""

    organization: str
    home: str

    def listened_to(self, bot_id: str) -> tuple[list[str], list[str]]:
        """Return the topics that a bot listens to: those of messages and receipts, and those of statuses."""
        if self.home == ORGANIZATION:
            said, statuses = ["+/organization"], ["+"]
        else:
            said = [f"{self.home}/{self.home}", f"organization/{self.home}", "organization/all"]
            statuses = [self.home, ORGANIZATION]
        return (
            [self._topic(path, tail, "#") for path in said for tail in (Kind.MESSAGE, bot_id)],
            [self._topic(home, Kind.STATUS, "+") for home in statuses],
        )

    def status(self, bot_id: str) -> str:
        """Return the topic of the status of a bot of this home."""
        return self._topic(self.home, Kind.STATUS, bot_id)

    def message(self, hearer: str, bot_id: str, address: str) -> str:
        """Return the topic of messages to a bot of a home."""
        return self._topic(self.home, hearer, bot_id, Kind.MESSAGE, address)

    def receipt(self, speaker: str, answering: str, bot_id: str) -> str:
        """Return the topic of receipts that a bot of a home sends to a bot of this home."""
        return self._topic(speaker, self.home, bot_id, Kind.RECEIPT, answering)

    def read(self, topic: str) -> Said | None:
        """Return what a topic that is listened to tells, or None when it is none of these."""
        match topic.split("/"):
            case [_, _, speaker, Kind.STATUS, bot]:
                said = Said(Kind.STATUS, speaker, bot)
            case [_, _, speaker, _, Kind.MESSAGE, address]:
                said = Said(Kind.MESSAGE, speaker, address, is_to_all=True)
            case [_, _, speaker, _, _, Kind.MESSAGE, address]:
                said = Said(Kind.MESSAGE, speaker, address)
            case [_, _, speaker, _, _, Kind.RECEIPT, bot]:
                said = Said(Kind.RECEIPT, speaker, bot)
            case _:
                return None
        return said if said.what and (said.speaker == ORGANIZATION or is_name(said.speaker)) else None

    def may_answer(self, speaker: str, topic: str) -> bool:
        """Return whether a receipt for a home may go to the topic that it asks for.

        Only below what this home says to that one. Otherwise it could have others publish where it may not.
        """
        below = self._topic(self.home, speaker, "")
        return topic.startswith(below) and _RECEIPT.fullmatch(topic, len(below)) is not None

    def hearers(self, route: Route) -> tuple[str, ...]:
        """Return who is to hear a message: names of homes, `organization`, or `all`.

        It raises a `MessageError` if it cannot be sent there.
        """
        scopes, homes = route.scopes or (), route.homes or ()
        if homes and self.home != ORGANIZATION:
            raise MessageError(translation_key="homes_need_organization")
        if Scope.LOCATION in scopes and self.home == ORGANIZATION:
            raise MessageError(translation_key="organization_has_no_location")
        for home in homes:
            if home != ALL_HOMES and not is_name(home):
                raise MessageError(translation_key="home_name_not_valid", home=repr(home))
        if route == DEFAULT_ROUTE:
            return (self.home,)
        of_scopes = {Scope.LOCATION: self.home, Scope.ORGANIZATION: ORGANIZATION}
        named = [ALL_HOMES] if ALL_HOMES in homes else homes
        return tuple(dict.fromkeys([*(hearer for scope, hearer in of_scopes.items() if scope in scopes), *named]))

    def _topic(self, *levels: str) -> str:
        return "/".join((DOMAIN, self.organization, *levels))
