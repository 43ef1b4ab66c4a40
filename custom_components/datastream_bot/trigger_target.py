"""The target of the trigger: data streams and bots, chosen by device, entity, area, floor or label."""

from homeassistant.const import CONF_ADDRESS, Platform
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import device_registry as dr, entity_registry as er
from homeassistant.helpers.target import TargetSelection, async_extract_referenced_entity_ids

from .const import DOMAIN
from .data_streams import SUBENTRY_DATA_STREAM


@callback
def async_is_targeted(hass: HomeAssistant, target: TargetSelection, bot_id: str, address: str) -> bool:
    """Return whether messages to an address that a bot receives are meant by a target.

    It is resolved anew each time, as names, areas and labels change.
    """
    return address in async_targeted(hass, target, bot_id, only=address)


@callback
def async_targeted(hass: HomeAssistant, target: TargetSelection, bot_id: str, *, only: str | None = None) -> set[str]:
    """Return the addresses of a bot that are meant by a target.

    They are when it has the device of the bot, or the device or the event entity of the data stream.

    Args:
        hass: Home Assistant.
        target: The target.
        bot_id: Config entry id of the bot.
        only: The address in question, or None for all.

    """
    devices, entities = dr.async_get(hass), er.async_get(hass)
    selected = async_extract_referenced_entity_ids(hass, target)
    entity_ids = selected.referenced | selected.indirectly_referenced

    def has_device(identifier: str) -> bool:
        device = devices.async_get_device_by_identifier((DOMAIN, identifier), bot_id)
        return device is not None and device.id in selected.referenced_devices

    is_all = has_device(bot_id)
    if is_all and only is not None:
        return {only}
    return {
        address
        for stream in hass.config_entries.async_get_known_entry(bot_id).get_subentries_of_type(SUBENTRY_DATA_STREAM)
        if only is None or stream.data[CONF_ADDRESS] == only
        if is_all
        or has_device(stream.subentry_id)
        or entities.async_get_entity_id(Platform.EVENT, DOMAIN, stream.subentry_id) in entity_ids
        for address in (stream.data[CONF_ADDRESS],)
    }


@callback
def async_named(hass: HomeAssistant, target: TargetSelection) -> list[str]:
    """Return what a target has: devices by name, all else by id, which is readable."""
    devices = dr.async_get(hass)
    named = [
        device_id if device is None else device.name_by_user or device.name or device_id
        for device_id in target.device_ids
        for device in (devices.async_get(device_id),)
    ]
    return sorted([*named, *target.entity_ids, *target.area_ids, *target.floor_ids, *target.label_ids])
