"""The door: a way into one bot from outside Home Assistant, and how much may come through it."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import lru_cache
from http import HTTPStatus
from ipaddress import ip_address
import logging
import math
from typing import Any, ClassVar, Final

from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import CALLBACK_TYPE, Context, HomeAssistant, callback
from homeassistant.helpers.event import async_call_later
from homeassistant.helpers.network import is_cloud_connection
from homeassistant.util.network import is_local
import voluptuous as vol

from ..bot import Bot, DatastreamBotConfigEntry, loaded_bots
from ..const import CONF_DOORS_CLOSED, DOMAIN
from ..data_streams import opens
from ..errors import MessageError
from ..issues import async_create_issue, async_delete_issue
from ..messaging.receipt import Delivery, Outcome, Receipt
from ..messaging.router import Router
from ..rate_limit import BURST, LIMITS, LIMITS_FORM, RATE, TokenBucket
from ..settings import door_settings

_LOGGER = logging.getLogger(__name__)

CONF_LOCAL_ONLY: Final = "local_only"
CONF_OPEN: Final = "open"

MAX_WORKING: Final = 100
"""For how many messages of a door bots may be at work."""

_LOADED_AFTER: Final = 5
_RECEIVER: Final = "door"
_LIMITED_FOR: Final = 60.0


class DoorError(MessageError):
    """A request was refused."""

    def __init__(
        self,
        status: HTTPStatus,
        headers: Mapping[str, str] | None = None,
        *,
        translation_key: str,
        **placeholders: object,
    ) -> None:
        """Initialize the error with the HTTP status and headers of the answer."""
        super().__init__(translation_key=translation_key, **placeholders)
        self.status = status
        self.headers = headers or {}


class LimitedError(DoorError):
    """A request was refused because too many came."""

    def __init__(self, *, translation_key: str, wait: float) -> None:
        """Initialize the error with the seconds after which another request would be admitted."""
        seconds = math.ceil(wait)
        super().__init__(
            HTTPStatus.TOO_MANY_REQUESTS,
            {"Retry-After": str(seconds)},
            translation_key=translation_key,
            seconds=seconds,
        )


class NotReadyError(DoorError):
    """A request came for a bot that is about to be loaded."""

    def __init__(self) -> None:
        """Initialize the error with the seconds after which it will be loaded."""
        # Home Assistant's cloud passes on the body, but not the header.
        super().__init__(
            HTTPStatus.SERVICE_UNAVAILABLE,
            {"Retry-After": str(_LOADED_AFTER)},
            translation_key="bot_not_ready",
            seconds=_LOADED_AFTER,
        )


class Door:
    """A way into one bot, with limits of its own.

    Attributes:
        origin: What messages that come through it are marked with; also the key of its settings.
        title: What people call it.
        form: Its section in the form of the doors, with defaults; a door without one is always open.
        bot_id: Config entry id of the bot.
        bot_name: What people call the bot.
        entry: Config entry of the bot.
        router: Takes the messages.
        is_open: Whether it lets anybody in.

    """

    origin: ClassVar[str]
    title: ClassVar[str]
    form: ClassVar[Mapping[vol.Marker, Any]] = {}

    def __init__(self, bot: Bot, router: Router) -> None:
        """Initialize the door of a bot, closed."""
        self.bot_id = bot.bot_id
        self.bot_name = bot.entry.title
        self.entry = bot.entry
        self.router = router
        self.is_open = False
        self._hass = bot.hass
        self._bot = bot
        self._settings = door_settings(bot.entry.data, self.origin, self.form)
        self._local_only: bool = self._settings.get(CONF_LOCAL_ONLY, False)
        limits = door_settings(bot.entry.data, LIMITS, LIMITS_FORM)
        self._bucket = TokenBucket(rate=limits[RATE], burst=int(limits[BURST]))
        self._working = 0
        self._counts: Counter[str] = Counter()
        self._cancel_forgetting: CALLBACK_TYPE | None = None

    async def async_open(self) -> None:
        """Let requests in until the config entry is unloaded, if the settings say so."""
        if self.will_open(self._hass, self.entry):
            self.is_open = True
            self._bot.doors.append(self)
            self.entry.async_on_unload(self._close)

    @callback
    def _close(self) -> None:
        self.is_open = False
        self._bot.doors.remove(self)
        if self._cancel_forgetting is not None:
            self._cancel_forgetting()
            self._async_forget_limited()

    @classmethod
    def will_admit(cls, hass: HomeAssistant, entry: DatastreamBotConfigEntry, remote: str | None) -> bool:
        """Return whether a request from this IP address may come to the door of a bot as soon as that is loaded."""
        local_only = door_settings(entry.data, cls.origin, cls.form).get(CONF_LOCAL_ONLY, False)
        return cls.will_open(hass, entry) and (not local_only or _is_from_here(hass, remote))

    @classmethod
    def will_open(cls, hass: HomeAssistant, entry: DatastreamBotConfigEntry) -> bool:
        """Return whether the door of a bot is open, or will be as soon as the bot is loaded."""
        is_there = entry.disabled_by is None and hass.config_entries.async_get_entry(entry.entry_id) is not None
        is_open: bool = door_settings(entry.data, cls.origin, cls.form).get(CONF_OPEN, True)
        return is_there and is_open and not entry.options.get(CONF_DOORS_CLOSED, False)

    @property
    def is_unloaded(self) -> bool:
        """Return whether it is closed only until the bot is loaded anew."""
        return not self.is_open and self.will_open(self._hass, self.entry)

    def admits(self, remote: str | None) -> bool:
        """Return whether a request from this IP address may come to the door at all."""
        return self.is_open and (not self._local_only or _is_from_here(self._hass, remote))

    @callback
    def async_count(self, code: str) -> None:
        """Count a request that was not answered."""
        self._counts[code] += 1

    @callback
    def async_take(self) -> None:
        """Count a request within the rate limit.

        Raises:
            LimitedError: The limit is reached.

        """
        if wait := self._bucket.take(self._hass.loop.time()):
            raise self._limited(LimitedError(translation_key="rate_limited", wait=wait), translation_key="door_limited")

    @callback
    def async_occupy(self) -> CALLBACK_TYPE:
        """Reserve a concurrency slot; return the function that releases it.

        Raises:
            LimitedError: There is none.

        """
        if self._working >= MAX_WORKING:
            raise self._limited(LimitedError(translation_key="too_busy", wait=1), translation_key="door_busy")
        self._counts["accepted"] += 1
        self._working += 1
        return self._release

    @callback
    def _release(self) -> None:
        self._working -= 1

    def diagnostics(self) -> dict[str, Any]:
        """Return what came to the door, and what became of it."""
        return {"local_only": self._local_only, "working": self._working, "counts": dict(self._counts)}

    @callback
    def _limited(self, error: LimitedError, *, translation_key: str) -> LimitedError:
        """Return the refusal of a request; log it and raise a repair issue until no more are refused."""
        self._counts[error.code] += 1
        if self._cancel_forgetting is None:
            _LOGGER.warning("The %s of %s refuses messages, as too many come at once", self.title, self.bot_name)
            async_create_issue(
                self._hass, self._issue_id, translation_key=translation_key, door=self.title, bot=self.bot_name
            )
        else:
            self._cancel_forgetting()
        self._cancel_forgetting = async_call_later(self._hass, _LIMITED_FOR, self._async_forget_limited)
        return error

    @callback
    def _async_forget_limited(self, *_: object) -> None:
        self._cancel_forgetting = None
        async_delete_issue(self._hass, self._issue_id)

    @property
    def _issue_id(self) -> str:
        return f"door_limited_{self.origin}_{self.bot_id}"


def open_doors[D: Door](hass: HomeAssistant, kind: type[D]) -> list[D]:
    """Return the open doors of a kind, of which each bot has at most one."""
    return [door for bot in loaded_bots(hass) for door in bot.doors if isinstance(door, kind)]


def entries_to_come(hass: HomeAssistant) -> list[DatastreamBotConfigEntry]:
    """Return the config entries of bots that are about to be loaded."""
    return [
        entry
        for entry in hass.config_entries.async_entries(DOMAIN, include_disabled=False)
        if entry.state is not ConfigEntryState.LOADED
    ]


def doors_to(address: str, doors: Collection[Door], to_come: Iterable[DatastreamBotConfigEntry] = ()) -> list[Door]:
    """Return those of the doors that lead to a bot that opened an address.

    Args:
        address: The address.
        doors: The doors.
        to_come: The config entries of bots that are about to be loaded.

    Raises:
        DoorError: None does, or not yet.

    """
    if found := [door for door in doors if door.is_open and door.router.registry.is_open(door.bot_id, address)]:
        return found
    unloaded = (door.entry for door in doors if door.is_unloaded)
    if any(opens(entry, address) for entry in (*to_come, *unloaded)):
        raise NotReadyError
    raise DoorError(HTTPStatus.NOT_FOUND, translation_key="address_not_open", address=address)


@callback
def async_take_each(doors: Iterable[Door]) -> tuple[list[Door], list[Delivery]]:
    """Count a request at each door, and return the doors within their rate limits, and the refusals of the others.

    Raises:
        LimitedError: All refuse it.

    """
    taken, refused = _ask_each(doors, Door.async_take)
    return list(taken), refused


async def async_enter(
    doors: Iterable[Door],
    address: str,
    content: object,
    *,
    context: Context | None = None,
    refused: Sequence[Delivery] = (),
) -> Receipt:
    """Send a message through doors of one kind, each of which leads to a bot that opened the address.

    A bot at the limit of its door is `failed` in the receipt; the others receive the message.

    Args:
        doors: Where it comes in; at least one.
        address: What it is sent to.
        content: What nobody has checked yet.
        context: Carries the user who sends it.
        refused: What became of it at other doors.

    Raises:
        LimitedError: All doors are at their limits.
        MessageError: The content is not valid, or fits none of the bots.

    """
    occupied, busy = _ask_each(doors, Door.async_occupy)

    def release() -> None:
        for release_one in occupied.values():
            release_one()

    door = next(iter(occupied))
    try:
        dispatch = await door.router.async_dispatch(
            address,
            content,
            origin=door.origin,
            context=context,
            internal=False,
            only=[each.bot_id for each in occupied],
            refused=[*busy, *refused],
        )
    except BaseException:
        release()
        raise
    dispatch.async_call_when_finished(release)
    return await dispatch.async_receipt()


def _ask_each[T](doors: Iterable[Door], ask: Callable[[Door], T]) -> tuple[dict[Door, T], list[Delivery]]:
    """Return what each door answers, and the refusals of those at their limits; raise when all are."""
    answers: dict[Door, T] = {}
    refused: list[Delivery] = []
    refusal: LimitedError | None = None
    for door in doors:
        try:
            answers[door] = ask(door)
        except LimitedError as err:
            refusal = err
            refused.append(
                Delivery(
                    bot_id=door.bot_id,
                    bot_name=door.bot_name,
                    receiver=_RECEIVER,
                    outcome=Outcome.FAILED,
                    error=str(err),
                )
            )
    if refusal is not None and not answers:
        raise refusal
    return answers, refused


def _is_from_here(hass: HomeAssistant, remote: str | None) -> bool:
    """Return whether a request comes from the home's own network."""
    return remote is not None and not is_cloud_connection(hass) and _is_local(remote)


@lru_cache(maxsize=64)
def _is_local(remote: str) -> bool:
    """Return whether an IP address is in the home's own network; most requests come from the same few."""
    try:
        return is_local(ip_address(remote))
    except ValueError:
        return False
