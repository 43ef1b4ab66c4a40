"""Uses the integration in a real browser: adds a bot and a data stream, sends to it, and looks at what happens."""

import argparse
import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
import re
import shutil
import sys
import tempfile
from urllib.parse import urlsplit

from play import PASSWORD, USERNAME, configuration, furnish, progress, say, start
from playwright.async_api import Error, Page, async_playwright, expect
from real_home import HomeError, RealHome, real_home

QUIETLY = (
    *("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync", "--disable-quic"),
)
INTEGRATION = "/config/integrations/integration/datastream_bot"
TIMEOUT = 20_000


class Visit:
    """A person at the browser."""

    def __init__(self, page: Page, home: RealHome, screenshots: Path) -> None:
        """Initialize the visit."""
        self._page = page
        self._home = home
        self._screenshots = screenshots

    async def log_in(self) -> None:
        """Log in."""
        page = self._page
        await page.goto(self._home.url)
        await page.locator("input[name=username]").fill(USERNAME)
        await page.locator("input[name=password]").fill(PASSWORD)
        await page.get_by_role("button", name="Log in").click()
        await self._loaded()

    async def add_bot(self) -> None:
        """Add a bot, with the form as it is offered."""
        page = self._page
        await self._open("/config/integrations/dashboard/add?domain=datastream_bot")
        await page.get_by_role("button", name="OK").click()
        form = page.locator("step-flow-form ha-form").first
        await expect(form.locator("input[name=name]")).to_have_value("Demo")
        await self._look("Add a bot")
        await page.get_by_role("button", name="Next").click()
        await expect(page.get_by_text("6 lights and switches")).to_be_visible()
        await self._submit("What it is attached to")
        await self._open(INTEGRATION)
        await expect(page.locator("ha-config-entry-row")).to_have_count(1)

    async def add_data_stream(self) -> None:
        """Add a data stream with a field and an action."""
        page = self._page
        await page.get_by_role("button", name="Add data stream").first.click()
        form = page.locator("step-flow-form ha-form").first
        await form.locator("input[name=address]").fill("door bell")

        await form.locator("ha-selector-object ha-button").first.click()
        row = page.locator("dialog-form")
        await row.locator("input[name=name]").fill("times")
        await row.locator("ha-selector-select").first.click()
        await page.get_by_text("Number", exact=True).last.click()
        await row.locator("ha-switch").first.click()
        await self._look("A field of the content")
        await row.get_by_role("button", name="Add").last.click()
        await expect(form.get_by_text("times")).to_be_visible()

        await form.get_by_role("button", name="Add action").click()
        await page.get_by_text("Kitchen", exact=True).last.click()
        await page.get_by_text("Turn on light").last.click()
        await expect(form.locator("ha-automation-action-row")).to_have_count(1)

        # An address with a space is refused, and nothing that was typed is lost.
        await self._submit("Add a data stream", finish=False)
        await expect(form.locator("input[name=address]")).to_have_value("door bell")
        await expect(page.get_by_text("Start with a letter").first).to_be_visible()
        await self._look("An address that is not valid")
        await form.locator("input[name=address]").fill("doorbell")
        await self._submit("Add a data stream again")
        await expect(page.get_by_text("doorbell").first).to_be_visible()
        await self._look("The bot and its data streams")

    async def send_message(self) -> None:
        """Send to the data stream: first what does not fit, then what does, with the address picked."""
        page = self._page
        await self._open("/config/tools/action?service=datastream_bot.send")
        address = page.locator("ha-service-control ha-selector-select").first
        await address.click()
        await page.get_by_text("doorbell", exact=True).last.click()
        await self._look("The picked address")
        await page.get_by_role("button", name="Perform action").click()
        await expect(page.get_by_text("times is missing, it must be a number").first).to_be_visible()
        await self._look("Content that does not fit")

        content = page.locator("ha-service-control ha-settings-row", has_text="Content").first
        await content.locator("ha-checkbox").first.click()
        await content.locator(".cm-content").first.fill("times: 2")
        await page.get_by_role("button", name="Perform action").click()
        await expect(page.locator("tools-action .cm-content").last).to_contain_text("receiver: mapping")
        await self._look("The receipt")

    async def see_it_happened(self) -> None:
        """See the light on, and the message at the event entity."""
        state = await self._home.get("/api/states/event.doorbell")
        if state["attributes"]["content"] != {"times": 2}:
            raise HomeError(f"The event entity shows {state['attributes']}")
        if (await self._home.get("/api/states/light.kitchen"))["state"] != "on":
            raise HomeError("The action did not turn the light on")
        await self._open("/logbook?entity_id=event.doorbell")
        await expect(self._page.get_by_text("Message received").first).to_be_visible()
        await self._look("The event entity in the activity")

    async def open_webhook(self) -> None:
        """Open the bot's webhook, and send to the URL that the form shows."""
        page = self._page
        await self._show_doors()
        await page.locator("step-flow-form ha-expansion-panel ha-switch").first.click()
        await self._look("The doors")
        await page.get_by_role("button", name="Submit").click()
        url = await page.locator("step-flow-form ha-markdown code").first.inner_text()
        await self._look("The URL of the webhook")
        await page.get_by_role("button", name="Submit").click()
        await expect(page.locator("step-flow-abort")).to_be_visible()
        await self._look("The webhook is open")
        await page.keyboard.press("Escape")

        receipt = await self._home.post(urlsplit(url.strip()).path, {"address": "doorbell", "content": {"times": 1}})
        if [delivery["receiver"] for delivery in receipt["handled"]] != ["mapping"]:
            raise HomeError(f"The webhook answered {receipt}")

    async def open_mqtt(self) -> None:
        """Open the door to other homes; a name that is missing is told, and nothing that was typed is lost."""
        page = self._page
        await self._show_doors()
        await page.get_by_text("MQTT: other homes").click()
        section = page.locator("step-flow-form ha-form-expandable").nth(1)
        await section.locator("ha-switch").first.click()
        await section.locator("input[name=organization]").fill("acme")
        await self._submit("Other homes", finish=False)
        await expect(page.get_by_text("The home needs a name").first).to_be_visible()
        await self._look("A home without a name")
        if not await section.locator("input[name=home]").is_visible():
            await page.get_by_text("MQTT: other homes").click()
        await expect(section.locator("input[name=organization]")).to_have_value("acme")
        await section.locator("input[name=home]").fill("cottage")
        await page.get_by_role("button", name="Submit").click()
        await expect(page.locator("step-flow-form ha-markdown code").first).to_be_visible()
        await page.get_by_role("button", name="Submit").click()
        await expect(page.locator("step-flow-abort")).to_be_visible()
        await page.keyboard.press("Escape")
        await self._open("/config/repairs/")
        await expect(page.get_by_text("has no MQTT to reach other homes").first).to_be_visible()
        await self._look("There is no MQTT yet")

    async def _show_doors(self) -> None:
        page = self._page
        await self._open(INTEGRATION)
        await page.locator("ha-config-entry-row ha-dropdown").first.click()
        await page.get_by_text("Reconfigure", exact=True).first.click()
        await self._look("What to change")
        await page.get_by_text("Doors to the outside").last.click()
        await expect(page.locator("step-flow-form ha-expansion-panel").first).to_be_visible()

    async def _open(self, path: str) -> None:
        await self._page.goto(self._home.url + path)
        await self._loaded()

    async def _loaded(self) -> None:
        await expect(self._page.locator("home-assistant-main")).to_be_visible()
        await expect(self._page.locator("#ha-launch-screen")).to_have_count(0)

    async def _submit(self, what: str, *, finish: bool = True) -> None:
        page = self._page
        await self._look(what)
        await page.get_by_role("button", name="Submit").click()
        if finish:
            await page.get_by_role("button", name=re.compile("finish", re.IGNORECASE)).last.click()
            await expect(page.locator("step-flow-create-entry")).to_have_count(0)
        else:
            await expect(page.locator("step-flow-form ha-alert[alert-type=error]").first).to_be_visible()

    async def _look(self, what: str) -> None:
        """Take a screenshot of what a person would see now."""
        # Dialogs take a moment to open.
        await asyncio.sleep(0.5)
        number = len(list(self._screenshots.glob("*.png"))) + 1
        await self._page.screenshot(path=self._screenshots / f"{number:02} {what}.png")


