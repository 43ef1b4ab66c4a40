"""What the help texts say, typed as they say it and without the quotes: YAML takes a bare `on` for true.

Home Assistant's editor makes a key of that.
"""

import re
from typing import Final

from anyio.from_thread import BlockingPortal
from playwright.sync_api import Locator, expect
import pytest

from ..real.demo import DEVICES
from ..real.home import RealHome
from .conftest import INTEGRATION, Person

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240), pytest.mark.usefixtures("bot")]

ACTION: Final = "/config/tools/action?service=datastream_bot.send"
QUOTES: Final = pytest.mark.parametrize("quote", ['"', ""], ids=["with quotes", "without quotes"])


def told(content: Locator) -> str:
    """Return what the help text of the content says to type."""
    (example,) = re.findall(r"For example (\S+: \w+)", content.get_by_text("For example").inner_text())
    return str(example)


def fill_in_message(person: Person, form: Locator, quote: str) -> None:
    """Fill in the action's form as its help text says."""
    pick_toggle_everything(person, form)
    type_content(form, quote)


def pick_toggle_everything(person: Person, form: Locator) -> None:
    """Pick the address in a form."""
    form.locator("ha-selector-select").first.click()
    person.page.get_by_text(re.compile("^toggle_everything")).last.click()


def type_content(form: Locator, quote: str) -> None:
    """Type the example of the content's help text."""
    content = form.locator("ha-settings-row", has_text="Content").first
    content.locator("ha-checkbox").first.click()
    content.locator(".cm-content").first.press_sequentially(told(content).replace('"', quote))


def states(home: RealHome, portal: BlockingPortal) -> set[str]:
    """Return the states that the lights and switches have."""
    return {portal.call(home.state, entity_id) for entity_id in DEVICES}


@QUOTES
def test_the_example_in_the_form_of_the_action_is_a_message(
    person: Person, home: RealHome, portal: BlockingPortal, quote: str
) -> None:
    """It turns everything on."""
    person.open(ACTION)
    fill_in_message(person, person.page.locator("ha-service-control"), quote)
    person.press("Perform action")
    expect(person.page.locator("tools-action .cm-content").last).to_contain_text("light.kitchen")
    person.look("Typed into the form")
    assert states(home, portal) == {"on"}


@QUOTES
def test_the_example_beside_the_yaml_of_the_action_is_a_message(
    person: Person, home: RealHome, portal: BlockingPortal, quote: str
) -> None:
    """It turns everything on."""
    page = person.page
    person.open(ACTION)
    page.get_by_text("YAML mode").click()
    typed = told(page.get_by_role("row", name="content")).replace('"', quote)
    action = f"action: datastream_bot.send\ndata:\n  address: toggle_everything\n  content:\n    {typed}\n"
    page.locator("tools-action .cm-content").first.fill(action)
    person.press("Perform action")
    expect(page.locator("tools-action .cm-content").last).to_contain_text("light.kitchen")
    person.look("Typed as YAML")
    assert states(home, portal) == {"on"}


def test_the_example_data_that_home_assistant_fills_in_is_a_message(person: Person) -> None:
    """It notifies."""
    page = person.page
    person.open(ACTION)
    page.get_by_text("YAML mode").click()
    person.press("Fill example data")
    expect(page.locator("tools-action .cm-content")).to_contain_text("send_push_notification")
    person.press("Perform action")
    expect(page.locator("tools-action .cm-content").last).to_contain_text("receiver: location")
    person.look("The example data")
    page.get_by_text("Notifications", exact=True).first.click()
    expect(page.get_by_text("Hello", exact=True).last).to_be_visible()


@QUOTES
def test_the_example_in_the_form_of_the_trigger_is_waited_for(
    person: Person, home: RealHome, portal: BlockingPortal, quote: str
) -> None:
    """Other messages to the same address do not trigger."""
    page = person.page
    person.open("/config/automation/edit/new")
    person.add("trigger", "Data stream message received")
    form = page.locator("ha-automation-sidebar-trigger")
    pick_toggle_everything(person, form)
    page.keyboard.press("Escape")
    type_content(form, quote)
    person.look("Typed into the trigger")
    person.save_as("Everything is on")
    for on in (False, True):
        portal.call(home.act, "datastream_bot.send", {"address": "toggle_everything", "content": {"on": on}})

    automation = page.url.rsplit("/", 1)[-1]

    async def has_triggered_once() -> bool:
        return len(await home.ask("trace/list", domain="automation", item_id=automation)) == 1

    portal.call(home.wait_for, "The trigger", has_triggered_once)


@QUOTES
def test_the_example_in_the_form_of_a_script_is_a_message(
    person: Person, home: RealHome, portal: BlockingPortal, quote: str
) -> None:
    """It turns everything on when the script is run."""
    page = person.page
    person.open("/config/script/edit/new")
    person.add("action", "Data Stream Bot: Send a message")
    fill_in_message(person, page.locator("ha-automation-sidebar-action"), quote)
    person.save_as("Evening")
    script = page.url.rsplit("/", 1)[-1]
    portal.call(home.act, f"script.{script}", {})
    assert states(home, portal) == {"on"}


@QUOTES
def test_the_example_in_the_actions_of_a_data_stream_is_a_message(
    person: Person, home: RealHome, portal: BlockingPortal, quote: str
) -> None:
    """A message to the data stream turns everything on."""
    page = person.page
    person.open(INTEGRATION)
    page.get_by_role("button", name="Add data stream").first.click()
    form = page.locator("step-flow-form ha-form").first
    form.locator("input[name=address]").fill("evening")
    person.add("action", "Data Stream Bot: Send a message")
    fill_in_message(person, form.locator("ha-automation-action-row"), quote)
    person.look("Typed into the actions of a data stream")
    person.submit()
    portal.call(home.act, "datastream_bot.send", {"address": "evening"})
    assert states(home, portal) == {"on"}
