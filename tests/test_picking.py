"""Picking addresses in the editors of the action and of the trigger."""

from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.helpers.service import async_get_all_descriptions as async_get_actions
from homeassistant.helpers.trigger import async_get_all_descriptions as async_get_triggers

from .conftest import AddBot
from .streams import add_stream, change_stream, remove_stream

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
    return list(selectors[0]["options"])


async def test_the_editors_offer_the_addresses_that_the_bots_know(hass: HomeAssistant, add_bot: AddBot) -> None:
    """Each once, as soon as it is added, under its new name when it is changed, and no longer when it is deleted."""
    bot = await add_bot("Home")
    await add_bot("Garden")
    assert await offered(hass) == BUILT_IN

    await add_stream(bot, "doorbell")
    assert await offered(hass) == ["doorbell", *BUILT_IN]
    await change_stream(bot, "doorbell", address="gate")
    await hass.async_block_till_done()
    assert await offered(hass) == ["gate", *BUILT_IN]
    await remove_stream(bot, "gate")
    assert await offered(hass) == BUILT_IN
