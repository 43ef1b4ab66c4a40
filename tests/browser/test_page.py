"""The page: every message, and what became of it."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
import json
import re
from typing import Any, Final

from anyio.from_thread import BlockingPortal
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import Locator, Page, expect
import pytest

from ..real.home import DOMAIN, PROJECT, HomeError, RealHome
from .conftest import Person

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

PAGE: Final = "/datastream-bot"
HOSTILE: Final = "<img src=x onerror=\"document.title='broken'\">"
ARABIC: Final = "مرحبا بالعالم"
VIEWS: Final = ("Messages", "Addresses", "Map")
TRANSLATIONS: Final = PROJECT / "custom_components" / DOMAIN / "translations"

type Tell = Callable[..., None]


@pytest.fixture
def tell(home: RealHome, portal: BlockingPortal) -> Tell:
    """Return a function that sends a message."""

    def send(address: str, content: dict[str, Any], **more: Any) -> None:
        portal.call(home.act, "datastream_bot.send", {"address": address, "content": content, **more})

    return send


@pytest.fixture
def busy(home: RealHome, portal: BlockingPortal, bot: str, doorbell: None, tell: Tell) -> str:
    """Let the home send messages of all kinds, and return the id of its bot."""
    portal.call(home.add_data_stream, bot, {"address": "idle", "description": "Does nothing", "external": True})
    answer = {"action": "datastream_bot.send", "data": {"address": "idle", "content": {"answer": 42}}}
    portal.call(home.add_data_stream, bot, {"address": "asked", "external": True, "actions": [answer]})
    tell("doorbell", {"times": 2})
    tell("toggle_everything", {"on": True})
    tell("toggle_everything", {"on": False, "remember": True}, config_entry_id=bot)
    tell("nobody.home", {"text": HOSTILE, "arabic": ARABIC, "long": "x" * 30_000})
    tell("send_push_notification", {"message": "The washing machine is done"})
    tell("asked", {"question": "What is it?"})
    with suppress(HomeError):
        tell("doorbell", {"tims": 2})
    return bot


def panel(page: Page) -> Locator:
    """Return the page within Home Assistant's."""
    return page.locator("datastream-bot-panel")


def of(bot: str) -> str:
    """Return where the messages of a bot are: those of other tests that nobody received are still there."""
    return f"/messages?bot={bot}"


def rows(page: Page) -> Locator:
    """Return the rows that are in sight."""
    return panel(page).get_by_role("option")


def open_page(person: Person, path: str = "") -> Page:
    """Open the page."""
    person.open(f"{PAGE}{path}")
    expect(panel(person.page).get_by_role("tab", name="Messages")).to_be_visible()
    return person.page


def test_the_page_shows_what_became_of_every_message(person: Person, busy: str) -> None:
    """Who sent it, what it says, who received it, and why not; always as text."""
    page = open_page(person)
    expect(rows(page).nth(7)).to_be_visible()
    for address, outcome in (("nobody.home", "Nobody"), ("asked", "Handled"), ("doorbell", "Refused")):
        expect(rows(page).filter(has_text=address).first).to_contain_text(outcome)
    person.look("Messages")

    rows(page).filter(has_text="nobody.home").first.click()
    expect(panel(page).get_by_label("Details")).to_contain_text(HOSTILE.replace('"', '\\"'))
    expect(panel(page).get_by_label("Details")).to_contain_text(ARABIC)
    person.look("A message that is hostile")
    rows(page).filter(has_text="tims is unknown").click()
    expect(panel(page).get_by_label("Details")).to_contain_text("perhaps times is meant")
    rows(page).filter(has_text="remember").click()
    expect(panel(page).get_by_label("Details")).to_contain_text("light.kitchen")
    person.look("A message")
    assert page.title() != "broken"

    # What came of a message, and what that came of.
    rows(page).filter(has_text="asked").click()
    panel(page).get_by_label("Details").get_by_role("button", name="idle").click()
    expect(panel(page).get_by_role("heading", name="idle")).to_be_visible()
    person.look("A chain of messages")


def test_the_page_is_opened_from_the_device(person: Person, busy: str, home: RealHome, portal: BlockingPortal) -> None:
    """Of a bot, and of a data stream: with its messages."""
    page = person.page
    for device in portal.call(home.ask, "config/device_registry/list"):
        for name, count in (("Demo", 8), ("Demo doorbell", 2)):
            if device["name"] == name:
                person.open(f"/config/devices/device/{device['id']}")
                page.get_by_role("link", name="Visit").click()
                expect(rows(page)).to_have_count(count)


