"""Fixtures: a home with lights, switches and persons, and bots in it."""

from collections.abc import Callable
from datetime import timedelta
import logging
import re
from typing import Any, Protocol

from freezegun.api import FrozenDateTimeFactory
from homeassistant.components import persistent_notification
from homeassistant.components.device_tracker.entity import BaseTrackerEntity
from homeassistant.const import CONF_NAME
from homeassistant.core import Context, HomeAssistant, callback
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers.entity_component import EntityComponent
from homeassistant.setup import async_setup_component
from hypothesis import HealthCheck, settings
import pytest
from pytest_homeassistant_custom_component.common import setup_test_component_platform
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.datastream_bot.bot import Bot
from custom_components.datastream_bot.const import DOMAIN
from custom_components.datastream_bot.messaging.router import DATA_ROUTER, Router

from .doors import Client, go_online
from .forms import submit_bot
from .home import METERS_A_DEGREE, PretendLight, PretendPhone, PretendSwitch, is_on

settings.register_profile(
    "tests",
    max_examples=200,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
settings.register_profile("fuzz", settings.get_profile("tests"), max_examples=20_000)
# By name, as Hypothesis takes a profile of its own on machines that say they are CI.
settings.load_profile("tests")

type SetClock = Callable[[timedelta], None]
type Home = dict[str, PretendLight | PretendSwitch]


class AddBot(Protocol):
    """Adds a bot by its config flow, as a user would."""

    async def __call__(self, name: str = "Home", **form: Any) -> Bot:
        """Add a bot with this name and what else the form is to say."""


class Send(Protocol):
    """Sends a message by the action and returns the receipt."""

    async def __call__(
        self, address: object, content: object = None, *, context: Context | None = None, **data: Any
    ) -> dict[str, Any]:
        """Send a message."""


class SetPresence(Protocol):
    """Moves a person."""

    async def __call__(self, person: str, state: str, **attributes: Any) -> None:
        """Have the person's tracker say where it is."""


class SetPosition(Protocol):
    """Moves a person whose phone tells positions."""

    async def __call__(self, person: str, distance: float, accuracy: float) -> None:
        """Have the phone say that it is so many meters north of the center of home, give or take its accuracy."""


@pytest.fixture(autouse=True)
def _custom_integrations(request: pytest.FixtureRequest) -> None:
    """Let the test's Home Assistant load the integration; the recorder has to come before everything else."""
    if "recorder_mock" in request.fixturenames:
        request.getfixturevalue("recorder_mock")
    if "hass" in request.fixturenames:
        request.getfixturevalue("enable_custom_integrations")


@pytest.fixture(autouse=True)
def _no_warnings_about_us(caplog: pytest.LogCaptureFixture, request: pytest.FixtureRequest) -> Any:
    """Fail when Home Assistant's log warns about the integration, unless a test is about that."""
    yield
    # Such are the secrets of webhooks.
    loud = [one for one in caplog.get_records("call") if one.levelno >= logging.WARNING]
    assert not [
        one for one in loud if re.search(r"\b[0-9a-f]{64}\b|whsec_[\w+/]{16}", f"{one.getMessage()} {one.exc_text}")
    ]
    if "warns" in request.keywords:
        return
    warnings = [
        record.getMessage()
        for record in caplog.get_records("call")
        if record.levelname in ("WARNING", "ERROR", "CRITICAL")
        # Asyncio tells of everything that is slow under test.
        and record.name != "asyncio"
        and (DOMAIN in record.name or DOMAIN in record.getMessage())
        # Home Assistant says this of every custom integration.
        and "We found a custom integration" not in record.getMessage()
    ]
    assert not warnings


@pytest.fixture
def no_stack_traces(hass: HomeAssistant) -> None:
    """Keep no stack trace of every task, as asyncio does while it debugs: it is most of the time of many tasks."""
    hass.loop.set_debug(False)


@pytest.fixture
async def home(hass: HomeAssistant) -> Home:
    """Furnish the home with two lights and a switch, all off."""
    devices: Home = {
        "light.kitchen": PretendLight("Kitchen"),
        "light.porch": PretendLight("Porch"),
        "switch.fan": PretendSwitch("Fan"),
    }
    await furnish(hass, devices)
    return devices


@pytest.fixture
def on(hass: HomeAssistant, home: Home) -> Callable[[], list[str]]:
    """Return a function that tells what is on."""
    return lambda: [entity_id for entity_id in home if is_on(hass, entity_id)]


async def furnish(hass: HomeAssistant, devices: Home) -> None:
    """Put devices into the home."""
    for domain in ("light", "switch"):
        entities = [device for entity_id, device in devices.items() if entity_id.startswith(domain)]
        setup_test_component_platform(hass, domain, entities)
        assert await async_setup_component(hass, domain, {domain: {"platform": "test"}})
    await hass.async_block_till_done()


@pytest.fixture
async def persons(hass: HomeAssistant) -> SetPresence:
    """Let Anna and Bo live here; both are home, and each has a phone that says so."""

    async def set_presence(person: str, state: str, **attributes: Any) -> None:
        hass.states.async_set(f"device_tracker.{person}", state, attributes)
        await hass.async_block_till_done()

    for person in ("anna", "bo"):
        await set_presence(person, "home")
    configs = [
        {"id": person, "name": person.title(), "device_trackers": [f"device_tracker.{person}"]}
        for person in ("anna", "bo")
    ]
    assert await async_setup_component(hass, "person", {"person": configs})
    await hass.async_block_till_done()
    return set_presence


@pytest.fixture
async def at_position(hass: HomeAssistant, persons: SetPresence) -> SetPosition:
    """Let phones tell the positions of Anna and Bo, as Home Assistant's own app does."""
    phones = {person: PretendPhone(person.title()) for person in ("anna", "bo")}
    for person in phones:
        hass.states.async_remove(f"device_tracker.{person}")
    await track(hass, *phones.values())

    async def move(person: str, distance: float, accuracy: float) -> None:
        phones[person].tell(hass.config.latitude + distance / METERS_A_DEGREE, hass.config.longitude, accuracy)
        await hass.async_block_till_done()

    for person in phones:
        await move(person, 0, 10)
    return move


async def track(hass: HomeAssistant, *trackers: BaseTrackerEntity) -> None:
    """Add device trackers."""
    await EntityComponent[BaseTrackerEntity](logging.getLogger(__name__), "device_tracker", hass).async_add_entities(
        trackers
    )
    await hass.async_block_till_done()


@pytest.fixture
def set_clock(hass: HomeAssistant, freezer: FrozenDateTimeFactory, monkeypatch: pytest.MonkeyPatch) -> SetClock:
    """Return a function that sets the clock of the machine forward or back; that of the event loop goes on."""
    loop_time, changes = hass.loop.time, [0.0]
    monkeypatch.setattr(hass.loop, "time", lambda: loop_time() - sum(changes))

    def set_clock(change: timedelta) -> None:
        changes.append(change.total_seconds())
        freezer.tick(change)

    return set_clock


@pytest.fixture
async def client(hass: HomeAssistant, hass_client_no_auth: ClientSessionGenerator) -> Client:
    """Return somebody outside, without a token."""
    assert await async_setup_component(hass, "http", {})
    return await go_online(hass, hass_client_no_auth)


@pytest.fixture
def add_bot(hass: HomeAssistant) -> AddBot:
    """Return a function that adds a bot by its config flow."""

    async def add(name: str = "Home", **form: Any) -> Bot:
        flows = hass.config_entries.flow
        flow = await flows.async_init(DOMAIN, context={"source": "user"})
        result = await submit_bot(flows, flow["flow_id"], **{CONF_NAME: name}, **form)
        await hass.async_block_till_done()
        assert result["type"] is FlowResultType.CREATE_ENTRY, result
        bot = result["result"].runtime_data
        assert isinstance(bot, Bot)
        return bot

    return add


@pytest.fixture
def send(hass: HomeAssistant) -> Send:
    """Return a function that sends a message by the action."""

    async def send_message(
        address: object, content: object = None, *, context: Context | None = None, **data: Any
    ) -> dict[str, Any]:
        receipt = await hass.services.async_call(
            DOMAIN,
            "send",
            {"address": address, "content": content, **data},
            blocking=True,
            return_response=True,
            context=context,
        )
        assert isinstance(receipt, dict)
        return receipt

    return send_message


@pytest.fixture
def router(hass: HomeAssistant) -> Callable[[], Router]:
    """Return a function that returns the router, once a bot is there."""
    return lambda: hass.data[DATA_ROUTER]


@pytest.fixture
def notifications(hass: HomeAssistant) -> list[dict[str, Any]]:
    """Return the notifications that Home Assistant shows, as they come."""
    shown: list[dict[str, Any]] = []

    @callback
    def notified(
        update_type: persistent_notification.UpdateType,
        changed: dict[str, persistent_notification.Notification],
    ) -> None:
        if update_type is persistent_notification.UpdateType.ADDED:
            shown.extend({**notification} for notification in changed.values())

    persistent_notification.async_register_callback(hass, notified)
    return shown
