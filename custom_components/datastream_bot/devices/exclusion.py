"""Exclusion: the entities that a bot never touches."""

from collections.abc import Iterable, Mapping
from typing import Any

from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import (
    area_registry as ar,
    device_registry as dr,
    entity_registry as er,
    label_registry as lr,
)
from homeassistant.helpers.group import expand_entity_ids
from homeassistant.helpers.target import TargetSelection

from ..const import LABEL_IGNORE
from .groups import Groups


@callback
def async_excluded_entities(hass: HomeAssistant, target: Mapping[str, Any], groups: Groups) -> set[str]:
    """Return what is excluded by a target or by the label that keeps every bot away, also when it is hidden.

    An area excludes the entities in it, a label those that have it or are of a device or in an area that has it, a
    group its members, and a wrapper what it stands for.
    """
    entities, areas = er.async_get(hass), ar.async_get(hass)
    selection = TargetSelection(dict(target))
    labels = {*selection.label_ids, *_ignore_labels(hass)}
    excluded = {*selection.entity_ids, *expand_entity_ids(hass, selection.entity_ids)}
    for entity_id in selection.entity_ids:
        excluded |= groups.members(entity_id)
    for label_id in labels:
        excluded.update(entry.entity_id for entry in er.async_entries_for_label(entities, label_id))
    for device_id in _device_ids(hass, selection.device_ids, labels):
        excluded.update(entry.entity_id for entry in _entries_of_device(entities, device_id))
    area_ids = {
        *selection.area_ids,
        *(area.id for floor_id in selection.floor_ids for area in ar.async_entries_for_floor(areas, floor_id)),
        *(area.id for label_id in labels for area in ar.async_entries_for_label(areas, label_id)),
    }
    for area_id in area_ids:
        excluded.update(_entities_in_area(hass, area_id))
    for entity_id, members in groups.all.items():
        if entity_id in excluded:
            excluded |= members
    return excluded


def _ignore_labels(hass: HomeAssistant) -> set[str]:
    # The label may have been made under another name, which its id keeps.
    label = lr.async_get(hass).async_get_label_by_name(LABEL_IGNORE)
    return {LABEL_IGNORE} if label is None else {LABEL_IGNORE, label.label_id}


def _device_ids(hass: HomeAssistant, device_ids: Iterable[str], labels: Iterable[str]) -> set[str]:
    """Return the ids of devices, of those with a label, and of the child devices of all of them."""
    devices = dr.async_get(hass)
    found = {*device_ids, *(device.id for label in labels for device in dr.async_entries_for_label(devices, label))}
    children = {child.id for device_id in found for child in dr.async_entries_for_parent_device(devices, device_id)}
    return found | children


def _entities_in_area(hass: HomeAssistant, area_id: str) -> Iterable[str]:
    """Return the entities in an area: by themselves, or by their device when they are in no other."""
    entities = er.async_get(hass)
    yield from (entry.entity_id for entry in er.async_entries_for_area(entities, area_id))
    for device in dr.async_entries_for_area(dr.async_get(hass), area_id):
        yield from (entry.entity_id for entry in _entries_of_device(entities, device.id) if entry.area_id is None)


def _entries_of_device(entities: er.EntityRegistry, device_id: str) -> list[er.RegistryEntry]:
    return er.async_entries_for_device(entities, device_id, include_disabled_entities=True)
