"""The integration in a real browser: a bot, its data streams and doors, and messages."""

from functools import partial
from pathlib import Path
from typing import Any

from anyio.from_thread import BlockingPortal
from playwright.sync_api import expect
import pytest

from ..broker import MOSQUITTO, PASSWORD as BROKER_PASSWORD, Broker, Wire, running_broker
from ..real.home import PASSWORD, USERNAME, RealHome
from .conftest import INTEGRATION, Person

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]


def send(portal: BlockingPortal, home: RealHome, content: Any) -> list[str]:
    """Send a message to the doorbell, and return who handled it."""
    message = {"address": "doorbell", "content": content}
    receipt = portal.call(home.act_for_response, "datastream_bot.send", message)
    return [delivery["receiver"] for delivery in receipt["handled"]]


@pytest.mark.browser_context_args(storage_state=None)
def test_a_person_logs_in(person: Person) -> None:
    """With the name and the password that the demo tells."""
    page = person.page
    page.goto("/")
    page.locator("input[name=username]").fill(USERNAME)
    page.locator("input[name=password]").fill(PASSWORD)
    person.press("Log in")
    person.see_home_assistant()
    person.look("Overview")


def test_a_bot_is_added_with_its_form_as_it_is_offered(person: Person) -> None:
    """It has the name of the home, and tells what it is attached to."""
    page = person.page
    person.open("/config/integrations/dashboard/add?domain=datastream_bot")
    person.press("OK")
    expect(page.locator("step-flow-form ha-form input[name=name]")).to_have_value("Demo")
    person.look("Add a bot")
    person.press("Next")
    expect(page.get_by_text("6 lights and switches")).to_be_visible()
    person.look("What it is attached to")
    person.submit()
    person.open(INTEGRATION)
    expect(page.locator("ha-config-entry-row")).to_have_count(1)


@pytest.mark.usefixtures("bot")
def test_another_bot_is_added_with_its_form_as_it_is_offered(
    person: Person, home: RealHome, portal: BlockingPortal
) -> None:
    """It tells what the first one switches, and does nothing by itself."""
    page = person.page
    person.open("/config/integrations/dashboard/add?domain=datastream_bot")
    person.press("OK")
    expect(page.locator("step-flow-form ha-form input[name=name]")).to_have_value("Demo 2")
    expect(page.locator("step-flow-form ha-form").get_by_text("Do nothing").first).to_be_visible()
    person.look("Add another bot")
    person.press("Next")
    expect(page.get_by_text("Other bots switch 6 of them as well:")).to_be_visible()
    page.get_by_text("Other bots switch 6 of them as well:").scroll_into_view_if_needed()
    person.look("What another bot is attached to")
    person.submit()

    message = {"address": "send_push_notification", "content": {"message": "hello"}}
    receipt = portal.call(home.act_for_response, "datastream_bot.send", message)
    assert [delivery["bot"] for delivery in receipt["handled"]] == ["Demo"]


@pytest.mark.usefixtures("bot")
def test_a_data_stream_is_added_with_a_field_and_an_action(
    person: Person, home: RealHome, portal: BlockingPortal
) -> None:
    """An address with a space is refused, and nothing that was typed is lost."""
    page = person.page
    person.open(INTEGRATION)
    page.get_by_role("button", name="Add data stream").first.click()
    form = page.locator("step-flow-form ha-form").first
    form.locator("input[name=address]").fill("door bell")

    form.locator("ha-selector-object ha-button").first.click()
    row = page.locator("dialog-form")
    row.locator("input[name=name]").fill("times")
    row.locator("ha-selector-select").first.click()
    page.get_by_text("Number", exact=True).last.click()
    row.locator("ha-selector-select").nth(1).click()
    page.get_by_text("Required", exact=True).last.click()
    person.look("A field of the content")
    row.get_by_role("button", name="Add").last.click()
    expect(form.get_by_text("times · number · required")).to_be_visible()

    form.get_by_role("button", name="Add action").click()
    page.get_by_text("Kitchen", exact=True).last.click()
    page.get_by_text("Turn on light").last.click()
    expect(form.locator("ha-automation-action-row")).to_have_count(1)
    person.look("Add a data stream")

    person.submit_in_vain()
    expect(form.locator("input[name=address]")).to_have_value("door bell")
    expect(page.get_by_text("Start with a letter").first).to_be_visible()
    person.look("An address that is not valid")
    form.locator("input[name=address]").fill("doorbell")
    person.submit()
    expect(page.get_by_text("doorbell").first).to_be_visible()
    person.look("The bot and its data streams")

    assert send(portal, home, {"times": 2}) == ["mapping"]
    assert portal.call(home.state, "light.kitchen") == "on"


