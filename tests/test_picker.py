"""Picking addresses in the editors of the action and of the trigger."""

from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.helpers.service import async_get_all_descriptions as async_get_actions
from homeassistant.helpers.trigger import TRIGGER_DESCRIPTION_CACHE, async_get_all_descriptions as async_get_triggers
import pytest
from pytest_homeassistant_custom_component.typing import WebSocketGenerator

from .conftest import AddBot
from .streams import add_stream, change_stream, remove_stream, row

BUILT_IN = ["send_push_notification", "toggle_everything"]


async def offered(hass: HomeAssistant) -> list[str]:
    """Return the addresses that both editors offer."""
    action: Any = (await async_get_actions(hass))["datastream_bot"]["send"]
    trigger: Any = (await async_get_triggers(hass))["datastream_bot.message_received"]
    selectors = [each["fields"]["address"]["selector"]["select"] for each in (action, trigger)]
    assert [selector["custom_value"] for selector in selectors] == [True, True]
    assert [selector["multiple"] for selector in selectors] == [False, True]
    assert selectors[0]["options"] == selectors[1]["options"]
    assert action["fields"]["content"]["selector"] == {"object": {"multiple": False}}
    assert action["response"] == {"optional": True}
    assert trigger["target"] == {"device": [{"integration": "datastream_bot"}], "entity": [{"domain": ["event"]}]}
    return [option["value"] for option in selectors[0]["options"]]


async def test_the_editors_offer_the_addresses_that_the_bots_know(hass: HomeAssistant, add_bot: AddBot) -> None:
    """Each once, as soon as it is added, under its new name when it is changed, and no longer when it is deleted."""
    bot = await add_bot("Home")
    assert await offered(hass) == BUILT_IN
    await add_bot("Garden")
    assert await offered(hass) == BUILT_IN

    await add_stream(bot, "doorbell")
    assert await offered(hass) == ["doorbell", *BUILT_IN]
    await change_stream(bot, "doorbell", address="gate")
    await hass.async_block_till_done()
    assert await offered(hass) == ["gate", *BUILT_IN]
    await remove_stream(bot, "gate")
    assert await offered(hass) == BUILT_IN


async def labels(hass: HomeAssistant) -> dict[str, str]:
    """Return what the editor of the action calls each address."""
    await hass.async_block_till_done()
    action: Any = (await async_get_actions(hass))["datastream_bot"]["send"]
    options = action["fields"]["address"]["selector"]["select"]["options"]
    return {option["value"]: option["label"] for option in options}


async def test_the_editors_say_what_messages_to_an_address_are_for(hass: HomeAssistant, add_bot: AddBot) -> None:
    """And what the fields mean, as the first bot says that says it; on one line and not too long."""
    bot, garden = await add_bot("Home"), await add_bot("Garden")
    await add_stream(bot, "doorbell", fields=[row("times", "number"), row("who", description="Who rings.")])
    assert (await labels(hass))["doorbell"] == "doorbell: who (Who rings)"
    await add_stream(
        garden, "doorbell", description="Somebody\n  rings.", fields=[row("times", "number", description="How often")]
    )
    assert (await labels(hass))["doorbell"] == "doorbell (Somebody rings): who (Who rings), times (How often)"

    await change_stream(garden, "doorbell", description="Ring " * 500, fields=[])
    await change_stream(bot, "doorbell", fields=[])
    told = (await labels(hass))["doorbell"]
    assert (told[:15], told[-2:], len(told) < 220) == ("doorbell (Ring ", "…)", True)
    await change_stream(garden, "doorbell", description="")
    assert (await labels(hass))["doorbell"] == "doorbell"


async def test_a_bot_that_is_unloaded_takes_its_addresses_with_it(hass: HomeAssistant, add_bot: AddBot) -> None:
    """Those of the others stay."""
    bot = await add_bot("Home")
    await add_bot("Garden")
    await add_stream(bot, "doorbell")
    await hass.config_entries.async_unload(bot.bot_id)
    await hass.async_block_till_done()
    assert await offered(hass) == BUILT_IN


async def test_a_page_that_is_loaded_is_sent_the_addresses(
    hass: HomeAssistant, add_bot: AddBot, hass_ws_client: WebSocketGenerator
) -> None:
    """As they are at that moment, and again as they are at the next."""
    bot = await add_bot()

    async def sent() -> list[list[str]]:
        client = await hass_ws_client()
        await client.send_json_auto_id({"type": "trigger_platforms/subscribe"})
        await client.receive_json()
        triggers = (await client.receive_json())["event"]
        await client.send_json_auto_id({"type": "get_services"})
        actions = (await client.receive_json())["result"]
        both = triggers["datastream_bot.message_received"], actions["datastream_bot"]["send"]
        selectors = [each["fields"]["address"]["selector"]["select"] for each in both]
        return [[option["value"] for option in selector["options"]] for selector in selectors]

    assert await sent() == [BUILT_IN, BUILT_IN]
    await add_stream(bot, "doorbell")
    assert await sent() == [["doorbell", *BUILT_IN]] * 2


async def test_an_address_that_is_added_while_other_triggers_are_loaded_is_offered(
    hass: HomeAssistant, add_bot: AddBot
) -> None:
    """Home Assistant copies what it knows, loads what it does not, and goes on with the copy."""
    bot = await add_bot()
    copied = hass.data[TRIGGER_DESCRIPTION_CACHE].copy()
    await add_stream(bot, "doorbell")
    hass.data[TRIGGER_DESCRIPTION_CACHE] = copied
    assert await offered(hass) == ["doorbell", *BUILT_IN]


async def test_without_home_assistants_descriptions_of_triggers_the_action_still_offers_the_addresses(
    hass: HomeAssistant, monkeypatch: pytest.MonkeyPatch, add_bot: AddBot
) -> None:
    """They are no public part of it, and may go with any release."""
    hass.data.pop(TRIGGER_DESCRIPTION_CACHE)
    await add_bot("Home")
    monkeypatch.delattr("homeassistant.helpers.trigger.TRIGGER_DESCRIPTION_CACHE")

    await add_bot("Office")

    action: Any = (await async_get_actions(hass))["datastream_bot"]["send"]
    options = action["fields"]["address"]["selector"]["select"]["options"]
    assert [option["value"] for option in options] == BUILT_IN
