"""Automations and scripts that name an address which nobody has."""

from collections.abc import Awaitable, Callable
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.config_entries import ConfigEntryDisabler
from homeassistant.core import CoreState, HomeAssistant
from homeassistant.helpers import issue_registry as ir
from homeassistant.setup import async_setup_component
import pytest

from .conftest import AddBot
from .days import go_on
from .streams import add_stream

type Look = Callable[[], Awaitable[dict[str, Any]]]

SEND = {"action": "datastream_bot.send"}
TRIGGER = "datastream_bot.message_received"


@pytest.fixture
def look(hass: HomeAssistant, freezer: FrozenDateTimeFactory) -> Look:
    """Return a function that waits a while, and returns what the repair issues tell."""

    async def found() -> dict[str, Any]:
        await hass.async_block_till_done()
        await go_on(hass, freezer, 11)
        return {
            issue.issue_id: {"text": issue.translation_key, **(issue.translation_placeholders or {})}
            for issue in ir.async_get(hass).issues.values()
            if issue.active and "nobody" in str(issue.translation_key)
        }

    return found


async def automate(hass: HomeAssistant, *automations: dict[str, Any]) -> None:
    """Set up automations."""
    configs = [{"triggers": [], "actions": [], **automation} for automation in automations]
    assert await async_setup_component(hass, "automation", {"automation": configs})
    await hass.async_block_till_done()


async def test_an_automation_that_sends_to_nobody_is_a_repair_issue_until_somebody_listens(
    hass: HomeAssistant, add_bot: AddBot, look: Look
) -> None:
    """With the nearest address, and a link to the editor."""
    bot = await add_bot()
    await add_stream(bot, "doorbell")
    steps = [{**SEND, "data": {"address": address}} for address in ("dorbell", "doorbell", "{{ any }}")]
    await automate(hass, {"id": "ring", "alias": "Ring", "actions": steps})
    assert await look() == {
        "sends_to_nobody_automation.ring": {
            "text": "sends_to_nobody_nearest",
            "name": "Ring",
            "addresses": "dorbell",
            "nearest": "doorbell",
            "edit": "/config/automation/edit/ring",
        }
    }
    await add_stream(bot, "dorbell")
    assert await look() == {}


async def test_who_waits_for_it_is_somebody(hass: HomeAssistant, add_bot: AddBot, look: Look) -> None:
    """And an automation may wait for what something else sends, unless that looks like a mistake."""
    bot = await add_bot()
    await add_stream(bot, "doorbell")
    waits = {"trigger": TRIGGER, "options": {"address": ["between_us", "from_elsewhere", "doorbel"]}}
    send = {**SEND, "data": {"address": "between_us"}}
    await automate(hass, {"alias": "Waits", "triggers": waits}, {"alias": "Sends", "actions": send})
    (issue,) = (await look()).values()
    assert (issue["text"], issue["addresses"], issue["nearest"]) == ("waits_for_nobody_nearest", "doorbel", "doorbell")
    assert issue["edit"] == "/config/automation/dashboard"


async def test_what_is_turned_off_is_left_alone(hass: HomeAssistant, add_bot: AddBot, look: Look) -> None:
    """Until it is turned on."""
    await add_bot()
    await automate(hass, {"alias": "Ring", "actions": {**SEND, "data": {"address": "nowhere"}}})
    assert [*await look()] == ["sends_to_nobody_automation.ring"]
    await hass.services.async_call("automation", "turn_off", {"entity_id": "automation.ring"}, blocking=True)
    assert await look() == {}
    await hass.services.async_call("automation", "turn_on", {"entity_id": "automation.ring"}, blocking=True)
    assert [*await look()] == ["sends_to_nobody_automation.ring"]


async def test_a_script_that_is_mended_is_no_issue_any_more(
    hass: HomeAssistant, add_bot: AddBot, look: Look, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As soon as it is loaded anew."""
    await add_bot()

    def scripts(address: str) -> dict[str, Any]:
        return {"script": {"ring": {"sequence": [{**SEND, "data": {"address": address}}]}}}

    assert await async_setup_component(hass, "script", scripts("nowhere"))
    (issue,) = (await look()).values()
    assert (issue["text"], issue["edit"]) == ("sends_to_nobody", "/config/script/edit/ring")

    async def mended(_: HomeAssistant) -> dict[str, Any]:
        return scripts("toggle_everything")

    monkeypatch.setattr("homeassistant.config.async_hass_config_yaml", mended)
    await hass.services.async_call("script", "reload", blocking=True)
    assert await look() == {}


async def test_a_bot_that_does_not_run_has_its_addresses_all_the_same(
    hass: HomeAssistant, add_bot: AddBot, look: Look
) -> None:
    """The action says that it does not run; the address is right."""
    bot = await add_bot()
    await add_stream(bot, "doorbell")
    await automate(hass, {"alias": "Ring", "actions": {**SEND, "data": {"address": "doorbell"}}})
    await hass.config_entries.async_set_disabled_by(bot.bot_id, ConfigEntryDisabler.USER)
    assert await look() == {}


async def test_while_home_assistant_starts_nothing_is_known(hass: HomeAssistant, add_bot: AddBot, look: Look) -> None:
    """Automations may be loaded before bots."""
    hass.set_state(CoreState.not_running)
    await add_bot()
    await automate(hass, {"alias": "Ring", "actions": {**SEND, "data": {"address": "nowhere"}}})
    assert await look() == {}
    await hass.async_start()
    assert [*await look()] == ["sends_to_nobody_automation.ring"]
