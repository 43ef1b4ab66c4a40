"""The demo as a home to play in: what the editors of Home Assistant save in it."""

from typing import Final

from anyio.from_thread import BlockingPortal
from playwright.sync_api import expect
import pytest

from ..real.home import RealHome
from .conftest import Person

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240), pytest.mark.usefixtures("bot")]

BLUEPRINTS: Final = ("Forward a button press", "Notify on a message", "The day's first arrival")


def test_the_demo_is_reached_where_home_assistant_says(person: Person, home: RealHome) -> None:
    """In its settings of the network."""
    person.open("/config/network")
    address = person.page.locator("ha-config-url-form input").last
    expect(address).to_have_value(home.url)
    person.look("The network")


def test_an_automation_is_created_from_a_blueprint(person: Person, home: RealHome, portal: BlockingPortal) -> None:
    """It notifies of messages to an address."""
    page = person.page
    person.open("/config/blueprint/dashboard")
    for blueprint in BLUEPRINTS:
        expect(page.get_by_text(blueprint, exact=True)).to_be_visible()
    person.look("The blueprints")
    page.get_by_text("Notify on a message", exact=True).click()
    page.locator("ha-selector-text input").fill("toggle_everything")
    page.locator("ha-selector-config_entry").click()
    page.get_by_text("Data Stream Bot", exact=True).last.click()
    person.look("An automation from a blueprint")
    person.save()

    portal.call(home.act, "datastream_bot.send", {"address": "toggle_everything", "content": {"on": True}})
    page.get_by_text("Notifications", exact=True).first.click()
    expect(page.get_by_text('Content: {"on":true}')).to_be_visible()
    person.look("The notification of the blueprint")


def test_a_scene_is_saved(person: Person, home: RealHome, portal: BlockingPortal) -> None:
    """It turns on the light that is on in it."""
    page = person.page
    portal.call(home.act, "light.turn_on", {"entity_id": "light.porch"})
    person.open("/config/scene/edit/new")
    page.locator("ha-scene-editor ha-entity-picker").click()
    page.get_by_text("Porch", exact=True).last.click()
    person.look("A scene")
    person.save_as("Late visitors")

    portal.call(home.act, "light.turn_off", {"entity_id": "light.porch"})
    portal.call(home.act, "scene.turn_on", {"entity_id": "scene.late_visitors"})
    assert portal.call(home.state, "light.porch") == "on"