@pytest.mark.usefixtures("bot")
def test_a_data_stream_is_added_with_a_choice_and_a_number_that_have_limits(
    person: Person, home: RealHome, portal: BlockingPortal
) -> None:
    """What is wrong with the limits is told, and corrected in the row."""
    page = person.page
    person.open(INTEGRATION)
    page.get_by_role("button", name="Add data stream").first.click()
    form = page.locator("step-flow-form ha-form").first
    form.locator("input[name=address]").fill("heat")
    row = page.locator("dialog-form")
    for name, type_, limits in (("mode", "Choice", "eco, comfort, off"), ("level", "Number", "100 to 0")):
        form.locator("ha-selector-object ha-button", has_text="Add").first.click()
        row.locator("input[name=name]").fill(name)
        row.locator("ha-selector-select").first.click()
        person.look(f"The types of a field, {name}")
        page.get_by_text(type_, exact=True).last.click()
        row.locator("input[name=limits]").fill(limits)
        person.look(f"Limits, {name}")
        row.get_by_role("button", name="Add").last.click()
    expect(form.get_by_text("mode · choice · eco, comfort, off · optional")).to_be_visible()

    person.submit_in_vain()
    expect(page.get_by_text("The limits of level are not right").first).to_be_visible()
    person.look("Limits that are not right")
    form.locator("ha-selector-object ha-icon-button").nth(2).click()
    row.locator("input[name=limits]").fill("0 to 100 step 5 %")
    row.get_by_role("button", name="Save").last.click()
    expect(form.get_by_text("level · number · 0 to 100 step 5 % · optional")).to_be_visible()
    person.look("Fields with limits")
    person.submit()

    message = {"address": "heat", "content": {"mode": "Eco", "level": "45"}}
    receipt = portal.call(home.act_for_response, "datastream_bot.send", message)
    assert receipt["failed"] == []


@pytest.mark.usefixtures("doorbell")
def test_a_data_stream_is_copied_and_pasted_as_yaml(
    person: Person, home: RealHome, portal: BlockingPortal, bot: str
) -> None:
    """What is wrong with it is told, and what is right fills in the form."""
    page = person.page
    person.open(INTEGRATION)
    page.get_by_role("button", name="Change data stream").first.click()
    form = page.locator("step-flow-form ha-form").first
    editor = form.locator("ha-form-expandable .cm-content")
    form.get_by_text("YAML", exact=True).click()
    editor.click()
    page.keyboard.press("Control+A")
    page.keyboard.press("Control+C")
    person.look("A data stream as YAML")
    form.locator("textarea[name=description]").fill("Somebody rang")
    person.press("Submit")
    expect(page.locator("step-flow-abort")).to_be_visible()
    (subentry,) = (
        stream["subentry_id"]
        for stream in portal.call(partial(home.ask, "config_entries/subentries/list", entry_id=bot))
        if stream["title"] == "doorbell"
    )
    portal.call(partial(home.ask, "config_entries/subentries/delete", entry_id=bot, subentry_id=subentry))

    person.open(INTEGRATION)
    page.get_by_role("button", name="Add data stream").first.click()
    form.get_by_text("YAML", exact=True).click()
    editor.fill("address: doorbell\nfields:\n- name: on\n  type: boolean\n")
    person.submit_in_vain()
    expect(page.get_by_text("which stands in quotes").first).to_be_visible()
    person.look("YAML that is not right")
    expect(editor).to_contain_text("boolean")
    editor.click()
    page.keyboard.press("Control+A")
    page.keyboard.press("Control+V")
    person.press("Submit")
    expect(form.locator("input[name=address]")).to_have_value("doorbell")
    expect(form.get_by_text("times · number · 1 to 5 · required · How often")).to_be_visible()
    expect(form.locator("ha-automation-action-row")).to_have_count(2)
    person.look("The form that YAML filled in")
    person.submit()

    assert send(portal, home, {"times": 2}) == ["mapping"]
    assert portal.call(home.state, "light.porch") == "on"