def test_messages_are_found_and_kept_in_the_address_of_the_page(person: Person, busy: str, tell: Tell) -> None:
    """By words, by words that they do not have, and by what they have in common; also when it is loaded anew."""
    page = open_page(person, of(busy))
    microservices = "device (toggle_everything), mapping (asked, doorbell, idle)"
    expect(panel(page).locator(".microservices")).to_contain_text(microservices)
    search = panel(page).get_by_role("searchbox")
    search.fill("doorbell -refused -rang")
    expect(rows(page)).to_have_count(1)
    search.fill("")
    panel(page).locator("summary", has_text="Outcome").click()
    panel(page).get_by_role("checkbox", name=re.compile("Refused")).check()
    expect(rows(page)).to_have_count(1)
    panel(page).get_by_role("checkbox", name=re.compile("Handled")).check()
    expect(rows(page)).to_have_count(8)
    panel(page).get_by_role("checkbox", name=re.compile("Handled")).uncheck()
    person.look("Messages that went wrong")
    rows(page).first.click()
    expect(page).to_have_url(re.compile("id="))
    page.reload()
    expect(rows(page)).to_have_count(1)
    expect(panel(page).get_by_role("option", selected=True)).to_have_count(1)

    page = open_page(person, of(busy))
    panel(page).get_by_role("button", name="Pause").click()
    tell("idle", {"number": 1})
    expect(panel(page).locator(".status")).to_contain_text("1 more since you paused")
    panel(page).get_by_role("button", name="Go on").click()
    expect(rows(page)).to_have_count(9)
    with page.expect_download() as download:
        panel(page).get_by_role("button", name="Export").click()
    exported = [json.loads(line) for line in download.value.path().read_text(encoding="utf-8").splitlines()]
    assert [each["address"] for each in exported][-1] == "idle"
    assert len(exported) == 9
    panel(page).get_by_role("button", name="Clear").click()
    expect(rows(page)).to_have_count(0)
    person.look("No messages")


def test_a_message_is_sent_again_and_becomes_an_automation(person: Person, busy: str, home: RealHome) -> None:
    """Its trigger is in the clipboard."""
    page = open_page(person, of(busy))
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    rows(page).filter(has_text="times: 2").click()
    panel(page).get_by_role("button", name="Send again").click()
    expect(rows(page).filter(has_text="times: 2")).to_have_count(2)
    panel(page).get_by_role("button", name="Create automation").click()
    expect(page).to_have_url(re.compile("/config/automation/edit/new"))
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied.startswith("trigger: datastream_bot.message_received\noptions:\n  address: doorbell\n")


def test_an_address_is_looked_up_and_tried(person: Person, busy: str) -> None:
    """With a form of its fields; wrong content is told in words, and the receipt stands beneath."""
    page = open_page(person, "/addresses")
    expect(panel(page).get_by_role("button", name=re.compile("idle"))).to_contain_text("Nobody listens")
    panel(page).get_by_role("button", name=re.compile("doorbell")).click()
    form = panel(page).locator("form")
    expect(form.locator("ha-form")).to_be_visible()
    person.look("An address")
    form.get_by_role("button", name="Send").click()
    expect(form.get_by_role("alert")).to_contain_text("times is missing")
    form.locator("ha-selector-number input").last.fill("3")
    form.get_by_role("button", name="Send").click()
    expect(form.locator("pre")).to_contain_text('"handled"')
    person.look("An address that was tried")

    panel(page).get_by_role("button", name=re.compile("asked")).click()
    form.locator("textarea").fill("{")
    form.get_by_role("button", name="Send").click()
    expect(form.get_by_role("alert")).to_be_visible()
    panel(page).get_by_role("button", name="Its messages").click()
    expect(rows(page)).to_have_count(1)


def test_the_picture_in_the_documentation_is_up_to_date(person: Person, bot: str, doorbell: None, tell: Tell) -> None:
    """It is taken from here, by itself: `docs/page.png`."""
    tell("toggle_everything", {"on": True})
    tell("doorbell", {"times": 2, "visitor": "Anna"})
    with suppress(HomeError):
        tell("doorbell", {"tims": 2})
    tell("dorbell", {"times": 2})
    tell("send_push_notification", {"message": "The washing machine is done"})
    tell("toggle_everything", {"on": False, "remember": True, "memory": "film", "domain": "light"}, config_entry_id=bot)
    tell("toggle_everything", {"on": True, "restore": True, "memory": "film"}, config_entry_id=bot)
    person.page.set_viewport_size({"width": 1280, "height": 720})
    page = open_page(person)
    rows(page).filter(has_text="remember: true").click()
    expect(panel(page).get_by_label("Details")).to_contain_text("light.kitchen")
    person.look("page")


def test_the_map_leads_to_the_messages(person: Person, busy: str) -> None:
    """Of the box that is picked."""
    page = open_page(person, "/map")
    person.look("The map")
    panel(page).get_by_role("button", name=re.compile("^doorbell, messages: 2, failed: 1")).click()
    expect(rows(page)).to_have_count(2)
    expect(page).to_have_url(re.compile("address=doorbell"))


