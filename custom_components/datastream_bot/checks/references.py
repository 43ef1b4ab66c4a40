"""References: bots whose settings name what was removed from Home Assistant.

What is only unavailable, disabled or not loaded is still there. An entity that never was in the registry is left alone:
nobody can tell whether it is gone or late.
"""

from collections.abc import Callable, Collection, Mapping
from typing import Any, Final, override

from homeassistant.const import ATTR_AREA_ID, ATTR_DEVICE_ID, ATTR_ENTITY_ID, ATTR_FLOOR_ID, ATTR_LABEL_ID
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import (
    area_registry as ar,
    config_validation as cv,
    device_registry as dr,
    entity_registry as er,
    floor_registry as fr,
    label_registry as lr,
)
from homeassistant.helpers.issue_registry import IssueSeverity
from homeassistant.util.event_type import EventType

from ..const import DOMAIN
from ..issues import async_create_issue
from ..settings import Settings
from .check import Check

_EXCLUDE: Final = "exclude"
_REGISTRIES: Final[tuple[EventType[Any], ...]] = (
    ar.EVENT_AREA_REGISTRY_UPDATED,
    dr.EVENT_DEVICE_REGISTRY_UPDATED,
    er.EVENT_ENTITY_REGISTRY_UPDATED,
    fr.EVENT_FLOOR_REGISTRY_UPDATED,
    lr.EVENT_LABEL_REGISTRY_UPDATED,
)

type _Reference = tuple[str, str]
"""An id, after the key that it would have in a target."""


class ReferenceCheck(Check):
    """Finds what settings of bots name, and is gone."""

    def __init__(self, hass: HomeAssistant) -> None:
        """Initialize the check."""
        super().__init__(hass)
        self._names: dict[_Reference, str] = {}

    @callback
    @override
    def async_connect(self) -> None:
        @callback
        def has_come_or_gone(data: Mapping[str, Any]) -> bool:
            return data["action"] in ("create", "remove")

        super().async_connect()
        self._connect_bots()
        for event_type in _REGISTRIES:
            self._hass.bus.async_listen(event_type, self._changed, event_filter=has_come_or_gone)

    @override
    def _report(self) -> Collection[str]:
        lookups = _lookups(self._hass)
        found: list[str] = []
        for entry in self._hass.config_entries.async_entries(DOMAIN, include_disabled=False):
            for setting, references in _references(Settings.from_options(entry.options)).items():
                names = {(key, each): lookups[key](each) for key, each in references}
                self._names |= {reference: name for reference, name in names.items() if name is not None}
                if not (gone := [reference for reference, name in names.items() if name is None]):
                    continue
                found.append(issue_id := f"{setting}_gone_{entry.entry_id}")
                # Nothing of it is left to work with. What is never touched may well be gone.
                is_useless = len(gone) == len(names) and setting != _EXCLUDE
                async_create_issue(
                    self._hass,
                    issue_id,
                    translation_key=f"{setting}_gone",
                    severity=IssueSeverity.ERROR if is_useless else None,
                    entry=entry,
                    names=", ".join(sorted(self._last_names(gone))),
                )
        return found

    def _last_names(self, gone: Collection[_Reference]) -> list[str]:
        deleted = er.async_get(self._hass).deleted_entities.values()
        names = {(ATTR_ENTITY_ID, entry.id): entry.entity_id for entry in deleted} | self._names
        return [names.get(reference, reference[1]) for reference in gone]


def _lookups(hass: HomeAssistant) -> dict[str, Callable[[str], str | None]]:
    """Return what tells the name of an id, or None when it is gone, by its key in a target."""
    areas, floors, labels = ar.async_get(hass), fr.async_get(hass), lr.async_get(hass)
    devices, entities = dr.async_get(hass), er.async_get(hass)

    def named(entry: ar.AreaEntry | fr.FloorEntry | lr.LabelEntry | None) -> str | None:
        return None if entry is None else entry.name

    def device(device_id: str) -> str | None:
        entry = devices.async_get(device_id)
        return None if entry is None else entry.name_by_user or entry.name or device_id

    return {
        ATTR_AREA_ID: lambda area_id: named(areas.async_get_area(area_id)),
        ATTR_DEVICE_ID: device,
        ATTR_ENTITY_ID: lambda entity_id: er.async_resolve_entity_id(entities, entity_id),
        ATTR_FLOOR_ID: lambda floor_id: named(floors.async_get_floor(floor_id)),
        ATTR_LABEL_ID: lambda label_id: named(labels.async_get_label(label_id)),
    }


def _references(settings: Settings) -> dict[str, list[_Reference]]:
    """Return what the settings of a bot name, by setting."""
    return {
        "persons": [(ATTR_ENTITY_ID, entity_id) for entity_id in settings.persons],
        "notify": [(ATTR_ENTITY_ID, entity_id) for entity_id in settings.notify],
        "target": _in_target(settings.target),
        _EXCLUDE: _in_target(settings.exclude),
    }


def _in_target(target: Mapping[str, Any]) -> list[_Reference]:
    return [(key, each) for key, ids in target.items() for each in cv.ensure_list(ids)]
