"""Selection: which entities a bot is attached to."""

from collections.abc import Iterable, Mapping
from typing import Any

from homeassistant.const import ATTR_ENTITY_ID
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.target import TargetSelection, async_extract_referenced_entity_ids

from ..const import DOMAIN
from ..settings import resolve_target
from .domains import DOMAINS, domain_of
from .exclusion import async_excluded_entities
from .groups import Groups


@callback
def async_attached_entities(
    hass: HomeAssistant, target: Mapping[str, Any], exclude: Mapping[str, Any], groups: Groups
) -> list[str]:
    """Return the entities of a target, or all when it is empty, without the excluded ones, as the registries are now.

    Hidden, configuration and diagnostic entities are attached only when the target names them, and entities of this
    integration never.
    """
    selection = TargetSelection(resolve_target(hass, target))
    if selection.has_any_target:
        selected = async_extract_referenced_entity_ids(hass, selection)
        candidates = _switchable(hass, selected.referenced | selected.indirectly_referenced)
    else:
        candidates = _all_primary_entities(hass)
    excluded = async_excluded_entities(hass, resolve_target(hass, exclude), groups) | _own_in_groups(hass, groups)
    return sorted(_without_doubles(hass, candidates, excluded, groups))


def _all_primary_entities(hass: HomeAssistant) -> set[str]:
    # Looked up in the dictionary itself, which is faster than the registry, for there are many.
    entries = er.async_get(hass).entities.data
    return {
        entity_id
        for entity_id in hass.states.async_entity_ids(DOMAINS)
        if (entry := entries.get(entity_id)) is None
        or (entry.hidden_by is None and entry.entity_category is None and _is_switchable(entry))
    }


def _switchable(hass: HomeAssistant, entity_ids: Iterable[str]) -> set[str]:
    registry = er.async_get(hass)
    return {
        entity_id
        for entity_id in entity_ids
        if domain_of(entity_id) in DOMAINS
        and ((entry := registry.async_get(entity_id)) is None or _is_switchable(entry))
    }


def _own_in_groups(hass: HomeAssistant, groups: Groups) -> set[str]:
    """Return the entities of this integration that somebody else's group or wrapper would switch."""
    registry = er.async_get(hass)
    return {
        member
        for member in set[str]().union(*groups.all.values())
        if (entry := registry.async_get(member)) is not None and entry.platform == DOMAIN
    }


def _is_switchable(entry: er.RegistryEntry) -> bool:
    return entry.platform != DOMAIN and entry.disabled_by is None


def _single(hass: HomeAssistant, members: set[str], groups: Groups) -> set[str]:
    """Return those of the members of a group that can be switched, and are no groups themselves."""
    return {member for member in _switchable(hass, members) if not groups.members(member)}


@callback
def async_ungrouped(hass: HomeAssistant, attached: Iterable[str], groups: Groups) -> list[str]:
    """Return attached entities with the members of each group in its place, as a group has no state of its own."""
    attached = [*attached]
    if not (members := groups.among(attached)):
        return sorted(attached)
    single = {*attached} - members.keys()
    for entity_id, group in members.items():
        single |= _single(hass, group, groups) or {entity_id}
    return sorted(single)


@callback
def async_selected(
    hass: HomeAssistant, attached: Iterable[str], target: Mapping[str, Any], domain: str | None, groups: Groups
) -> list[str]:
    """Return those of the attached entities that are in a target, or in a group in it, and of a domain or shown as it.

    An empty target selects all of them, and a target that matches nothing selects none. Of an attached group that is
    not in the target, its members that are.
    """
    selected = {*attached}
    if target:
        referenced = async_extract_referenced_entity_ids(hass, TargetSelection(resolve_target(hass, target)))
        named = referenced.referenced | referenced.indirectly_referenced
        meant = named.union(*(groups.members(entity_id) for entity_id in named))
        inside = set[str]().union(*groups.among(selected - meant).values())
        selected = (selected & meant) | _single(hass, inside & meant, groups)
    if domain is not None:
        shown = _switchable(hass, (entity_id for entity_id in groups.all if domain_of(entity_id) == domain))
        of_domain = set[str]().union(*(groups.all[entity_id] for entity_id in shown))
        selected = {entity_id for entity_id in selected if domain_of(entity_id) == domain or entity_id in of_domain}
    return sorted(selected)


@callback
def async_not_found(hass: HomeAssistant, target: Mapping[str, Any]) -> list[str]:
    """Return the ids in a target of entities that do not exist."""
    registry = er.async_get(hass)
    entity_ids = dict.fromkeys(target.get(ATTR_ENTITY_ID, ()))
    return [each for each in entity_ids if hass.states.get(each) is None and registry.async_get(each) is None]


def _without_doubles(hass: HomeAssistant, candidates: set[str], excluded: set[str], groups: Groups) -> set[str]:
    """Return what to switch so that no entity is switched both by itself and with a group.

    A group stands for itself as long as nothing in it is excluded or attached by itself, as when its members are
    hidden; otherwise its members stand for it.
    """
    members = groups.among(candidates)
    attached = candidates - members.keys() - excluded
    by_group: set[str] = set()
    for entity_id in sorted(members.keys() - excluded):
        group = members[entity_id]
        if group.isdisjoint(candidates | by_group | excluded):
            attached.add(entity_id)
            by_group |= group
        else:
            attached |= _single(hass, group - by_group, groups) - excluded
    return attached