async def visit(home: RealHome, screenshots: Path) -> int:
    """Do everything, and return how many steps failed."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=shutil.which("chromium"), args=QUIETLY)
        page = await browser.new_page(viewport={"width": 1280, "height": 1400})
        page.set_default_timeout(TIMEOUT)
        expect.set_options(timeout=TIMEOUT)
        guest = Visit(page, home, screenshots)
        steps: tuple[Callable[[], Awaitable[None]], ...] = (
            guest.log_in,
            guest.add_bot,
            guest.add_data_stream,
            guest.send_message,
            guest.see_it_happened,
            guest.open_webhook,
            guest.open_mqtt,
        )
        for passed, step in enumerate(steps):
            try:
                await step()
            except (AssertionError, Error, HomeError) as err:
                await page.screenshot(path=screenshots / "failed.png")
                say(f"FAILED  {step.__doc__}\n{err}\nSee {screenshots / 'failed.png'}")
                say(f"{passed} passed, 1 failed")
                return 1
            say(f"passed  {step.__doc__}")
        say(f"{len(steps)} passed, 0 failed")
        return 0


async def main() -> int:
    """Start Home Assistant, visit it, and stop it."""
    parser = argparse.ArgumentParser(prog="test-browser", description=__doc__)
    parser.add_argument("screenshots", nargs="?", type=Path, help="where screenshots are put")
    wanted = parser.parse_args().screenshots
    folder = wanted or Path(tempfile.mkdtemp(prefix="datastream-bot-screenshots-"))
    folder.mkdir(parents=True, exist_ok=True)
    async with AsyncExitStack() as stack:
        async with progress("Starting Home Assistant"):
            home, _ = await stack.enter_async_context(real_home(configuration()))
            await start(home)
            await furnish(home)
        failed = await visit(home, folder)
    if not failed and wanted is None:
        shutil.rmtree(folder)
    return failed


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
