"""Exclusion: what a bot never touches."""

from homeassistant.core import HomeAssistant
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


class Exclusion:
    """What is excluded, hidden or not: by the user in the form, or by the label that keeps every bot away."""

    def __init__(self, hass: HomeAssistant, selection: TargetSelection, groups: Groups) -> None:
        """Initialize the exclusion."""
        self._areas = ar.async_get(hass)
        self._devices = dr.async_get(hass)
        self._entities = er.async_get(hass)
        self._selection = selection
        # The label may have been made under another name, which its id keeps.
        label = lr.async_get(hass).async_get_label_by_name(LABEL_IGNORE)
        self._label_ids = {*selection.label_ids, LABEL_IGNORE, *([label.label_id] if label else [])}
        # Most homes exclude none, and then nobody has to look where the entities are.
        self._has_places = bool(selection.device_ids or selection.area_ids or selection.floor_ids) or any(
            dr.async_entries_for_label(self._devices, label_id) or ar.async_entries_for_label(self._areas, label_id)
            for label_id in self._label_ids
        )
        # Many entities are in the same place.
        self._places: dict[tuple[str | None, str | None], bool] = {}
        self._entity_ids = {
            *selection.entity_ids,
            *expand_entity_ids(hass, selection.entity_ids),
            *(member for entity_id in selection.entity_ids for member in groups.members(entity_id)),
            *(
                entry.entity_id
                for label_id in self._label_ids
                for entry in er.async_entries_for_label(self._entities, label_id)
            ),
        }
        for entity_id, members in groups.all.items():
            if entity_id in self:
                self._entity_ids |= members

    def __contains__(self, entity_id: str) -> bool:
        """Return whether an entity is excluded by its id, device, area, floor or a label of any of these.

        So is what is in a group that is.
        """
        if entity_id in self._entity_ids:
            return True
        if not self._has_places or (entry := self._entities.async_get(entity_id)) is None:
            return False
        place = (entry.device_id, entry.area_id)
        if (is_excluded := self._places.get(place)) is None:
            is_excluded = self._places[place] = self._is_place_excluded(*place)
        return is_excluded

    def left_of(self, entity_ids: set[str]) -> set[str]:
        """Return those of many entities that are not excluded."""
        left = entity_ids - self._entity_ids
        return {entity_id for entity_id in left if entity_id not in self} if self._has_places else left

    def _is_place_excluded(self, device_id: str | None, area_id: str | None) -> bool:
        """Return whether what is of a device and in an area of its own is excluded because of either."""
        labels: set[str] = set()
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
