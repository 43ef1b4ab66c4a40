"""Repairs: the dialogs of issues, which lead on to the form that mends them."""

from http import HTTPStatus
from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.datastream_bot.bot import Bot
from custom_components.datastream_bot.const import DOMAIN
from custom_components.datastream_bot.issues import KINDS, Fix, async_create_issue, async_delete_issue

from .conftest import AddBot
from .doors import Client, go_online
from .issues import shown_issues, told_by
from .streams import add_stream, stream_of

FIX = "/api/repairs/issues/fix"
OPTIONS = "/api/config/config_entries/options/flow"
SUBENTRIES = "/api/config/config_entries/subentries/flow"
CONFIG = "/api/config/config_entries/flow"
MANUAL = "https://github.com/datastream-bot/datastream-bot/blob/main/docs/"
GONE_DEVICE = [{"device_id": "gone", "domain": "light", "type": "turn_on", "entity_id": "light.gone"}]


@pytest.fixture
async def client(hass: HomeAssistant, hass_client: ClientSessionGenerator) -> Client:
    """Return the browser of the owner."""
    assert await async_setup_component(hass, "repairs", {})
    assert await async_setup_component(hass, "config", {})
    return await go_online(hass, hass_client)


async def ask(client: Client, method: str, path: str, data: Any = None) -> Any:
    """Ask Home Assistant for something as its page does."""
    response = await client.request(method, path, json=data)
    assert response.status == HTTPStatus.OK, await response.text()
    return await response.json()


async def open_dialog(client: Client, issue_id: str) -> Any:
    """Open the dialog of an issue."""
    dialog = await ask(client, "POST", FIX, {"handler": DOMAIN, "issue_id": issue_id})
    assert (dialog["type"], dialog["step_id"]) == ("form", "confirm")
    return dialog


async def go_on(client: Client, dialog: Any) -> Any:
    """Go on from the dialog of an issue."""
    return await ask(client, "POST", f"{FIX}/{dialog['flow_id']}", {})


async def create_issue(hass: HomeAssistant, key: str, bot: Bot) -> str:
    """Create an issue about a bot and one of its data streams, and return its id."""
    stream_id = stream_of(bot, "toggle_everything").subentry_id
    async_create_issue(hass, key, translation_key=key, entry=bot.entry, stream_id=stream_id)
    return key


@pytest.mark.warns
async def test_the_form_of_a_data_stream_mends_its_actions(
    hass: HomeAssistant, add_bot: AddBot, client: Client
) -> None:
    """The issue stays as long as they are not valid, however often the form is opened and closed."""
    bot = await add_bot()
    stream = await add_stream(bot, "work")
    hass.config_entries.async_update_subentry(bot.entry, stream, data={**stream.data, "actions": GONE_DEVICE})
    await hass.async_block_till_done()
    issue = shown_issues(hass)["invalid_actions"]

    for _ in range(2):
        dialog = await open_dialog(client, issue.issue_id)
        assert dialog["description_placeholders"]["address"] == "work"
        assert dialog["description_placeholders"]["learn_more"] == issue.learn_more_url
        led = await go_on(client, dialog)
        kind, flow_id = led["next_flow"]
        assert (kind, led["result"]["entry_id"]) == ("config_subentries_flow", bot.bot_id)
        form = await ask(client, "GET", f"{SUBENTRIES}/{flow_id}")
        assert form["step_id"] == "reconfigure"
        assert suggested_to(form)["actions"] == GONE_DEVICE
        await ask(client, "DELETE", f"{SUBENTRIES}/{flow_id}")
        assert shown_issues(hass) == {"invalid_actions": issue}

    mended = {**suggested_to(form), "actions": []}
    _, flow_id = (await go_on(client, await open_dialog(client, issue.issue_id)))["next_flow"]
    await ask(client, "POST", f"{SUBENTRIES}/{flow_id}", mended)
    await hass.async_block_till_done()
    assert shown_issues(hass) == {}


def suggested_to(form: Any) -> dict[str, Any]:
    """Return what a form shows, as a browser gets it."""
    described = {field["name"]: field.get("description") or {} for field in form["data_schema"]}
    return {name: its["suggested_value"] for name, its in described.items() if "suggested_value" in its}


