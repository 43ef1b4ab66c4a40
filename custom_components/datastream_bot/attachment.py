"""Attachment: which lights and switches a bot controls."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from homeassistant.const import ATTR_ENTITY_ID, ATTR_GROUP_ENTITIES, Platform
from homeassistant.core import HomeAssistant, callback, split_entity_id
from homeassistant.helpers import area_registry as ar, device_registry as dr, entity_registry as er
from homeassistant.helpers.group import expand_entity_ids
from homeassistant.helpers.target import TargetSelection, async_extract_referenced_entity_ids

from .const import DOMAIN, LABEL_IGNORE

ATTACHED_DOMAINS: Final = (Platform.LIGHT, Platform.SWITCH)


@callback
def async_attached_entities(hass: HomeAssistant, target: Mapping[str, Any], exclude: Mapping[str, Any]) -> list[str]:
    """Return the attached entities as the registries have them now: those of the target, or all, less the excluded.

    Hidden, configuration and diagnostic entities are attached only when the target names them, and entities of this
    integration never.
    """
    selection = TargetSelection(dict(target))
    if selection.has_any_target:
        selected = async_extract_referenced_entity_ids(hass, selection)
        candidates = selected.referenced | selected.indirectly_referenced
    else:
        candidates = _all_primary_entities(hass)
    exclusion = _Exclusion(hass, TargetSelection(dict(exclude)))
    return sorted(_without_doubles(hass, _switchable(hass, candidates), exclusion))


def _all_primary_entities(hass: HomeAssistant) -> set[str]:
    registry = er.async_get(hass)
    return {
        entity_id
        for entity_id in hass.states.async_entity_ids(ATTACHED_DOMAINS)
        if (entry := registry.async_get(entity_id)) is None
        or (entry.hidden_by is None and entry.entity_category is None)
    }


def _switchable(hass: HomeAssistant, entity_ids: Iterable[str]) -> set[str]:
    registry = er.async_get(hass)
    return {
        entity_id
        for entity_id in entity_ids
        if split_entity_id(entity_id)[0] in ATTACHED_DOMAINS
        and (
            (entry := registry.async_get(entity_id)) is None or (entry.platform != DOMAIN and entry.disabled_by is None)
        )
    }


@callback
def async_cut(hass: HomeAssistant, attached: Iterable[str], target: Mapping[str, Any], domain: str | None) -> list[str]:
    """Return those of the attached entities that are in a target, or in a group in it, and of a domain."""
    selection = TargetSelection(dict(target))
    if selection.has_any_target:
        selected = async_extract_referenced_entity_ids(hass, selection)
        named = selected.referenced | selected.indirectly_referenced
        meant = named.union(*(_members(hass, entity_id) for entity_id in named))
        attached = [entity_id for entity_id in attached if entity_id in meant]
    return [entity_id for entity_id in attached if domain is None or split_entity_id(entity_id)[0] == domain]


class _Exclusion:
    """What is excluded, hidden or not: by the user in the form, or by the label that keeps every bot away."""

    def __init__(self, hass: HomeAssistant, selection: TargetSelection) -> None:
        """Initialize the exclusion."""
        self._areas = ar.async_get(hass)
        self._devices = dr.async_get(hass)
        self._entities = er.async_get(hass)
        self._selection = selection
        self._label_ids = {*selection.label_ids, LABEL_IGNORE}
        self._entity_ids = {
            *selection.entity_ids,
            *expand_entity_ids(hass, selection.entity_ids),
            *(member for entity_id in selection.entity_ids for member in _members(hass, entity_id)),
        }

    def __contains__(self, entity_id: str) -> bool:
        """Return whether an entity is excluded by its id, device, area, floor or a label of any of these."""
        if entity_id in self._entity_ids:
            return True
        if (entry := self._entities.async_get(entity_id)) is None:
            return False
        labels = set(entry.labels)
        area_id = entry.area_id
        device_id = entry.device_id
        while device_id is not None and (device := self._devices.async_get(device_id)) is not None:
            if device_id in self._selection.device_ids:
                return True
            labels |= device.labels
            area_id = area_id or device.area_id
            device_id = device.parent_device_id if isinstance(device, dr.ChildDeviceEntry) else None
        if area_id is not None and (area := self._areas.async_get_area(area_id)) is not None:
            if area_id in self._selection.area_ids or area.floor_id in self._selection.floor_ids:
                return True
            labels |= area.labels
        return not labels.isdisjoint(self._label_ids)


def _without_doubles(hass: HomeAssistant, candidates: set[str], exclusion: _Exclusion) -> set[str]:
    """Return what to switch so that a group and its members are not both.

    A group stands for itself as long as nothing in it is excluded or attached on its own, as after hiding its
    members; otherwise its members stand for it.
    """
    members = {entity_id: group for entity_id in candidates if (group := _members(hass, entity_id))}
    attached = {entity_id for entity_id in candidates - members.keys() if entity_id not in exclusion}
    by_group: set[str] = set()
    for entity_id in sorted(members):
        group = members[entity_id]
        if entity_id in exclusion:
            continue
        if group.isdisjoint(candidates | by_group) and not any(member in exclusion for member in group):
            attached.add(entity_id)
            by_group |= group
        else:
            attached.update(
                member
                for member in _switchable(hass, group - by_group)
                if member not in exclusion and not _members(hass, member)
            )
    return attached


def _members(hass: HomeAssistant, entity_id: str) -> set[str]:
    """Return all that is in a group, with the groups in it; empty when it is no group."""
    found: set[str] = set()
    waiting = [entity_id]
    while waiting:
        if (state := hass.states.get(waiting.pop())) is None:
            continue
        members = state.attributes.get(ATTR_GROUP_ENTITIES) or state.attributes.get(ATTR_ENTITY_ID)
        if isinstance(members, list | tuple):
            new = set(members) - found - {entity_id}
            found |= new
            waiting.extend(new)
    return found
