"""Addresses: automations and scripts that name one which nobody has.

Only what stands in their own configuration counts. What templates and blueprints come to, and what is turned off, is
left alone.
"""

from collections.abc import Collection, Iterable
from typing import Any, override

from homeassistant.components.automation import EVENT_AUTOMATION_RELOADED
from homeassistant.components.automation.const import DOMAIN as AUTOMATION_DOMAIN
from homeassistant.components.script.const import DOMAIN as SCRIPT_DOMAIN
from homeassistant.const import ATTR_DOMAIN, CONF_ADDRESS, EVENT_SERVICE_REGISTERED, STATE_OFF
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback, split_entity_id
from homeassistant.helpers.event import async_track_state_change_event

from ..const import DOMAIN
from ..data_streams import SUBENTRY_DATA_STREAM
from ..issues import async_create_issue
from ..messaging.registry import Registry
from ..usages import Usage, async_usages
from .check import Check


class AddressCheck(Check):
    """Finds addresses that automations and scripts send to, or wait at, and nobody has."""

    def __init__(self, hass: HomeAssistant, registry: Registry) -> None:
        """Initialize the check."""
        super().__init__(hass)
        self._registry = registry
        self._forget_automations: CALLBACK_TYPE | None = None

    @callback
    @override
    def async_connect(self) -> None:
        @callback
        def is_script(data: Any) -> bool:
            return bool(data[ATTR_DOMAIN] == SCRIPT_DOMAIN)

        super().async_connect()
        self._registry.observe(self._changed)
        self._hass.bus.async_listen(EVENT_AUTOMATION_RELOADED, self._changed)
        self._hass.bus.async_listen(EVENT_SERVICE_REGISTERED, self._changed, event_filter=is_script)

    @override
    def _report(self) -> Collection[str]:
        usages = async_usages(self._hass)
        known = self._registry.addresses | _stored(self._hass)
        sent, heard = _all(usage.sends for usage in usages), _all(usage.listens for usage in usages)
        found: set[str] = set()
        for usage in usages:
            if self._is_off(usage):
                continue
            if nowhere := usage.sends - known - heard:
                nearest = self._nearest(nowhere)
                found.add(issue_id := f"sends_to_nobody_{usage.entity_id}")
                async_create_issue(
                    self._hass,
                    issue_id,
                    translation_key="sends_to_nobody_nearest" if nearest else "sends_to_nobody",
                    nearest=nearest,
                    **self._told(usage, nowhere),
                )
            # Anything may send to any address, so it has to look like a mistake.
            if nearest := self._nearest(never := usage.listens - known - sent):
                found.add(issue_id := f"waits_for_nobody_{usage.entity_id}")
                async_create_issue(
                    self._hass,
                    issue_id,
                    translation_key="waits_for_nobody_nearest",
                    nearest=nearest,
                    **self._told(usage, {address for address in never if self._registry.similar(address)}),
                )
        self._follow({usage.entity_id for usage in usages if usage.entity_id.startswith(AUTOMATION_DOMAIN)})
        return found

    def _nearest(self, addresses: Collection[str]) -> str:
        return ", ".join(filter(None, map(self._registry.similar, sorted(addresses))))

    def _follow(self, entity_ids: set[str]) -> None:
        """Look again when automations are turned on or off."""
        if self._forget_automations is not None:
            self._forget_automations()
        self._forget_automations = async_track_state_change_event(self._hass, entity_ids, self._changed)

    def _is_off(self, usage: Usage) -> bool:
        """Return whether an automation is turned off; a script that does not run is not."""
        state = self._hass.states.get(usage.entity_id)
        return state is None or (state.domain == AUTOMATION_DOMAIN and state.state == STATE_OFF)

    def _told(self, usage: Usage, addresses: Collection[str]) -> dict[str, Any]:
        """Return what the text of an issue tells of an automation or a script."""
        domain, _ = split_entity_id(usage.entity_id)
        state = self._hass.states.get(usage.entity_id)
        return {
            "name": usage.entity_id if state is None else state.name,
            "addresses": ", ".join(sorted(addresses)),
            "edit": f"/config/{domain}/edit/{usage.editor_id}" if usage.editor_id else f"/config/{domain}/dashboard",
        }


def _stored(hass: HomeAssistant) -> set[str]:
    """Return the addresses that bots declare, also those that do not run."""
    return {
        stream.data[CONF_ADDRESS]
        for entry in hass.config_entries.async_entries(DOMAIN)
        for stream in entry.get_subentries_of_type(SUBENTRY_DATA_STREAM)
    }


def _all(groups: Iterable[Iterable[str]]) -> set[str]:
    return {each for group in groups for each in group}
