"""What happens in a home: people come and go, time passes, Home Assistant restarts."""

from collections.abc import Awaitable, Callable
from copy import deepcopy
from datetime import timedelta
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import Context, CoreState, HomeAssistant
from homeassistant.helpers import entity_registry as er
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util
from pytest_homeassistant_custom_component.common import MockConfigEntry, MockUser, async_fire_time_changed

from custom_components.datastream_bot.bot import Bot
from custom_components.datastream_bot.const import RECEIPT_WAIT

from .conftest import Home, SetPresence
from .home import ticks

RESTORE = {"on_returning": "restore"}
LEAVING = {"on": False, "remember": True}
RETURNING = {"on": True, "restore": True}


async def go_on(hass: HomeAssistant, freezer: FrozenDateTimeFactory, seconds: float) -> None:
    """Let time pass."""
    freezer.tick(seconds)
    async_fire_time_changed(hass, dt_util.utcnow())
    await hass.async_block_till_done(wait_background_tasks=True)


async def wait_over(hass: HomeAssistant, freezer: FrozenDateTimeFactory) -> None:
    """Let the time pass that senders wait for receivers."""
    await ticks(50)
    freezer.tick(RECEIPT_WAIT + 1)
    async_fire_time_changed(hass)
    await ticks(50)


async def everybody(persons: SetPresence, state: str) -> None:
    """Move everybody."""
    for person in ("anna", "bo"):
        await persons(person, state)


async def restart(hass: HomeAssistant, bot: Bot) -> None:
    """Unload a bot, and start Home Assistant and the bot again."""
    await hass.config_entries.async_unload(bot.bot_id)
    hass.set_state(CoreState.not_running)
    await hass.async_block_till_done()
    assert await hass.config_entries.async_setup(bot.bot_id)
    await hass.async_block_till_done()
    await hass.async_start()
    await ticks(50)
    # Until then devices may not have told what is on.
    async_fire_time_changed(hass, dt_util.utcnow() + timedelta(seconds=11))
    await hass.async_block_till_done()


async def power_cut(
    hass: HomeAssistant, hass_storage: dict[str, Any], bot: Bot, home: Home, meanwhile: Callable[[], Awaitable[None]]
) -> None:
    """Cut the power while some devices hang: what they were asked is not done, and nothing more is written."""
    stored = {key: deepcopy(hass_storage[key]) for key in hass_storage if bot.bot_id in key}
    await hass.config_entries.async_unload(bot.bot_id)
    for device in home.values():
        device.broken = "power cut"
        device.responding.set()
    await hass.async_block_till_done()
    for device in home.values():
        device.broken = None
    await meanwhile()
    await hass.async_block_till_done()
    hass_storage.update(stored)
    await restart(hass, bot)


async def turn(hass: HomeAssistant, entity_id: str, state: str, **data: Any) -> None:
    """Turn a light or switch on or off, as a user does."""
    domain = entity_id.split(".", maxsplit=1)[0]
    context = Context(user_id=MockUser(is_owner=True).add_to_hass(hass).id)
    service_data = {"entity_id": entity_id, **data}
    await hass.services.async_call(domain, f"turn_{state}", service_data, blocking=True, context=context)


async def show_as(hass: HomeAssistant, entity_id: str, domain: str) -> str:
    """Show a switch as something else by the flow of that helper, which hides the switch; return the new entity id."""
    assert await async_setup_component(hass, "homeassistant", {})
    flow = await hass.config_entries.flow.async_init("switch_as_x", context={"source": "user"})
    form = {"entity_id": entity_id, "target_domain": domain}
    result = await hass.config_entries.flow.async_configure(flow["flow_id"], form)
    await hass.async_block_till_done()
    (shown,) = er.async_entries_for_config_entry(er.async_get(hass), result["result"].entry_id)
    return shown.entity_id


async def group(hass: HomeAssistant, name: str, entity_ids: list[str]) -> None:
    """Make a group that hides its members, as its helper offers to."""
    options = {"group_type": "light", "hide_members": True, "all": False, "name": name, "entities": entity_ids}
    entry = MockConfigEntry(domain="group", options=options, title=name)
    entry.add_to_hass(hass)
    assert await hass.config_entries.async_setup(entry.entry_id)
    for entity_id in entity_ids:
        er.async_get(hass).async_update_entity(entity_id, hidden_by=er.RegistryEntryHider.INTEGRATION)
    await hass.async_block_till_done()
