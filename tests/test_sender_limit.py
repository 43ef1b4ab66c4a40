"""Users who send very much wait, and are refused in the end."""

import asyncio

from freezegun.api import FrozenDateTimeFactory
from homeassistant.auth.const import GROUP_ID_USER
from homeassistant.auth.models import Group
from homeassistant.core import Context, HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import MockUser, async_fire_time_changed

from .conftest import AddBot, Send
from .home import ticks

pytestmark = pytest.mark.usefixtures("no_stack_traces")


async def test_a_user_who_sends_too_much_waits_and_is_refused_after_ten_seconds(
    hass: HomeAssistant, add_bot: AddBot, send: Send, freezer: FrozenDateTimeFactory
) -> None:
    """Nothing of what was sent before is lost."""
    await add_bot()
    user = MockUser(groups=[Group("users", {"entities": True}, GROUP_ID_USER)]).add_to_hass(hass)
    context = Context(user_id=user.id)

    sending = [asyncio.ensure_future(send("news", {}, context=context)) for _ in range(1200)]
    await ticks(100)
    refused = [each for each in sending if each.done() and each.exception()]
    sent = [each for each in sending if each not in refused]
    # Home Assistant's tests let a moment pass with each step.
    assert 150 < len(refused) <= 200
    assert all("more than 50 a second" in str(each.exception()) for each in refused)
    assert 500 <= sum(each.done() for each in sent) < 550
    for seconds in (1, 5, 10):
        freezer.tick(seconds)
        async_fire_time_changed(hass)
        await ticks(100)
    assert len({(await each)["message_id"] for each in sent}) == len(sent)


@pytest.mark.parametrize("is_admin", [True, False])
async def test_administrators_and_automations_are_not_slowed_down(
    hass: HomeAssistant, add_bot: AddBot, send: Send, *, is_admin: bool
) -> None:
    """Who is gone is."""
    await add_bot()
    admin = MockUser(is_owner=True).add_to_hass(hass)
    context = Context(user_id=admin.id) if is_admin else Context()

    for _ in range(600):
        await send("news", {}, context=context)