@pytest.mark.parametrize("key", [key for key, kind in KINDS.items() if kind.fix in (Fix.BOT, Fix.DOORS, Fix.MQTT)])
async def test_an_issue_leads_to_a_form_of_the_options(
    hass: HomeAssistant, add_bot: AddBot, client: Client, key: str
) -> None:
    """Also where the page opens another flow instead: it has that form, and the next one the menu again."""
    bot = await add_bot()
    await create_issue(hass, key, bot)
    led = await go_on(client, await open_dialog(client, key))
    kind, flow_id = led["next_flow"]
    assert (kind, led["result"]["entry_id"]) == ("options_flow", bot.bot_id)
    assert (await ask(client, "GET", f"{OPTIONS}/{flow_id}"))["step_id"] == KINDS[key].fix

    opened = [await ask(client, "POST", OPTIONS, {"handler": bot.bot_id}) for _ in range(2)]
    assert [form["step_id"] for form in opened] == [KINDS[key].fix, "init"]
    in_progress = {flow["flow_id"] for flow in hass.config_entries.options.async_progress()}
    assert in_progress == {form["flow_id"] for form in opened}
    assert [*shown_issues(hass)] == [key]


async def test_of_two_bots_of_the_same_name_the_later_one_gets_another(
    hass: HomeAssistant, add_bot: AddBot, client: Client
) -> None:
    """By its form."""
    await add_bot("Home")
    bot = await add_bot("Garden")
    hass.config_entries.async_update_entry(bot.entry, title="Home")
    await hass.async_block_till_done()
    issue = shown_issues(hass)["same_name"]

    led = await go_on(client, await open_dialog(client, issue.issue_id))
    kind, flow_id = led["next_flow"]
    assert (kind, led["result"]["entry_id"]) == ("config_flow", bot.bot_id)
    assert suggested_to(await ask(client, "GET", f"{CONFIG}/{flow_id}")) == {"name": "Home"}
    assert shown_issues(hass) == {"same_name": issue}
    await ask(client, "POST", f"{CONFIG}/{flow_id}", {"name": "Garden"})
    await hass.async_block_till_done()
    assert shown_issues(hass) == {}


@pytest.mark.parametrize("key", [key for key, kind in KINDS.items() if kind.fix is Fix.CONFIRM])
async def test_what_only_users_can_tell_ends_when_they_do(
    hass: HomeAssistant, add_bot: AddBot, client: Client, key: str
) -> None:
    """And there is the link to read more, which Home Assistant does not show by itself."""
    await create_issue(hass, key, await add_bot())
    dialog = await open_dialog(client, key)
    assert dialog["description_placeholders"]["learn_more"].endswith(KINDS[key].docs)
    assert [*shown_issues(hass)] == [key]
    assert (await go_on(client, dialog))["type"] == "create_entry"
    assert shown_issues(hass) == {}


@pytest.mark.parametrize("key", ["invalid_actions", "target_gone", "endless"])
async def test_an_issue_that_ends_while_its_dialog_is_open_is_mended(
    hass: HomeAssistant, add_bot: AddBot, client: Client, key: str
) -> None:
    """There is nothing to lead to: the bot may be gone."""
    await create_issue(hass, key, await add_bot())
    dialog = await open_dialog(client, key)
    async_delete_issue(hass, key)
    assert (await go_on(client, dialog))["type"] == "create_entry"
    assert hass.config_entries.options.async_progress() == []


async def test_only_an_administrator_gets_a_form(
    hass: HomeAssistant,
    add_bot: AddBot,
    client: Client,
    hass_client: ClientSessionGenerator,
    hass_read_only_access_token: str,
) -> None:
    """As everywhere in the settings."""
    await create_issue(hass, "target_gone", await add_bot())
    guest = await hass_client(hass_read_only_access_token)
    response = await guest.post(FIX, json={"handler": DOMAIN, "issue_id": "target_gone"})
    assert response.status == HTTPStatus.UNAUTHORIZED
    dialog = await open_dialog(client, "target_gone")
    assert (await guest.post(f"{FIX}/{dialog['flow_id']}", json={})).status == HTTPStatus.UNAUTHORIZED
    assert hass.config_entries.options.async_progress() == []


@pytest.mark.parametrize("key", KINDS)
async def test_every_issue_tells_how_bad_it_is_and_where_to_read_more(
    hass: HomeAssistant, add_bot: AddBot, key: str
) -> None:
    """Also after its bot was renamed."""
    bot = await add_bot()
    await create_issue(hass, key, bot)
    hass.config_entries.async_update_entry(bot.entry, title="Garden")
    await hass.async_block_till_done()
    issue, kind = shown_issues(hass)[key], KINDS[key]
    assert told_by(issue) == {"bot": "Garden"}
    assert (issue.severity, issue.is_fixable) == (kind.severity, kind.fix is not None)
    assert issue.learn_more_url == f"{MANUAL}{kind.docs}"
