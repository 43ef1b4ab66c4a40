"""The topics of MQTT: who speaks to whom on which, and where a receipt may go.

Every topic names the home that speaks, so that a broker can hold each home to its own name.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from enum import StrEnum
import re
from typing import Final, NamedTuple

from ..const import DOMAIN
from ..errors import MessageError
from ..messaging.message import Route, Scope

ALL_HOMES: Final = "all"
ORGANIZATION: Final = "organization"
"""What the organization is called where homes have their names."""

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_PUBLISHABLE: Final = re.compile(r"[^\x00+#]{1,512}")


class Kind(StrEnum):
    """What is said on a topic."""

    MESSAGE = "message"
    RECEIPT = "receipt"
    STATUS = "status"


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
    """Whom a bot speaks for.

    Attributes:
        organization: Name of the organization.
        home: Name of the home, or `organization`.

    """

    organization: str
    home: str

    @property
    def is_organization(self) -> bool:
        """Return whether the bot speaks for the organization itself."""
        return self.home == ORGANIZATION

    @property
    def place(self) -> str:
        """Return what the organization and the home are called together."""
        return f"{self.organization}/{self.home}"

    def listened_to(self, bot_id: str) -> tuple[list[str], list[str]]:
        """Return the topics that a bot listens to: those of messages and receipts, and those of statuses."""
        if self.is_organization:
            said, statuses = ["+/organization"], ["+"]
        else:
            said = [f"{self.home}/{self.home}", f"organization/{self.home}", "organization/all"]
            statuses = [self.home, ORGANIZATION]
        return (
            [self._topic(f"{path}/{tail}/#") for path in said for tail in (Kind.MESSAGE, bot_id)],
            [self._topic(f"{home}/{Kind.STATUS}/+") for home in statuses],
        )

    def status(self, bot_id: str) -> str:
        """Return the topic of the status of a bot of this home."""
        return self._topic(f"{self.home}/{Kind.STATUS}/{bot_id}")

    def message(self, hearer: str, bot_id: str, address: str) -> str:
        """Return the topic of messages to a bot of a home."""
        return self._topic(f"{self.home}/{hearer}/{bot_id}/{Kind.MESSAGE}/{address}")

    def receipt(self, speaker: str, answering: str, bot_id: str) -> str:
        """Return the topic of receipts that a bot of a home sends to a bot of this home."""
        return self._topic(f"{speaker}/{self.home}/{bot_id}/{Kind.RECEIPT}/{answering}")

    def read(self, topic: str) -> Said | None:
        """Return what a topic that is listened to tells, or None when it is none of these."""
        match topic.split("/"):
            case [_, _, speaker, "status", bot]:
                return Said(Kind.STATUS, speaker, bot)
            case [_, _, speaker, _, "message", address]:
                return Said(Kind.MESSAGE, speaker, address, is_to_all=True)
            case [_, _, speaker, _, _, "message", address]:
                return Said(Kind.MESSAGE, speaker, address)
            case [_, _, speaker, _, _, "receipt", bot]:
                return Said(Kind.RECEIPT, speaker, bot)
        return None

    def may_answer(self, speaker: str, topic: str) -> bool:
        """Return whether a receipt for a home may go to the topic that it asks for.

        Only below what this home says to that one. Otherwise it could have others publish where it may not.
        """
        below = self._topic(f"{self.home}/{speaker}/")
        if not topic.startswith(below) or _PUBLISHABLE.fullmatch(topic) is None:
            return False
        match topic.removeprefix(below).split("/"):
            case ["receipt", _] | [_, "receipt", _]:
                return True
        return False

    def hearers(self, route: Route) -> tuple[str, ...]:
        """Return who is to hear a message: names of homes, `organization`, or `all`.

        Raises:
            MessageError: It cannot be sent there.

        """
        if route.homes and not self.is_organization:
            raise MessageError(translation_key="homes_need_organization")
        if route.scopes and Scope.LOCATION in route.scopes and self.is_organization:
            raise MessageError(translation_key="organization_has_no_location")
        if route.scopes is None and route.homes is None:
            return (self.home,)
        return tuple(dict.fromkeys((*self._of_scopes(route.scopes or ()), *self._of_homes(route.homes or ()))))

    def _of_scopes(self, scopes: Collection[Scope]) -> Iterator[str]:
        if Scope.LOCATION in scopes:
            yield self.home
        if Scope.ORGANIZATION in scopes:
            yield ORGANIZATION

    def _of_homes(self, homes: Collection[str]) -> Iterator[str]:
        for home in homes:
            if home != ALL_HOMES and not is_name(home):
                raise MessageError(translation_key="home_name_not_valid", home=repr(home))
        yield from [ALL_HOMES] if ALL_HOMES in homes else homes

    def _topic(self, path: str) -> str:
        return f"{DOMAIN}/{self.organization}/{path}"
