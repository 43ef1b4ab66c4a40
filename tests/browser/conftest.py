"""Fixtures: a real Home Assistant in a process of its own, and a person at the browser.

Playwright has an event loop of its own in this thread, so what is asked of Home Assistant beside it runs in another.
"""

from collections.abc import Iterator, Mapping
import json
import os
from pathlib import Path
import re
import shutil
from typing import Any, Final

from anyio.from_thread import BlockingPortal, start_blocking_portal
from playwright.sync_api import BrowserContext, Locator, Page, expect
import pytest

from ..real.demo import CONFIGURATION, DOORBELL, demo_home
from ..real.home import RealHome

INTEGRATION: Final = "/config/integrations/integration/datastream_bot"
QUIETLY: Final = (
    *("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync", "--disable-quic"),
)
# What an editor saves is loaded a moment later.
IS_THERE: Final = """id => Object.values(document.querySelector("home-assistant").hass.states).some(
  state => state.attributes.id === id || state.entity_id === `script.${id}`
)"""
TIMEOUT: Final = 20_000
expect.set_options(timeout=TIMEOUT)


class Person:
    """A person at the browser, who knows the pages of Home Assistant."""

    def __init__(self, page: Page, folder: Path) -> None:
        """Initialize the person, with a folder for screenshots."""
        self.page = page
        self._folder = folder

    def open(self, path: str) -> None:
        """Open a page."""
        self.page.goto(path)
        self.see_home_assistant()

    def see_home_assistant(self) -> None:
        """Wait until the page is there."""
        expect(self.page.locator("home-assistant-main")).to_be_visible()
        expect(self.page.locator("#ha-launch-screen")).to_have_count(0)

    def open_doors(self) -> Locator:
        """Open the form of the bot's doors, and return it."""
        form = self.open_options("Doors to the outside")
        expect(form.locator("ha-expansion-panel").first).to_be_visible()
        return form

    def open_options(self, choice: str) -> Locator:
        """Open one of the forms of the bot's options, and return it."""
        page = self.page
        self.open(INTEGRATION)
        page.locator("ha-config-entry-row").get_by_role("button", name="Configure").first.click()
        expect(page.get_by_text(choice).last).to_be_visible()
        self.look("What to change")
        page.get_by_text(choice).last.click()
        form = page.locator("step-flow-form")
        expect(form.locator("ha-form").first).to_be_visible()
        return form

    def press(self, button: str) -> None:
        """Press a button."""
        self.page.get_by_role("button", name=button).click()

    def add(self, kind: str, name: str) -> None:
        """Add a trigger or an action in an editor."""
        self.press(f"Add {kind}")
        self.page.locator("add-automation-element-dialog input").first.fill(name)
        self.page.get_by_text(name, exact=True).last.click()

    def add_field(self, name: str, type_: str, *, limits: str = "", required: bool = False) -> None:
        """Add a field of the content in the form of a data stream."""
        self.page.locator("step-flow-form ha-selector-object ha-button", has_text="Add").first.click()
        row = self.page.locator("dialog-form")
        row.locator("input[name=name]").fill(name)
        for number, chosen in enumerate((type_, "Required" if required else "Optional")):
            row.locator("ha-selector-select").nth(number).click()
            self.page.get_by_text(chosen, exact=True).last.click()
        row.locator("input[name=limits]").fill(limits)
        self.look(f"A field of the content, {name}")
        row.get_by_role("button", name="Add").last.click()
        expect(self.page.locator("step-flow-form ha-selector-object").get_by_text(f"{name} · ")).to_be_visible()

    def run_actions(self) -> None:
        """Run the actions of the automation in the editor."""
        self.page.locator("hass-subpage ha-dropdown, ha-automation-editor ha-dropdown").first.click()
        self.page.get_by_text("Run actions", exact=True).click()

    def save(self) -> None:
        """Save what is new in an editor, and has a name; it is there when this is over."""
        self.page.get_by_role("button", name="Save").last.click()
        expect(self.page).not_to_have_url(re.compile("/edit/new"))
        self.page.wait_for_function(IS_THERE, arg=self.page.url.rsplit("/", 1)[-1])

    def save_as(self, name: str) -> None:
        """Save what is new in an editor under a name."""
        self.press("Save")
        self.page.locator("ha-dialog-automation-save input, ha-dialog-scene-save input").first.fill(name)
        self.save()

    def submit(self) -> None:
        """Submit the last form of a flow."""
        self.press("Submit")
        self.page.get_by_role("button", name=re.compile("finish", re.IGNORECASE)).last.click()
        expect(self.page.locator("step-flow-create-entry")).to_have_count(0)

    def submit_in_vain(self) -> None:
        """Submit a form that is then shown again, with what is wrong."""
        self.press("Submit")
        expect(self.page.locator("step-flow-form ha-alert[alert-type=error]").first).to_be_visible()

    def look(self, what: str, part: str = "body") -> None:
        """Take a screenshot of the page, or of a part of it."""
        # Dialogs take a moment to open.
        self.page.wait_for_timeout(500)
        self.page.locator(part).screenshot(path=self._folder / f"{what}.png")


