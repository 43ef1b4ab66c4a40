"""Notification: tells people something, on the devices that the user chose."""

from collections.abc import Mapping, Sequence
from typing import Any

from homeassistant.components import persistent_notification
from homeassistant.components.notify.const import (
    ATTR_MESSAGE,
    ATTR_TITLE,
    DOMAIN as NOTIFY_DOMAIN,
    SERVICE_SEND_MESSAGE,
)
from homeassistant.const import ATTR_ENTITY_ID, STATE_UNAVAILABLE
from homeassistant.core import Context, HomeAssistant

from ..devices.control import async_gather_errors
from ..errors import PartlyFailedError
from ..settings import resolve_entity_ids


async def async_notify(
    hass: HomeAssistant,
    ids: Sequence[str],
    *,
    message: str,
    title: str | None,
    data: Mapping[str, Any],
    context: Context,
) -> dict[str, Any]:
    """Notify by each of the notify entities, or in Home Assistant itself when there are none.

    Of the data, Home Assistant's own notification takes `notification_id`; notify entities take none.

    Returns:
        Who was `notified`, and the names of what was `ignored` of the data.

    Raises:
        PartlyFailedError: Some could not be notified. Its result has them with their errors.

    """
    if not ids:
        notification_id = data.get(persistent_notification.ATTR_NOTIFICATION_ID)
        persistent_notification.async_create(
            hass, message, title, None if notification_id is None else str(notification_id)
        )
        ignored = set(data) - {persistent_notification.ATTR_NOTIFICATION_ID}
        return {"notified": [persistent_notification.DOMAIN], "ignored": sorted(ignored)}

    entity_ids = resolve_entity_ids(hass, ids)
    service_data = {ATTR_MESSAGE: message} if title is None else {ATTR_MESSAGE: message, ATTR_TITLE: title}
    # Home Assistant passes over unavailable entities without an error.
    errors = {
        entity_id: STATE_UNAVAILABLE
        for entity_id in entity_ids
        if (state := hass.states.get(entity_id)) is None or state.state == STATE_UNAVAILABLE
    }
    calls = {
        entity_id: hass.services.async_call(
            NOTIFY_DOMAIN,
            SERVICE_SEND_MESSAGE,
            {ATTR_ENTITY_ID: entity_id, **service_data},
            blocking=True,
            context=context,
        )
        for entity_id in entity_ids
        if entity_id not in errors
    }
    errors |= await async_gather_errors(calls)
    failed = {entity_id: errors[entity_id] for entity_id in entity_ids if entity_id in errors}
    result = {
        "notified": [entity_id for entity_id in entity_ids if entity_id not in failed],
        "ignored": sorted(data),
    }
    if failed:
        raise PartlyFailedError(translation_key="not_notified", errors=failed, result=result)
    return result
