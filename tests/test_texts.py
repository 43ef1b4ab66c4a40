"""The texts: every one that the code names is there, and every one that is there is named."""

import json
from pathlib import Path
import re
from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.helpers.service import async_get_all_descriptions
from homeassistant.util.yaml import load_yaml_dict
import pytest

from custom_components.datastream_bot import config_flow, services

from .conftest import AddBot

HOUSE = Path(__file__).parent.parent / "custom_components" / "datastream_bot"
TEXTS = json.loads((HOUSE / "translations" / "en.json").read_text(encoding="utf-8"))
ICONS = json.loads((HOUSE / "icons.json").read_text(encoding="utf-8"))
SOURCE = "\n".join(path.read_text(encoding="utf-8") for path in HOUSE.rglob("*.py"))


def leaves(texts: dict[str, Any], path: str = "") -> dict[str, str]:
    """Return all texts by their path."""
    found: dict[str, str] = {}
    for key, value in texts.items():
        found |= leaves(value, f"{path}{key}.") if isinstance(value, dict) else {f"{path}{key}": value}
    return found


def test_every_error_has_a_text_and_every_text_an_error() -> None:
    """The same holds for repair issues."""
    named = set(re.findall(r'translation_key="([a-z_]+)"', SOURCE))
    named |= {
        key for pair in re.findall(r'translation_key="([a-z_]+)" if \w+ else "([a-z_]+)"', SOURCE) for key in pair
    }
    assert named == TEXTS["exceptions"].keys() | TEXTS["issues"].keys()


@pytest.mark.parametrize("step", ["user", "reconfigure"])
def test_every_field_of_the_form_has_a_name_and_a_description(step: str) -> None:
    """In both forms."""
    fields = {str(field) for field in config_flow.BOT_SCHEMA.schema}
    assert TEXTS["config"]["step"][step]["data"].keys() == fields
    assert TEXTS["config"]["step"][step]["data_description"].keys() == fields


def test_every_choice_has_a_text() -> None:
    """As the form offers it."""
    for field, selector in config_flow.BOT_SCHEMA.schema.items():
        if key := selector.config.get("translation_key"):
            assert str(field) == key
            assert TEXTS["selector"][key]["options"].keys() == set(selector.config["options"])


def test_every_error_of_the_form_has_a_text() -> None:
    """And no text is left over."""
    errors = set(re.findall(r'errors\[\w+\] = "(\w+)"', SOURCE))
    assert TEXTS["config"]["error"].keys() == errors


def test_the_action_is_described_as_it_is() -> None:
    """Fields, texts and icons are those of the schema."""
    ((action, described),) = load_yaml_dict(HOUSE / "services.yaml").items()
    fields: dict[str, Any] = {}
    sections = set()
    for name, field in described["fields"].items():
        if "fields" in field:
            sections.add(name)
            fields |= field["fields"]
        else:
            fields[name] = field

    assert action == services.SERVICE_SEND
    assert fields.keys() == {str(field) for field in services.SEND_SCHEMA.schema}
    assert TEXTS["services"][action]["fields"].keys() == fields.keys()
    assert TEXTS["services"][action]["sections"].keys() == sections
    assert ICONS["services"][action]["sections"].keys() == sections


async def test_home_assistant_can_read_the_description_of_the_action(hass: HomeAssistant, add_bot: AddBot) -> None:
    """Its pages stay empty when it cannot."""
    await add_bot()
    described = (await async_get_all_descriptions(hass))["datastream_bot"]["send"]
    assert described["fields"]["address"]["selector"] == {"text": {"multiline": False, "multiple": False}}
    assert described["response"] == {"optional": True}


def test_texts_are_written_like_texts() -> None:
    """No spaces around them, no quotes around what is filled in, and an end to every sentence that is one."""
    for path, text in leaves(TEXTS).items():
        assert text == text.strip(), path
        assert not re.search(r"['\"]\{|\}['\"]", text), path
        if path.endswith(("description", "message")) or "data_description" in path or ".error." in path:
            assert text.endswith((".", "**.", "?")), path
