"""The page of Data Stream Bot: every message, and what became of it.

It is one of Home Assistant's panels, in plain JavaScript that needs no build: see `www/main.js`.
"""

from hashlib import sha256
from pathlib import Path
from typing import Final

from homeassistant.components import frontend
from homeassistant.components.http import StaticPathConfig  # type: ignore[attr-defined]
from homeassistant.core import HomeAssistant
from homeassistant.setup import async_when_setup

from ..const import DOMAIN, PANEL

_FOLDER: Final = Path(__file__).with_name("www")
_ELEMENT: Final = "datastream-bot-panel"
_TITLE: Final = "Data streams"


def async_setup_panel(hass: HomeAssistant) -> None:
    """Register the page once Home Assistant has pages; users may put it into their sidebar."""
    async_when_setup(hass, frontend.DOMAIN, _async_register)


async def _async_register(hass: HomeAssistant, _: str) -> None:
    # A browser keeps what it has under a name that says what is in it.
    url = f"/{DOMAIN}/{await hass.async_add_executor_job(_fingerprint)}"
    await hass.http.async_register_static_paths([StaticPathConfig(url, str(_FOLDER), cache_headers=True)])
    frontend.async_register_built_in_panel(
        hass,
        "custom",
        sidebar_title=_TITLE,
        sidebar_icon="mdi:message-text-outline",
        sidebar_default_visible=False,
        frontend_url_path=PANEL,
        config={"_panel_custom": {"name": _ELEMENT, "module_url": f"{url}/main.js"}},
        require_admin=True,
    )


def _fingerprint() -> str:
    files = sha256()
    for path in sorted(_FOLDER.iterdir()):
        files.update(path.read_bytes())
    return files.hexdigest()[:16]
