"""The actions of data streams: a person fills in their forms in the editor of automations."""

import re

from anyio.from_thread import BlockingPortal
from playwright.sync_api import Locator, Page, expect
import pytest

from ..real.demo import DEVICES
from ..real.home import RealHome
from .conftest import INTEGRATION, Person

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]


def field(page: Page, name: str) -> Locator:
    """Return a field in the form of the action that is being edited."""
    label = page.get_by_text(name, exact=True)
    return page.locator("ha-automation-sidebar-action ha-settings-row").filter(has=label).first


@pytest.mark.usefixtures("bot")
def test_a_data_stream_is_added_and_its_action_used_without_loading_the_page_again(
    person: Person, home: RealHome, portal: BlockingPortal
) -> None:
    """The form has its choice, its number with limits and its text; what is filled in arrives."""
    page = person.page
    person.open(INTEGRATION)
    page.evaluate("window.isTheSame = true")
    page.get_by_role("button", name="Add data stream").first.click()
    form = page.locator("step-flow-form ha-form").first
    form.locator("input[name=address]").fill("heat-room")
    form.locator("textarea[name=description]").fill("Heats a room")
    person.add_field("mode", "Choice", limits="eco, comfort")
    person.add_field("level", "Number", limits="0 to 100 step 5 %")
    person.add_field("room", "Text", required=True)
    person.submit()

    page.get_by_role("link", name="Settings").first.click()
    page.get_by_text("Automations & scenes").first.click()
    person.press("Create automation")
    page.get_by_text("Create new automation").click()
    person.add("action", "Data Stream Bot: Heat room")
    expect(page.locator("ha-automation-sidebar-action").get_by_text("Heats a room")).to_be_visible()
    for name in ("Mode", "Level"):
        field(page, name).locator("ha-checkbox").first.click()
    field(page, "Mode").get_by_text("comfort").click()
    field(page, "Level").locator("input").last.fill("45")
    field(page, "Room").locator("input").fill("Bath")
    person.look("The action of a data stream")
    person.save_as("Warm bath")
    assert page.evaluate("window.isTheSame")
    person.run_actions()

    async def has_arrived() -> bool:
        state = await home.get("/api/states/event.demo_heat_room")
        return bool(state["attributes"].get("content") == {"mode": "comfort", "level": 45, "room": "Bath"})

    portal.call(home.wait_for, "The message", has_arrived)


@pytest.mark.usefixtures("bot")
def test_everything_in_the_target_is_turned_on(person: Person, home: RealHome, portal: BlockingPortal) -> None:
    """And nothing else; without a target, nothing in the editor asks for one."""
    page = person.page
    person.open("/config/automation/edit/new")
    person.add("action", "Data Stream Bot: Turn everything on or off")
    expect(page.get_by_text("No target set")).to_have_count(0)
    field(page, "On").locator("ha-switch").click()
    target = field(page, "Target")
    target.locator("ha-checkbox").first.click()
    target.get_by_role("button", name="Add target").click()
    page.locator("ha-target-picker").get_by_text("Porch", exact=True).first.click()
    expect(target.locator("ha-target-picker-item-group, ha-target-picker-value-chip").first).to_be_visible()
    person.look("Turn everything on or off")
    person.save_as("Visitors")
    person.run_actions()

    async def is_porch_on() -> bool:
        return await home.state("light.porch") == "on"

    portal.call(home.wait_for, "The porch", is_porch_on)
    assert [each for each in DEVICES if portal.call(home.state, each) == "on"] == ["light.porch"]


@pytest.mark.usefixtures("bot")
def test_everything_is_turned_on_by_the_tools(person: Person, home: RealHome, portal: BlockingPortal) -> None:
    """As YAML, without a target, and the examples that Home Assistant fills in are of use."""
    page = person.page
    person.open("/config/tools/action?service=datastream_bot.toggle_everything")
    page.get_by_text("YAML mode").click()
    editor = page.locator("tools-action .cm-content").first
    person.press("Fill example data")
    expect(editor).to_contain_text("area_id: kitchen")
    person.press("Perform action")
    expect(page.locator("tools-action .cm-content").last).to_contain_text("receiver: device")
    person.look("The example data of turning everything on")
    assert portal.call(home.state, "light.kitchen") == "off"
    editor.fill('action: datastream_bot.toggle_everything\ndata:\n  "on": true\n')
    person.press("Perform action")
    expect(page.locator("tools-action .cm-content").last).to_contain_text("light.porch")
    assert portal.call(home.state, "light.porch") == "on"


@pytest.mark.usefixtures("doorbell")
@pytest.mark.browser_context_args(viewport={"width": 1280, "height": 880})
def test_the_doorbell_is_filled_in_as_the_picture_in_the_documentation_shows(
    person: Person, home: RealHome, portal: BlockingPortal
) -> None:
    """Which this test takes; what it does is in the home of the demo."""
    page = person.page
    person.open("/config/automation/edit/new")
    person.add("action", "Data Stream Bot: Doorbell")
    field(page, "Times").locator("input").last.fill("2")
    # A field with a default is chosen from the start.
    field(page, "Visitor").locator("input").last.fill("Anna")
    person.look("action", "ha-automation-sidebar")
    person.save_as("Somebody rings")
    person.run_actions()

    page.get_by_text("Notifications", exact=True).first.click()
    expect(page.get_by_text("Anna rang 2 times")).to_be_visible()
    assert portal.call(home.state, "light.porch") == "on"
    expect(page).to_have_url(re.compile("/config/automation/edit/"))
