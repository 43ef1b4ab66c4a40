"""Attachment: which lights and switches a bot controls."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from homeassistant.const import Platform
from homeassistant.core import HomeAssistant, callback, split_entity_id
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.target import TargetSelection, async_extract_referenced_entity_ids

from ..const import DOMAIN
from .exclusion import Exclusion
from .groups import Groups

ATTACHED_DOMAINS: Final = (Platform.LIGHT, Platform.SWITCH)


@callback
def async_attached_entities(
    hass: HomeAssistant, target: Mapping[str, Any], exclude: Mapping[str, Any], groups: Groups
) -> list[str]:
    """Return the attached entities as the registries have them now: those of the target, or all, less the excluded.

    Hidden, configuration and diagnostic entities are attached only when the target names them, and entities of this
    integration never.
    """
    selection = TargetSelection(dict(target))
    if selection.has_any_target:
        selected = async_extract_referenced_entity_ids(hass, selection)
        candidates = _switchable(hass, selected.referenced | selected.indirectly_referenced)
    else:
        candidates = _all_primary_entities(hass)
    exclusion = Exclusion(hass, TargetSelection(dict(exclude)), groups)
    return sorted(_without_doubles(hass, candidates, exclusion, groups))


def _all_primary_entities(hass: HomeAssistant) -> set[str]:
    # In the dictionary beneath, as there are many and each of them is an entity id.
    entries = er.async_get(hass).entities.data
    return {
        entity_id
        for entity_id in hass.states.async_entity_ids(ATTACHED_DOMAINS)
        if (entry := entries.get(entity_id)) is None
        or (entry.hidden_by is None and entry.entity_category is None and _is_switchable(entry))
    }


def _switchable(hass: HomeAssistant, entity_ids: Iterable[str]) -> set[str]:
    registry = er.async_get(hass)
    return {
        entity_id
        for entity_id in entity_ids
        if split_entity_id(entity_id)[0] in ATTACHED_DOMAINS
        and ((entry := registry.async_get(entity_id)) is None or _is_switchable(entry))
    }


def _is_switchable(entry: er.RegistryEntry) -> bool:
    return entry.platform != DOMAIN and entry.disabled_by is None


@callback
def async_single_out(hass: HomeAssistant, attached: Iterable[str], groups: Groups) -> list[str]:
    """Return what is switched with the attached entities: for a group, which has no state of its own, its members."""
    attached = [*attached]
    if not (members := groups.among(attached)):
        return sorted(attached)
    singled = {*attached} - members.keys()
    for entity_id, group in members.items():
        singled |= {one for one in _switchable(hass, group) if not groups.members(one)} or {entity_id}
    return sorted(singled)


@callback
def async_cut(
    hass: HomeAssistant, attached: Iterable[str], target: Mapping[str, Any], domain: str | None, groups: Groups
) -> list[str]:
    """Return those of the attached entities that are in a target, or in a group in it, and of a domain.

    A target that is empty says nothing, and one that selects nothing selects nothing.
    """
    if target:
        selected = async_extract_referenced_entity_ids(hass, TargetSelection(dict(target)))
        named = selected.referenced | selected.indirectly_referenced
        meant = named.union(*(groups.members(entity_id) for entity_id in named))
        attached = [entity_id for entity_id in attached if entity_id in meant]
    return [entity_id for entity_id in attached if domain is None or split_entity_id(entity_id)[0] == domain]


def _without_doubles(hass: HomeAssistant, candidates: set[str], exclusion: Exclusion, groups: Groups) -> set[str]:
    """Return what to switch so that a group and its members are not both.

    A group stands for itself as long as nothing in it is excluded or attached on its own, as after hiding its
    members; otherwise its members stand for it.
    """
    members = groups.among(candidates)
    attached = exclusion.left_of(candidates - members.keys())
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
                if member not in exclusion and not groups.members(member)
            )
    return attached
