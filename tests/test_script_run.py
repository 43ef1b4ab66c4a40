"""What a run of a data stream's actions has come to, as Home Assistant's own trace tells it."""

from typing import Any

from homeassistant.core import Context, HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
import pytest

from custom_components.datastream_bot.microservices.script_run import ActionScript

from .conftest import AddBot
from .home import ticks

WAIT = {"wait_for_trigger": {"trigger": "event", "event_type": "go"}}
ANSWER: list[dict[str, Any]] = [
    {"variables": {"answer": {"a": "{{ a }}"}}},
    {"stop": "Done", "response_variable": "answer"},
]


@pytest.fixture(autouse=True)
async def _texts(hass: HomeAssistant, add_bot: AddBot) -> None:
    """Load the texts of the errors, as a bot does."""
    await add_bot()


async def script_of(hass: HomeAssistant, *actions: dict[str, Any], mode: str = "parallel") -> ActionScript:
    """Return actions that are ready to run."""
    script = await ActionScript.async_create(hass, actions, "Home news", mode)
    assert script is not None
    return script


async def test_no_actions_are_no_script(hass: HomeAssistant) -> None:
    """There is nothing to run."""
    assert await ActionScript.async_create(hass, [], "Home news", "single") is None


async def test_what_the_actions_answer_is_their_response(hass: HomeAssistant) -> None:
    """With the variables that they were given."""
    script = await script_of(hass, *ANSWER)
    assert await script.async_run("Home news", {"a": 1}, Context()) == {"response": {"a": 1}}


async def test_a_condition_that_is_not_met_and_a_wait_that_is_over_are_ends_like_any_other(hass: HomeAssistant) -> None:
    """They are no errors."""
    condition = await script_of(hass, {"condition": "template", "value_template": "{{ false }}"})
    wait = await script_of(hass, {**WAIT, "timeout": 0, "continue_on_timeout": False})
    for script in (condition, wait):
        assert await script.async_run("Home news", {}, Context()) == {}


@pytest.mark.parametrize(
    ("action", "error"),
    [
        ({"stop": "Enough", "error": True}, "Enough"),
        ({"action": "no.such"}, "no.such"),
        ({"action": "test.refuse"}, "Not like this"),
    ],
)
async def test_actions_that_fail_raise_their_error(hass: HomeAssistant, action: dict[str, Any], error: str) -> None:
    """Whoever refuses what they do: the mistake is in them, and not the sender's."""
    refusal = ServiceValidationError("Not like this")

    async def refuse(_: Any) -> None:
        raise refusal

    hass.services.async_register("test", "refuse", refuse)
    script = await script_of(hass, action)

    with pytest.raises(HomeAssistantError, match=error) as failed:
        await script.async_run("Home news", {}, Context())
    assert not isinstance(failed.value, ServiceValidationError)


async def test_a_newer_run_supersedes_an_older_one(hass: HomeAssistant) -> None:
    """As the mode says."""
    script = await script_of(hass, WAIT, {"event": "done"}, mode="restart")
    first, second = [hass.async_create_task(script.async_run("Home news", {}, Context())) for _ in range(2)]
    await ticks(50)
    hass.bus.async_fire("go")

    assert (await first, await second) == ({"superseded": True}, {})


async def test_a_run_that_would_be_one_too_many_is_refused(hass: HomeAssistant) -> None:
    """As the mode says."""
    script = await script_of(hass, WAIT, mode="single")
    first = hass.async_create_task(script.async_run("Home news", {}, Context()))
    await ticks(50)

    with pytest.raises(HomeAssistantError, match="still running"):
        await script.async_run("Home news", {}, Context())
    hass.bus.async_fire("go")
    assert await first == {}


async def test_a_run_that_is_stopped_says_so(hass: HomeAssistant) -> None:
    """It has not come to its end."""
    script = await script_of(hass, WAIT)
    running = hass.async_create_task(script.async_run("Home news", {}, Context()))
    await ticks(50)

    await script.async_stop()

    with pytest.raises(HomeAssistantError, match="stopped before their end"):
        await running


async def test_a_run_that_home_assistant_cuts_off_when_it_stops_says_so(hass: HomeAssistant) -> None:
    """It is not taken for one that a newer run has superseded."""
    script = await script_of(hass, WAIT, {"event": "done"})
    running = hass.async_create_task(script.async_run("Home news", {}, Context()))
    await ticks(50)

    await hass.async_stop()

    with pytest.raises(HomeAssistantError, match="stopped before their end"):
        await running
