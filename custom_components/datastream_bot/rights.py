"""Rights: what the user of a context may switch, and what a reader of a receipt may know."""

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

from homeassistant.auth.models import User
from homeassistant.auth.permissions.const import POLICY_CONTROL, POLICY_READ
from homeassistant.core import Context, HomeAssistant, valid_entity_id
from homeassistant.exceptions import HomeAssistantError, UnknownUser

from .const import DOMAIN

type MayRead = Callable[[str], bool]
"""Returns whether a reader may know an entity of this id."""


async def async_split_by_permission(
    hass: HomeAssistant, entity_ids: Iterable[str], context: Context
) -> tuple[list[str], list[str]]:
    """Return what the context's user may switch, and what not.

    Home Assistant's actions check the user as well, but refuse a call as a whole.

    Raises:
        UnknownUser: The user is gone.

    """
    if (user := await _async_user(hass, context)) is None or user.permissions.access_all_entities(POLICY_CONTROL):
        return list(entity_ids), []
    may_control = user.permissions.check_entity
    allowed: list[str] = []
    not_allowed: list[str] = []
    for entity_id in entity_ids:
        (allowed if may_control(entity_id, POLICY_CONTROL) else not_allowed).append(entity_id)
    return allowed, not_allowed


async def async_may_control_all(
    hass: HomeAssistant, entity_ids_of: Callable[[], Collection[str]], context: Context
) -> bool:
    """Return whether the context's user may switch every entity, or all of some if there are any.

    Without a user, Home Assistant itself acts, as in automations.

    Args:
        hass: Home Assistant.
        entity_ids_of: Returns the entity ids in question, where it depends on them.
        context: The context.

    """
    try:
        user = await _async_user(hass, context)
    except UnknownUser:
        return False
    if user is None or user.permissions.access_all_entities(POLICY_CONTROL):
        return True
    may_control = user.permissions.check_entity
    entity_ids = entity_ids_of()
    return bool(entity_ids) and all(may_control(entity_id, POLICY_CONTROL) for entity_id in entity_ids)


async def async_is_administrator(hass: HomeAssistant, user_id: str) -> bool:
    """Return whether a user is an administrator."""
    return (user := await hass.auth.async_get_user(user_id)) is not None and user.is_admin


async def async_may_read_all(hass: HomeAssistant, user_id: str) -> bool:
    """Return whether a user may read all entities."""
    user = await hass.auth.async_get_user(user_id)
    return user is not None and user.permissions.access_all_entities(POLICY_READ)


def may_read_of(user: User) -> MayRead:
    """Return the function that says which entities a user may know."""
    check = user.permissions.check_entity
    return lambda entity_id: check(entity_id, POLICY_READ)


async def async_readable_receipt(hass: HomeAssistant, receipt: dict[str, Any], context: Context) -> dict[str, Any]:
    """Return a receipt as the context's user may read it."""
    if context.user_id is None:
        return receipt
    if (user := await hass.auth.async_get_user(context.user_id)) is None:
        return anonymous_receipt(hass, receipt)
    if user.permissions.access_all_entities(POLICY_READ):
        return receipt
    return _readable_receipt(hass, receipt, may_read_of(user))


def anonymous_receipt(hass: HomeAssistant, receipt: Mapping[str, Any]) -> dict[str, Any]:
    """Return a receipt for a reader who may know no entity."""
    return _readable_receipt(hass, receipt, lambda _: False)


async def _async_user(hass: HomeAssistant, context: Context) -> User | None:
    if context.user_id is None:
        return None
    if (user := await hass.auth.async_get_user(context.user_id)) is None:
        raise UnknownUser(context=context)
    return user


def _readable_receipt(hass: HomeAssistant, receipt: Mapping[str, Any], may_read: MayRead) -> dict[str, Any]:
    """Return a receipt with the entities that a reader may know, and beside them how many `more` there are."""

    def is_hidden(name: object) -> bool:
        """Return whether a name in a result is that of an entity, or of one that is gone, which nobody may know."""
        return (
            isinstance(name, str)
            and valid_entity_id(name)
            and name.partition(".")[0] in hass.config.components
            and not may_read(name)
        )

    return {
        name: [_readable_delivery(delivery, is_hidden) for delivery in value] if isinstance(value, list) else value
        for name, value in receipt.items()
    }


def _readable_delivery(delivery: Mapping[str, Any], is_hidden: Callable[[object], bool]) -> dict[str, Any]:
    result: dict[str, Any] = dict(delivery.get("result", {}))
    more: dict[str, int] = {}
    for name, value in result.items():
        if isinstance(value, list):
            result[name] = [each for each in value if not is_hidden(each)]
        elif isinstance(value, dict):
            result[name] = {each: of_each for each, of_each in value.items() if not is_hidden(each)}
        else:
            continue
        if left_out := len(value) - len(result[name]):
            more[name] = left_out
    if not more:
        return dict(delivery)
    readable = {**delivery, "result": {**result, "more": more}}
    if "failed" in more:
        # The error would name them.
        number = str(len(delivery["result"]["failed"]))
        error = HomeAssistantError(
            translation_domain=DOMAIN, translation_key="some_failed", translation_placeholders={"number": number}
        )
        readable["error"] = str(error)
    return readable
