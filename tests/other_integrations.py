"""Other integrations: the doorbell of the documentation, and copies of it with code of their own, also bad code."""

import json
from pathlib import Path
import shutil
from typing import Final

DOORBELL: Final = "doorbell_demo"
EXAMPLE: Final = Path(__file__).parent / "integrations" / DOORBELL
BEGINNING: Final = """
import asyncio
from threading import Event
from homeassistant.exceptions import HomeAssistantError
from custom_components.datastream_bot.messaging import Field, FieldType, Microservice, datastream
"""
RETURNS_CLERK: Final = """
async def async_get_microservices(hass, host):
    hass.data.setdefault("hosts", []).append(host)
    return [Clerk()]
"""


def copy_integration(folder: Path, domain: str, code: str | None = None) -> None:
    """Copy the doorbell into a folder, under another domain and with another `datastream_bot.py` if there is one."""
    copy = shutil.copytree(EXAMPLE, folder / domain, ignore=shutil.ignore_patterns("__pycache__"))
    for file in ("manifest.json", "__init__.py"):
        text = (copy / file).read_text(encoding="utf-8")
        (copy / file).write_text(text.replace(f'"{DOORBELL}"', json.dumps(domain)), encoding="utf-8")
    if code is not None:
        (copy / "datastream_bot.py").write_text(BEGINNING + code, encoding="utf-8")


def clerk(handler: str, more: str = "", fields: str = "", address: str = "news") -> str:
    """Return code that adds a microservice which handles messages to an address so."""
    return f"""
class Clerk(Microservice):
    name = "clerk"
    {more}

    @datastream("{address}", ({fields}))
    async def read(self, message):
        {handler}
{RETURNS_CLERK}"""