@pytest.mark.usefixtures("doorbell")
def test_a_message_is_sent_to_an_address_that_is_picked(person: Person) -> None:
    """Content that does not fit is told, and a message that was sent has a receipt."""
    page = person.page
    person.open("/config/tools/action?service=datastream_bot.send")
    page.locator("ha-service-control ha-selector-select").first.click()
    person.look("The addresses")
    page.get_by_text("doorbell (Somebody rings): times (How often), visitor (Who it is)").last.click()
    person.look("The picked address")
    person.press("Perform action")
    expect(page.get_by_text("times is missing, it must be a number from 1 to 5 (How often)").first).to_be_visible()
    person.look("Content that does not fit")

    content = page.locator("ha-service-control ha-settings-row", has_text="Content").first
    content.locator("ha-checkbox").first.click()
    content.locator(".cm-content").first.fill("times: 2")
    person.press("Perform action")
    expect(page.locator("tools-action .cm-content").last).to_contain_text("receiver: mapping")
    person.look("The receipt")


@pytest.mark.usefixtures("doorbell")
def test_a_message_is_seen_at_its_event_entity(person: Person, home: RealHome, portal: BlockingPortal) -> None:
    """And so is what it did."""
    assert send(portal, home, {"times": 2}) == ["mapping"]
    content = portal.call(home.get, "/api/states/event.demo_doorbell")["attributes"]["content"]
    assert content == {"times": 2, "visitor": "Somebody"}
    assert portal.call(home.state, "light.porch") == "on"
    person.open("/logbook?entity_id=event.demo_doorbell")
    expect(person.page.get_by_text("Message received").first).to_be_visible()
    person.look("The event entity in the activity")


@pytest.mark.usefixtures("doorbell")
def test_a_data_stream_is_added_to_a_new_automation(person: Person, home: RealHome, portal: BlockingPortal) -> None:
    """From its page; the row of the trigger says which, and the trace why a message did not trigger."""
    page = person.page
    (device,) = (
        one["id"] for one in portal.call(home.ask, "config/device_registry/list") if one["name"] == "Demo doorbell"
    )
    person.open(f"/config/devices/device/{device}")
    page.get_by_role("button", name="Add to").first.click()
    person.look("Add a data stream to")
    page.get_by_text("Create as a new trigger").first.click()
    page.get_by_text("Data stream message received").first.click()
    expect(page.locator("ha-automation-trigger-row").get_by_text("Demo doorbell (1)")).to_be_visible()
    person.look("A trigger by its target")
    content = page.locator("ha-automation-sidebar-trigger ha-settings-row", has_text="Content").first
    content.locator("ha-checkbox").first.click()
    content.locator(".cm-content").first.press_sequentially("times: 2")
    person.save_as("Somebody rings")
    automation = page.url.rsplit("/", 1)[-1]
    for times in (2, 1):
        assert send(portal, home, {"times": times}) == ["mapping"]
    portal.call(home.act, "datastream_bot.send", {"address": "toggle_everything", "content": {"on": False}})

    async def has_triggered_once() -> bool:
        traces = await home.ask("trace/list", domain="automation", item_id=automation)
        return sorted(trace["script_execution"] for trace in traces) == ["finished", "not_triggered"]

    portal.call(home.wait_for, "The trigger", has_triggered_once)
    person.open(f"/config/automation/trace/{automation}")
    expect(page.get_by_text("The content differs: times is 1, not 2").first).to_be_visible()
    person.look("The traces")


@pytest.mark.usefixtures("doorbell")
def test_a_webhook_is_opened_and_answers_at_the_url_that_is_shown(
    person: Person, home: RealHome, portal: BlockingPortal
) -> None:
    """It is open as soon as the form says so."""
    page = person.page
    form = person.open_doors()
    form.locator("ha-expansion-panel", has_text="Webhook").locator("ha-switch").first.click()
    person.look("The doors")
    person.press("Submit")
    url = form.locator("input[name=url]").input_value()
    person.look("The URL of the webhook")
    person.press("Submit")
    expect(page.get_by_text("Options successfully saved")).to_be_visible()
    person.look("The webhook is open")

    answer = page.request.post(url, data={"address": "doorbell", "content": {"times": 1}})
    assert [delivery["receiver"] for delivery in answer.json()["handled"]] == ["mapping"]


@pytest.mark.usefixtures("bot")
def test_what_a_bot_looks_after_is_changed_beside_its_name(
    person: Person, home: RealHome, portal: BlockingPortal
) -> None:
    """Each of the two forms says what the other one is for."""
    page = person.page
    person.open(INTEGRATION)
    page.locator("ha-config-entry-row").get_by_role("button", name="Configure").first.click()
    page.get_by_text("What it looks after").last.click()
    expect(page.get_by_text("When the last person leaves").first).to_be_visible()
    person.look("What the bot looks after")
    person.press("Next")
    expect(page.get_by_text("6 lights and switches")).to_be_visible()
    person.press("Submit")
    expect(page.get_by_text("Options successfully saved")).to_be_visible()

    person.open(INTEGRATION)
    page.locator("ha-config-entry-row ha-dropdown").first.click()
    page.get_by_text("Reconfigure", exact=True).first.click()
    page.locator("step-flow-form input[name=name]").fill("Cottage")
    person.look("Rename a bot")
    person.press("Submit")
    expect(page.locator("step-flow-abort")).to_be_visible()
    person.look("A renamed bot")
    assert portal.call(home.get, "/api/states/switch.demo_doors")["attributes"]["friendly_name"] == "Cottage Doors"


