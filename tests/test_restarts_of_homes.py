"""Homes that begin anew while messages are on their way between them."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from .broker import Broker, Ear, acquainted, add_bot_of, broker_at, more_homes, needs_broker, running_broker, until

pytestmark = needs_broker

NEWS = [{"address": "news"}]
SLOWLY = {"limits": {"rate": 1, "burst": 1}}


@pytest.fixture
async def broker(tmp_path: Path) -> AsyncIterator[Broker]:
    """Run a broker for everyone."""
    async with running_broker(tmp_path / "broker") as running:
        yield running


async def test_what_is_sent_at_the_very_beginning_survives_a_restart(broker: Broker, tmp_path: Path) -> None:
    """The bot has never been in this home before."""
    async with more_homes() as start:
        one = await add_bot_of(await start(tmp_path / "one"), "cottage", **broker_at(broker.port))
        await one.async_dispatch("news", {"n": 1}, internal=False)
        await acquainted(one)
        assert await one.hass.config_entries.async_reload(one.bot_id)
        two_hass = await start(tmp_path / "two")
        ear = Ear(two_hass)
        await add_bot_of(two_hass, "cottage", streams=NEWS, **broker_at(broker.port))

        await until(ear.heard.copy)

        assert ear.contents("news") == [{"n": 1}]


async def test_what_a_bot_had_not_begun_when_it_is_reloaded_comes_again_at_once(broker: Broker, tmp_path: Path) -> None:
    """Its sender does not wait until it becomes impatient."""
    async with more_homes() as start:
        one = await add_bot_of(await start(tmp_path / "one"), "cottage", **broker_at(broker.port))
        two_hass = await start(tmp_path / "two")
        ear = Ear(two_hass)
        two = await add_bot_of(two_hass, "cottage", streams=NEWS, **broker_at(broker.port))
        two_hass.config_entries.async_update_entry(two.entry, options={**two.entry.options, "doors": SLOWLY})
        await two_hass.config_entries.async_reload(two.bot_id)
        await acquainted(one, two.entry.runtime_data)
        for number in range(1, 4):
            await one.async_dispatch("news", {"n": number}, internal=False)
        await until(ear.heard.copy)

        assert await two_hass.config_entries.async_reload(two.bot_id)
        await until(lambda: len(ear.heard) == 3, 10)

        assert ear.contents("news") == [{"n": 1}, {"n": 2}, {"n": 3}]


@pytest.mark.warns
async def test_what_was_answered_before_a_restart_changes_no_order(broker: Broker, tmp_path: Path) -> None:
    """It is sent once more, for a bot that nobody knows yet, though not after what is younger."""
    async with more_homes() as start:
        one = await add_bot_of(await start(tmp_path / "one"), "cottage", **broker_at(broker.port))
        two_hass = await start(tmp_path / "two")
        ear = Ear(two_hass)
        two = await add_bot_of(two_hass, "cottage", streams=NEWS, **broker_at(broker.port))
        await acquainted(one, two)
        receipt = await (await one.async_dispatch("news", {"n": 1}, internal=False)).async_receipt()
        assert [delivery.outcome for delivery in receipt.deliveries] == ["handled"]
        assert await two_hass.config_entries.async_unload(two.bot_id)
        await broker.kill()
        await (await one.async_dispatch("news", {"n": 2}, internal=False)).async_receipt()

        assert await one.hass.config_entries.async_reload(one.bot_id)
        one = one.entry.runtime_data
        await one.async_dispatch("news", {"n": 3}, internal=False)
        await broker.start()
        await acquainted(one, others=0)
        assert await two_hass.config_entries.async_setup(two.bot_id)

        await until(lambda: len(ear.heard) == 3)
        assert ear.contents("news") == [{"n": 1}, {"n": 2}, {"n": 3}]
