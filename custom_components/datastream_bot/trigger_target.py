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

    They are when it has the device of the bot, or the device or the event entity of the data stream. It is resolved
    anew each time, as names, areas and labels change.
    """
    devices, entities = dr.async_get(hass), er.async_get(hass)
    entry = hass.config_entries.async_get_known_entry(bot_id)
    stream_ids = [
        stream.subentry_id
        for stream in entry.get_subentries_of_type(SUBENTRY_DATA_STREAM)
        if stream.data[CONF_ADDRESS] == address
    ]
    selected = async_extract_referenced_entity_ids(hass, target)
    devices_meant = (
        devices.async_get_device_by_identifier((DOMAIN, identifier), bot_id) for identifier in (bot_id, *stream_ids)
    )
    if any(device is not None and device.id in selected.referenced_devices for device in devices_meant):
        return True
    entity_ids = {entities.async_get_entity_id(Platform.EVENT, DOMAIN, stream_id) for stream_id in stream_ids}
    return not entity_ids.isdisjoint(selected.referenced | selected.indirectly_referenced)