@pytest.mark.skipif(not MOSQUITTO, reason="Mosquitto is not installed; scripts/setup says how to")
@pytest.mark.usefixtures("bot")
def test_other_homes_are_reached_through_a_broker_that_is_tried(
    person: Person, home: RealHome, portal: BlockingPortal, tmp_path: Path
) -> None:
    """What is wrong is told in words, and nothing that was typed is lost; then the form shows who is there."""
    page = person.page
    with portal.wrap_async_context_manager(running_broker(tmp_path / "broker", users=("cottage",))) as broker:
        form = person.open_options("Other homes (MQTT)")
        form.locator("ha-switch").first.click()
        form.locator("input[name=organization]").fill("acme")
        person.submit_in_vain()
        expect(page.get_by_text("A name has letters").first).to_be_visible()
        person.look("A home without a name")
        expect(form.locator("input[name=organization]")).to_have_value("acme")
        form.locator("input[name=home]").fill("cottage")
        person.press("Submit")
        expect(page.get_by_text("Home Assistant has no MQTT integration").first).to_be_visible()
        person.look("There is no MQTT yet")
        form.get_by_role("radio", name="Another broker").click()
        person.press("Submit")
        form.locator("input[name=host]").fill("127.0.0.1")
        form.get_by_role("spinbutton").fill(str(broker.port))
        form.locator("input[name=username]").fill("cottage")
        form.locator("input[name=password]").fill("wrong")
        person.press("Submit")
        expect(page.get_by_text("The broker refused the user name or the password").first).to_be_visible()
        person.look("A wrong password")
        form.locator("input[name=password]").fill(BROKER_PASSWORD)
        person.press("Submit")
        expect(page.get_by_text("Options successfully saved")).to_be_visible()
        person.press("Finish")

        async def is_connected() -> bool:
            return await home.state("binary_sensor.demo_mqtt_connection") == "on"

        portal.call(home.wait_for, "The connection", is_connected)
        wire = portal.call(partial(meet, broker))
        person.open_options("Other homes (MQTT)")
        expect(page.get_by_text("cottage: Workshop")).to_be_visible()
        person.look("Other homes")
        wire.close()


async def meet(broker: Broker) -> Wire:
    """Let another bot of the home exist."""
    wire = Wire(broker, "cottage")
    await wire.exist("cottage", "workshop")
    return wire


def test_the_page_of_a_bot_shows_what_it_does_and_has_its_buttons(
    person: Person, home: RealHome, portal: BlockingPortal, bot: str
) -> None:
    """Pressing one turns on all that the bot is attached to."""
    page = person.page
    devices = portal.call(home.ask, "config/device_registry/list")
    (device,) = [one["id"] for one in devices if ["datastream_bot", bot] in one["identifiers"]]
    person.open(f"/config/devices/device/{device}")
    for card in ("Controls", "Sensors", "Configuration", "Diagnostic"):
        expect(page.get_by_text(card, exact=True).first).to_be_visible()
    expect(page.get_by_text("Restore what was on").first).to_be_visible()
    person.look("The page of a bot")
    row = page.locator("hui-button-entity-row", has_text="Turn everything on")
    row.get_by_role("button", name="Press").click()

    async def is_kitchen_on() -> bool:
        return await home.state("light.kitchen") == "on"

    portal.call(home.wait_for, "The kitchen", is_kitchen_on)


@pytest.mark.usefixtures("bot")
def test_a_condition_asks_whether_everyone_is_away(person: Person) -> None:
    """Of all bots, or of the one that is chosen."""
    page = person.page
    person.open("/config/automation/edit/new")
    person.add("condition", "Everyone is away for sure")
    form = page.locator("ha-automation-sidebar-condition")
    expect(form.get_by_text("Without it, what all bots believe together")).to_be_visible()
    person.look("A condition")
    form.locator("ha-settings-row", has_text="Bot").locator("ha-checkbox").first.click()
    form.locator("ha-selector-config_entry").click()
    page.get_by_text("Demo", exact=True).last.click()
    person.look("A condition on one bot")
