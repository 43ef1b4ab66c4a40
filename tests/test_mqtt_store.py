"""The file of what is on its way between homes."""

from pathlib import Path

from homeassistant.core import HomeAssistant

from custom_components.datastream_bot.mqtt.store import async_get_store

from .broker import more_homes


async def test_what_is_asked_for_while_the_file_is_closed_is_done(tmp_path: Path) -> None:
    """A bot may be removed in the moment in which its way to other homes is closed."""
    async with more_homes() as start:
        hass: HomeAssistant = await start(tmp_path / "one")
        store = async_get_store(hass)
        for number in range(20):
            store.async_use()
            await store.set_session("bot", "acme/cottage", str(number))

            leaving = hass.async_create_task(store.async_leave())
            session = await store.session("bot", "acme/cottage")
            await leaving

            assert session == str(number)
        store.async_use()
        await store.async_leave()