@pytest.fixture(scope="session")
def portal() -> Iterator[BlockingPortal]:
    """Return the way to an event loop in another thread."""
    with start_blocking_portal() as portal:
        yield portal


@pytest.fixture(scope="session")
def home(portal: BlockingPortal, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealHome]:
    """Start the home of the demo."""
    with portal.wrap_async_context_manager(demo_home(tmp_path_factory.mktemp("home"))) as home:
        yield home


@pytest.fixture(autouse=True)
def _tidy_home(home: RealHome, portal: BlockingPortal) -> Iterator[None]:
    """Leave no bot behind, nothing that was saved, and nothing on."""
    yield
    for kind in ("automation", "script", "scene"):
        shutil.copy(CONFIGURATION / f"{kind}s.yaml", home.folder)
        portal.call(home.act, f"{kind}.reload", {})
    for entry in portal.call(home.get, "/api/config/config_entries/entry?domain=datastream_bot"):
        portal.call(home.delete, f"/api/config/config_entries/entry/{entry['entry_id']}")
    portal.call(home.act, "light.turn_off", {"entity_id": "all"})


@pytest.fixture
def bot(home: RealHome, portal: BlockingPortal) -> str:
    """Add a bot, and return its id."""
    entry_id: str = portal.call(home.add_bot)
    return entry_id


@pytest.fixture
def doorbell(home: RealHome, portal: BlockingPortal, bot: str) -> None:
    """Add the data stream of the demo."""
    portal.call(home.add_data_stream, bot, DOORBELL)


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return how the system's Chromium is started."""
    return {**browser_type_launch_args, "executable_path": os.environ["CHROMIUM"], "args": QUIETLY}


@pytest.fixture(scope="session")
def browser_context_args(browser_context_args: Mapping[str, Any], home: RealHome) -> Mapping[str, Any]:
    """Return the settings of a browser in which the owner of the home has logged in."""
    tokens = {**home.tokens, "hassUrl": home.url, "clientId": f"{home.url}/", "expires": 2**53}
    stored = {"name": "hassTokens", "value": json.dumps(tokens)}
    return {
        **browser_context_args,
        "base_url": home.url,
        "viewport": {"width": 1280, "height": 1400},
        "storage_state": {"origins": [{"origin": home.url, "localStorage": [stored]}]},
    }


@pytest.fixture
def person(context: BrowserContext, pytestconfig: pytest.Config) -> Person:
    """Return a person at the browser."""
    context.set_default_timeout(TIMEOUT)
    return Person(context.new_page(), Path(pytestconfig.getoption("--output")))


@pytest.fixture(scope="session")
def delete_output_dir() -> None:
    """Delete nothing from the folder that somebody named for the screenshots."""
