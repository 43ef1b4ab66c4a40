"""The diagnostics file that a user adds to a report."""

from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
from pytest_homeassistant_custom_component.components.diagnostics import get_diagnostics_for_config_entry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from .conftest import AddBot, Home, SetPresence
from .home import Reader


async def test_diagnostics_say_what_the_bot_is_set_up_to_do_and_what_it_sees(
    hass: HomeAssistant, hass_client: ClientSessionGenerator, home: Home, persons: SetPresence, add_bot: AddBot
) -> None:
    """Whoever reads a report can tell why the lights did what they did."""
    assert await async_setup_component(hass, "diagnostics", {})
    bot = await add_bot("Home", exclude={"entity_id": ["switch.fan"]})
    bot.attach(Reader())

    diagnostics: Any = await get_diagnostics_for_config_entry(hass, hass_client, bot.entry)

    assert diagnostics["microservices"] == [
        {
            "name": "location",
            "addresses": ["send_push_notification"],
            "presence": "home",
            "since": bot.tracker.since.isoformat(),
            "acted_on": "home",
            "begun": None,
            "settles_at": None,
            "reacting": True,
            "last_reaction": None,
        },
        {
            "name": "device",
            "addresses": ["toggle_everything"],
            "attached": ["light.kitchen", "light.porch"],
            "remembered": {},
        },
        {"name": "reader", "addresses": ["news"]},
    ]
    assert diagnostics["known_addresses"] == ["news", "send_push_notification", "toggle_everything"]
    assert diagnostics["entry"]["options"]["exclude"] == {"entity_id": ["switch.fan"]}
    assert [stream["title"] for stream in diagnostics["entry"]["subentries"]] == [
        "toggle_everything",
        "send_push_notification",
    ]


async def test_diagnostics_tell_what_became_of_the_last_reaction_to_presence(
    hass: HomeAssistant, hass_client: ClientSessionGenerator, home: Home, persons: SetPresence, add_bot: AddBot
) -> None:
    """Nobody sent that message, so nobody else has its receipt."""
    assert await async_setup_component(hass, "diagnostics", {})
    bot = await add_bot("Home")
    await persons("anna", "not_home")
    await persons("bo", "not_home")

    diagnostics: Any = await get_diagnostics_for_config_entry(hass, hass_client, bot.entry)

    location = diagnostics["microservices"][0]
    assert location["presence"] == "away"
    assert location["last_reaction"]["handled"][0]["result"]["on"] is False
