"""Other bots: what they do already, so that a further one does not do it again unless it is meant to."""

from collections.abc import Mapping
from typing import Any

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback

from ..const import ADDRESS_SEND_PUSH_NOTIFICATION, DOMAIN, Reaction
from ..data_streams import BUILT_IN_FIELDS, opens
from ..devices.groups import Groups
from ..devices.selection import async_attached_entities, async_ungrouped
from ..settings import Settings
from .bot import CONF_EXCLUDE, CONF_TARGET, named
from .lists import listed


def _other_bots(hass: HomeAssistant, own: ConfigEntry | None = None) -> list[ConfigEntry]:
    """Return the config entries of all other bots, also of those that are not loaded now, but not of disabled ones."""
    entries = hass.config_entries.async_entries(DOMAIN, include_ignore=False, include_disabled=False)
    return [entry for entry in entries if entry is not own]


@callback
def async_suggested_options(hass: HomeAssistant) -> dict[str, Any]:
    """Return what the form of a new bot suggests in place of defaults: no reaction where another bot has one."""
    if any(Settings.from_options(bot.options).has_reaction for bot in _other_bots(hass)):
        return {"on_leaving": Reaction.NOTHING.value, "on_returning": Reaction.NOTHING.value}
    return {}


@callback
def async_suggested_addresses(hass: HomeAssistant) -> list[str]:
    """Return the built-in addresses of a new bot.

    Whoever sends to all bots wants to be notified once, and everything toggled that any of them is attached to.
    """
    is_open = any(opens(bot, ADDRESS_SEND_PUSH_NOTIFICATION) for bot in _other_bots(hass))
    return [address for address in BUILT_IN_FIELDS if not (is_open and address == ADDRESS_SEND_PUSH_NOTIFICATION)]


@callback
def async_shared(
    hass: HomeAssistant, options: Mapping[str, Any], own: ConfigEntry | None, texts: Mapping[str, str]
) -> str:
    """Return which entities of a bot with these options other bots switch as well, and which bots; empty when none do.

    A group is shared when any of its members is.
    """
    groups = Groups(hass)
    attached = async_attached_entities(hass, options[CONF_TARGET], options[CONF_EXCLUDE], groups)
    members = groups.among(attached)
    bots: dict[str, list[str]] = {}
    for bot in _other_bots(hass, own):
        settings = Settings.from_options(bot.options)
        switched = async_attached_entities(hass, settings.target, settings.exclude, groups)
        with_members = {*switched, *async_ungrouped(hass, switched, groups)}
        for entity_id in attached:
            if not with_members.isdisjoint({entity_id, *members.get(entity_id, ())}):
                bots.setdefault(entity_id, []).append(bot.title)
    if not bots:
        return ""

    def with_bots(entity_id: str) -> str:
        return f"{named(hass, entity_id)}: {', '.join(bots[entity_id])}"

    return texts["shared"].format(count=len(bots), entities=listed(sorted(bots), with_bots, texts))
