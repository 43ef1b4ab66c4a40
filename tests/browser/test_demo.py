"""The demo as a home to play in: what the editors of Home Assistant save in it."""

from typing import Final

from anyio.from_thread import BlockingPortal
from playwright.sync_api import expect
import pytest

from ..real.home import RealHome
from .conftest import Person

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240), pytest.mark.usefixtures("bot")]

BLUEPRINTS: Final = (
    "Forward a button press",
    "Notify on a message",
    "Say it",
    "The day's first arrival",
    "Wall button",
)


def test_the_demo_is_reached_where_home_assistant_says(person: Person, home: RealHome) -> None:
    """In its settings of the network."""
    person.open("/config/network")
    address = person.page.locator("ha-config-url-form input").last
    expect(address).to_have_value(home.url)
    person.look("The network")


def test_an_automation_is_created_from_a_blueprint(person: Person, home: RealHome, portal: BlockingPortal) -> None:
    """It notifies of messages to a data stream."""
    page = person.page
    person.open("/config/blueprint/dashboard")
    for blueprint in BLUEPRINTS:
        expect(page.get_by_text(blueprint, exact=True)).to_be_visible()
    person.look("The blueprints")
    page.get_by_text("Notify on a message", exact=True).click()
    page.locator("ha-selector-entity ha-entity-picker").click()
    page.get_by_text("Demo toggle_everything", exact=True).last.click()
    person.look("An automation from a blueprint")
    person.save()

    portal.call(home.act, "datastream_bot.send", {"address": "toggle_everything", "content": {"on": True}})
    page.get_by_text("Notifications", exact=True).first.click()
    expect(page.get_by_text('Content: {"on":true}')).to_be_visible()
    person.look("The notification of the blueprint")


@pytest.mark.usefixtures("doorbell")
def test_a_sentence_is_the_action_of_a_data_stream(person: Person, home: RealHome, portal: BlockingPortal) -> None:
    """It is picked in the blueprint with its form, and what is said is answered."""
    page = person.page
    person.open("/config/blueprint/dashboard")
    page.get_by_text("Say it", exact=True).click()
    page.locator("ha-selector-text").first.get_by_role("button", name="Add").click()
    page.locator("ha-selector-text input").first.fill("ring the bell")
    expect(page.get_by_text("No target set")).to_have_count(0)
    person.add("action", "Data Stream Bot: Doorbell")
    row = page.locator("ha-selector-action ha-automation-action-row").last
    row.locator("ha-settings-row", has_text="Times").locator("input").last.fill("3")
    person.look("A sentence from a blueprint")
    person.save()

    said = portal.call(home.post, "/api/conversation/process", {"text": "Ring the bell!"})
    assert said["response"]["speech"]["plain"]["speech"] == "Done"
    assert portal.call(home.get, "/api/states/event.demo_doorbell")["attributes"]["content"]["times"] == 3


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
