"""Notification: tells people something, on the devices that the user chose."""

import asyncio
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

from ..errors import PartlyFailedError


async def async_notify(
    hass: HomeAssistant,
    entity_ids: Sequence[str],
    *,
    message: str,
    title: str | None,
    data: Mapping[str, Any],
    context: Context,
) -> dict[str, Any]:
    """Notify by each of the notify entities, or in Home Assistant itself when there are none.

    Of the data, a persistent notification takes its `notification_id`; notify entities take none.

    Returns:
        Who was `notified`, and the names of what was `ignored` of the data.

    Raises:
        PartlyFailedError: Some could not be notified. Its result names them with their errors.

    """
    if not entity_ids:
        notification_id = data.get(persistent_notification.ATTR_NOTIFICATION_ID)
        persistent_notification.async_create(
            hass, message, title, None if notification_id is None else str(notification_id)
        )
        ignored = set(data) - {persistent_notification.ATTR_NOTIFICATION_ID}
        return {"notified": [persistent_notification.DOMAIN], "ignored": sorted(ignored)}

    service_data = {ATTR_MESSAGE: message} if title is None else {ATTR_MESSAGE: message, ATTR_TITLE: title}
    errors = await asyncio.gather(
        *(_async_notify_by(hass, entity_id, service_data, context) for entity_id in entity_ids)
    )
    failed = {entity_id: error for entity_id, error in zip(entity_ids, errors, strict=True) if error is not None}
    result = {
        "notified": [entity_id for entity_id in entity_ids if entity_id not in failed],
        "ignored": sorted(data),
    }
    if failed:
        raise PartlyFailedError(translation_key="not_notified", errors=failed, result={**result, "failed": failed})
    return result


async def _async_notify_by(
    hass: HomeAssistant, entity_id: str, service_data: Mapping[str, str], context: Context
) -> str | None:
    """Notify by one entity, and return the error if there was one."""
    # Home Assistant passes over unavailable entities without a word.
    if (state := hass.states.get(entity_id)) is None or state.state == STATE_UNAVAILABLE:
        return STATE_UNAVAILABLE
    try:
        await hass.services.async_call(
            NOTIFY_DOMAIN,
            SERVICE_SEND_MESSAGE,
            {ATTR_ENTITY_ID: entity_id, **service_data},
            blocking=True,
            context=context,
        )
    except Exception as err:  # noqa: BLE001 - any error of one is no reason not to notify by the others
        return str(err) or type(err).__name__
    return None
