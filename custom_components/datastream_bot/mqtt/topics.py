"""The topics of MQTT: who speaks on which, and who listens there.

Every topic carries the home of whoever speaks on it, so that a broker can hold each home to its own name.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
import re
from typing import Any, Final

from ..const import DOMAIN
from ..errors import MessageError
from ..messaging.message import Scope

ALL_HOMES: Final = "all"

CONF_HOME: Final = "home"
CONF_ORGANIZATION: Final = "organization"
CONF_ROLE: Final = "role"

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


class Role(StrEnum):
    """What a bot speaks for."""

    HOME = "home"
    ORGANIZATION = "organization"


def is_name(name: str) -> bool:
    """Return whether an organization or a home may be called this."""
    return _NAME.fullmatch(name) is not None and name != ALL_HOMES


def mark_of(home: str) -> str:
    """Return what stands for a home where all others can read it."""
    return sha256(home.encode()).hexdigest()[:8]


@dataclass(frozen=True, slots=True, kw_only=True)
class Membership:
    """Whom a bot speaks for.

    Attributes:
        organization: Name of the organization.
        home: Name of the home, or None for the organization itself.

    """

    organization: str
    home: str | None

    @property
    def own_topic(self) -> str:
        """Return the topic on which bots speak among themselves: those of a home, or those of the organization."""
        return self._topic("organization/bots" if self.home is None else f"homes/{self.home}/location")

    @property
    def wide_topic(self) -> str:
        """Return the topic on which a home speaks to the organization, or the organization to all homes."""
        return self._topic("organization/all" if self.home is None else f"homes/{self.home}/organization")

    @property
    def subscriptions(self) -> tuple[str, ...]:
        """Return the topics to listen to."""
        if self.home is None:
            return self._topic("homes/+/organization"), self.own_topic
        return self._topic(f"organization/homes/{self.home}"), self._topic("organization/all"), self.own_topic

    def topic_to(self, home: str | None) -> str:
        """Return the topic on which the bots of a home, or those of the organization, can be spoken to."""
        if home == self.home:
            return self.own_topic
        return self.wide_topic if home is None else self._topic(f"organization/homes/{home}")

    def hearers_on(self, topic: str) -> str | None:
        """Return whose bots hear what is said on a topic: the name of a home, `all`, or None for the organization."""
        if topic == self.own_topic:
            return self.home
        if topic == self.wide_topic:
            return None if self.home is not None else ALL_HOMES
        return topic.rpartition("/")[2]

    def reaching(self, topic: str) -> tuple[str, ...]:
        """Return the topics on which whoever can be spoken to on a topic hears what is said."""
        return (topic,) if self.home is not None or topic == self.own_topic else (topic, self.wide_topic)

    def speaker_on(self, topic: str) -> str | None:
        """Return whose bots alone may speak on a topic that is listened to: the name of a home, or the organization."""
        _, _, kind, name, *_ = topic.split("/")
        return name if kind == "homes" else None

    def topics_for(self, scopes: Collection[Scope] | None, homes: Collection[str] | None) -> tuple[str, ...]:
        """Return the topics that a message goes out on.

        Args:
            scopes: Whose bots it is for; without scopes and homes, those that speak for the same.
            homes: Which homes it is for, or `all` among them.

        Raises:
            MessageError: It cannot be sent there.

        """
        if homes and self.home is not None:
            raise MessageError(translation_key="homes_need_organization")
        if scopes and Scope.LOCATION in scopes and self.home is None:
            raise MessageError(translation_key="organization_has_no_location")
        if scopes is None and homes is None:
            return (self.own_topic,)
        return (*self._of_scopes(scopes or ()), *self._of_homes(homes or ()))

    def _of_scopes(self, scopes: Collection[Scope]) -> Iterator[str]:
        if Scope.LOCATION in scopes:
            yield self.own_topic
        if Scope.ORGANIZATION in scopes:
            yield self.topic_to(None)

    def _of_homes(self, homes: Collection[str]) -> Iterator[str]:
        if ALL_HOMES in homes:
            yield self.wide_topic
            return
        for home in dict.fromkeys(homes):
            if not is_name(home):
                raise MessageError(translation_key="home_name_not_valid", home=repr(home))
            yield self.topic_to(home)

    def _topic(self, path: str) -> str:
        return f"{DOMAIN}/{self.organization}/{path}"


def membership_of(settings: Mapping[str, Any]) -> Membership:
    """Return whom a bot speaks for, as the form of its doors says."""
    is_home = settings[CONF_ROLE] == Role.HOME
    return Membership(organization=settings[CONF_ORGANIZATION], home=settings[CONF_HOME] if is_home else None)