def test_the_page_is_used_by_the_keyboard_alone(person: Person, busy: str) -> None:
    """As by somebody who cannot see it."""
    page = open_page(person, of(busy))
    panel(page).get_by_role("listbox").focus()
    for _ in range(3):
        page.keyboard.press("ArrowDown")
    expect(panel(page).get_by_role("option", selected=True)).to_have_count(1)
    page.keyboard.press("Escape")
    expect(panel(page).get_by_role("option", selected=True)).to_have_count(0)
    panel(page).get_by_role("tab", name="Messages").focus()
    page.keyboard.press("ArrowRight")
    expect(panel(page).get_by_role("tab", name="Addresses")).to_be_focused()
    expect(panel(page).get_by_role("tab", name="Addresses")).to_have_attribute("aria-selected", "true")
    panel(page).get_by_role("button", name=re.compile("doorbell")).focus()
    page.keyboard.press("Enter")
    expect(panel(page).get_by_role("heading", name="doorbell")).to_be_visible()


@pytest.mark.parametrize("color_scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_everybody_can_use_the_page(person: Person, busy: str, color_scheme: Any, width: int) -> None:
    """Light or dark, on a computer or a phone, in either direction of writing: without a violation of the rules."""
    page = person.page
    page.emulate_media(color_scheme=color_scheme)
    page.set_viewport_size({"width": width, "height": 844})
    open_page(person, of(busy))
    for view in VIEWS:
        panel(page).get_by_role("tab", name=view).click()
        if view == "Messages":
            rows(page).first.click()
        elif view == "Addresses":
            panel(page).get_by_role("button", name=re.compile("doorbell")).click()
        person.look(f"{view}, {color_scheme}, {width} pixels")
        # What Home Assistant makes is its own affair.
        path = ["home-assistant", "home-assistant-main", "datastream-bot-panel"]
        ours = {"include": [{"fromShadowDom": path}], "exclude": [{"fromShadowDom": [*path, "ha-form"]}]}
        found = Axe().run(page, context=ours)
        wrong = [
            (each["id"], [node["html"][:200] for node in each["nodes"][:3]]) for each in found.response["violations"]
        ]
        assert wrong == []
        overflow = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert overflow <= 0
    panel(page).evaluate("element => { element.style.direction = 'rtl'; }")
    panel(page).get_by_role("tab", name="Messages").click()
    person.look(f"From right to left, {color_scheme}, {width} pixels")


@pytest.fixture(params=["de", "es", "fr", "it", "nl"])
def language(request: pytest.FixtureRequest, home: RealHome, portal: BlockingPortal) -> Iterator[str]:
    """Let the user speak another language than English for a while, and return which."""
    speak = partial(home.ask, "frontend/set_user_data", key="language")
    portal.call(partial(speak, value={"language": request.param}))
    yield request.param
    portal.call(partial(speak, value={"language": "en"}))


def test_the_page_speaks_the_language_of_its_user(person: Person, busy: str, language: str) -> None:
    """Also on a phone, where long words have to fit."""
    page = person.page
    page.set_viewport_size({"width": 390, "height": 844})
    person.open(f"{PAGE}{of(busy)}")
    texts = json.loads((TRANSLATIONS / f"{language}.json").read_text(encoding="utf-8"))["config_panel"]
    for view in texts["tab"].values():
        panel(page).get_by_role("tab", name=view).click()
        person.look(f"{view}, {language}")
        assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0


def test_the_page_goes_on_after_a_restart(
    person: Person, busy: str, home: RealHome, portal: BlockingPortal, tell: Tell
) -> None:
    """With what became of the messages of before."""
    page = open_page(person, of(busy))
    expect(rows(page)).to_have_count(8)
    portal.call(home.stop)
    portal.call(home.start)
    tell("idle", {"after": "restart"})
    expect(rows(page).filter(has_text="after: restart")).to_be_visible()
    expect(rows(page)).to_have_count(9)
    person.look("Messages after a restart")


def test_thousands_of_messages_scroll_like_ten(person: Person, busy: str) -> None:
    """Only those in sight are there, and the page answers while they come."""
    page = open_page(person)
    expect(rows(page).first).to_be_visible()
    page.evaluate(
        """async () => {
          const panel = document.querySelector("home-assistant").shadowRoot.querySelector("home-assistant-main")
            .shadowRoot.querySelector("datastream-bot-panel, ha-panel-custom datastream-bot-panel");
          for (let batch = 0; batch < 60; batch++) {
            const messages = Array.from({ length: 200 }, (_, at) => ({
              id: `m${batch}-${at}`, time: new Date().toISOString(), address: `a${at % 7}`, origin: "http",
              sender: null, home: null, hops: 0, external: true, user_id: null, cause: null, duration: 0.001,
              outcome: "handled", deliveries: [], elsewhere: {}, content: { number: batch * 200 + at },
            }));
            panel._receive({ messages, left_out: 0 });
            await new Promise(requestAnimationFrame);
          }
        }"""
    )
    expect(panel(page).locator(".status")).to_contain_text("10,000 of 10,000 messages")
    assert rows(page).count() < 100
    panel(page).get_by_role("listbox").focus()
    page.keyboard.press("End")
    page.keyboard.press("End")
    expect(panel(page).get_by_role("option", selected=True)).to_be_visible()
    person.look("Thousands of messages")
