"""The buttons of a bot, as a person presses them."""

from collections.abc import Callable

from homeassistant.core import Context, HomeAssistant
from homeassistant.exceptions import HomeAssistantError, Unauthorized
import pytest
from pytest_homeassistant_custom_component.common import MockUser, async_capture_events

from .conftest import AddBot, Home, SetPresence
from .days import RESTORE, everybody, turn
from .home import state_of
from .test_rights import PORCH_ONLY, user_with

OFF, ON, RESTORED = "turn_everything_off", "turn_everything_on", "restore_what_was_on"


async def press(hass: HomeAssistant, button: str, context: Context | None = None) -> None:
    """Press a button of the bot Home."""
    await hass.services.async_call(
        "button", "press", {"entity_id": f"button.home_{button}"}, blocking=True, context=context
    )


async def test_everything_is_turned_on_and_off(
    hass: HomeAssistant, home: Home, add_bot: AddBot, on: Callable[[], list[str]]
) -> None:
    """That is, what the bot is attached to, and nothing of other bots."""
    await add_bot("Home", target={"entity_id": ["light.kitchen", "light.porch"]})
    await add_bot("Garden", target={"entity_id": ["switch.fan"]})
    await turn(hass, "switch.fan", "on")
    await press(hass, OFF)
    assert on() == ["switch.fan"]
    await press(hass, ON)
    assert on() == ["light.kitchen", "light.porch", "switch.fan"]


async def test_what_a_button_turned_off_is_restored_by_another(
    hass: HomeAssistant, home: Home, add_bot: AddBot, on: Callable[[], list[str]]
) -> None:
    """Also when it is pressed twice, and after a reload."""
    bot = await add_bot()
    await turn(hass, "light.porch", "on")
    await press(hass, OFF)
    await press(hass, OFF)
    assert on() == []
    await hass.config_entries.async_reload(bot.bot_id)
    await press(hass, RESTORED)
    assert on() == ["light.porch"]


async def test_what_was_on_when_everyone_left_is_not_what_a_button_restores(
    hass: HomeAssistant, home: Home, persons: SetPresence, add_bot: AddBot, on: Callable[[], list[str]]
) -> None:
    """That comes back when somebody returns."""
    await add_bot(settling=0, **RESTORE)
    await turn(hass, "light.porch", "on")
    await everybody(persons, "not_home")
    await press(hass, RESTORED)
    assert on() == []
    await everybody(persons, "home")
    assert on() == ["light.porch"]


async def test_a_press_is_a_message_of_whoever_presses(hass: HomeAssistant, home: Home, add_bot: AddBot) -> None:
    """It is seen at the event entity, and stays within the bot."""
    await add_bot()
    events = async_capture_events(hass, "datastream_bot_message")
    user = MockUser(is_owner=True).add_to_hass(hass)
    await press(hass, OFF, Context(user_id=user.id))

    state = state_of(hass, "event.home_toggle_everything")
    assert state.attributes["content"] == {"on": False, "remember": True}
    assert state.attributes["origin"] == "button"
    assert state.context.user_id == user.id
    assert state_of(hass, "light.porch").context.user_id is None
    assert events == []


@pytest.mark.warns
async def test_what_could_not_be_switched_is_told_to_whoever_presses(
    hass: HomeAssistant, home: Home, add_bot: AddBot, on: Callable[[], list[str]]
) -> None:
    """The others are switched all the same."""
    await add_bot()
    home["light.porch"].broken = "stuck"
    with pytest.raises(HomeAssistantError, match=r"^Home could not do all of it: .*: light\.porch: stuck$"):
        await press(hass, ON)
    assert on() == ["light.kitchen", "switch.fan"]


@pytest.mark.warns
async def test_nobody_switches_more_by_a_button_than_by_oneself(
    hass: HomeAssistant, home: Home, add_bot: AddBot, on: Callable[[], list[str]]
) -> None:
    """Nor is told what there is besides; who may not press the button does nothing at all."""
    await add_bot()
    child = Context(user_id=user_with(hass, PORCH_ONLY).id)
    with pytest.raises(Unauthorized):
        await press(hass, ON, child)
    assert on() == []

    entities = {**PORCH_ONLY["entities"], "domains": {"button": True}}
    presser = Context(user_id=user_with(hass, {"entities": entities}).id)
    with pytest.raises(HomeAssistantError) as told:
        await press(hass, ON, presser)
    assert str(told.value) == "Home could not do all of it: It failed for 2 of the entities"
    assert on() == ["light.porch"]


async def test_a_button_works_without_the_data_stream(
    hass: HomeAssistant, home: Home, add_bot: AddBot, on: Callable[[], list[str]]
) -> None:
    """Somebody may have deleted it, so that nothing reaches it from outside."""
    bot = await add_bot()
    for stream_id in list(bot.entry.subentries):
        hass.config_entries.async_remove_subentry(bot.entry, stream_id)
    await hass.async_block_till_done()
    await press(hass, ON)
    assert on() == [*home]
