"""The texts: every one that the code names is there, and every one that is there is named."""

import json
from pathlib import Path
import re
from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import section
from homeassistant.helpers.service import async_get_all_descriptions
from homeassistant.util.yaml import load_yaml_dict
import pytest

from custom_components.datastream_bot import condition, config_flow, trigger, trigger_description
from custom_components.datastream_bot.actions.messages import GET_MESSAGES_SCHEMA, SERVICE_GET_MESSAGES
from custom_components.datastream_bot.actions.send import SEND_SCHEMA, SERVICE_SEND
from custom_components.datastream_bot.data_streams import BUILT_IN_FIELDS
from custom_components.datastream_bot.flows import bot, bot_steps, data_stream, doors, mqtt, options
from custom_components.datastream_bot.issues import KINDS, Fix
from custom_components.datastream_bot.messaging.receipt import Outcome
from custom_components.datastream_bot.mqtt.settings import Problem

from .conftest import AddBot

HOUSE = Path(__file__).parent.parent / "custom_components" / "datastream_bot"
TEXTS = json.loads((HOUSE / "translations" / "en.json").read_text(encoding="utf-8"))
ICONS = json.loads((HOUSE / "icons.json").read_text(encoding="utf-8"))
ATTACHED = ("attached", "attached_nobody", "attached_nothing")
STREAM_SCHEMA = data_stream.stream_schema(
    *(TEXTS["selector"][key]["options"] for key in ("field_type", "field_required"))
)
ACTIONS = {SERVICE_SEND: SEND_SCHEMA, SERVICE_GET_MESSAGES: GET_MESSAGES_SCHEMA}
STREAM_STEPS = TEXTS["config_subentries"]["data_stream"]["step"]
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
    named |= set(re.findall(r'_set_issue[(,] ?"([a-z_]+)"', SOURCE)) | {f"broker_{problem}" for problem in Problem}
    named |= {f"{setting}_gone" for setting in ("exclude", "notify", "persons", "target")}
    named -= TEXTS["selector"].keys()
    assert named == TEXTS["exceptions"].keys() | TEXTS["issues"].keys()
    assert KINDS.keys() == TEXTS["issues"].keys()


@pytest.mark.parametrize("key", KINDS)
def test_an_issue_that_can_be_fixed_has_a_dialog_with_a_link_and_another_one_a_text(key: str) -> None:
    """Home Assistant shows the link itself where there is only a text."""
    texts, fix = TEXTS["issues"][key], KINDS[key].fix
    if fix is None:
        assert texts.keys() == {"title", "description"}
        return
    dialog = texts["fix_flow"]["step"]["confirm"]
    assert dialog["title"] == texts["title"]
    assert dialog["description"].endswith("\n\n[Learn more]({learn_more}).")
    assert ("submit" in dialog) is (fix is not Fix.CONFIRM)


@pytest.mark.parametrize(
    ("texts", "schema"),
    [
        (TEXTS["config"]["step"]["bot"], bot.NEW_BOT_SCHEMA),
        (TEXTS["config"]["step"]["reconfigure"], bot.NAME_SCHEMA),
        (TEXTS["options"]["step"]["bot"], bot.BOT_SCHEMA),
        *((TEXTS["config"]["step"][step], bot.ATTACHED_SCHEMA) for step in ATTACHED),
        *(
            (step, STREAM_SCHEMA)
            for step in TEXTS["config_subentries"]["data_stream"]["step"].values()
            if "data" in step
        ),
        (TEXTS["options"]["step"]["doors"], doors.DOORS_SCHEMA),
        (TEXTS["options"]["step"]["mqtt"], mqtt.MQTT_SCHEMA),
        (TEXTS["options"]["step"]["broker"], mqtt.BROKER_SCHEMA),
        (TEXTS["options"]["step"]["log"], options.LOG_SCHEMA),
        (TEXTS["config"]["step"]["reauth_confirm"], mqtt.LOGIN_SCHEMA),
    ],
)
def test_every_field_of_a_form_has_a_name_and_a_description(texts: dict[str, Any], schema: Any) -> None:
    """Whether something is added or changed, and in sections as well."""
    sections = {str(name): field for name, field in schema.schema.items() if isinstance(field, section)}
    fields = {str(name) for name in schema.schema} - sections.keys()
    assert texts.get("data", {}).keys() == fields
    assert texts.get("data_description", {}).keys() == fields
    assert texts.get("sections", {}).keys() == sections.keys()
    for name, its in sections.items():
        test_every_field_of_a_form_has_a_name_and_a_description(texts["sections"][name], its.schema)


@pytest.mark.parametrize(
    ("texts", "flow"),
    [
        (TEXTS["config"]["step"], config_flow.DatastreamBotConfigFlow),
        (TEXTS["options"]["step"], options.BotOptionsFlow),
    ],
)
def test_every_step_has_a_text_and_every_text_a_step(texts: dict[str, Any], flow: type) -> None:
    """Those that two flows share as well."""
    named = vars(flow) | vars(bot_steps.BotSteps)
    steps = {name.removeprefix("async_step_") for name in named if name.startswith("async_step_")}
    # It shows the form of a bot.
    assert texts.keys() == steps - {"user", "reauth"}


async def test_every_choice_of_the_menu_has_a_text(hass: HomeAssistant, add_bot: AddBot) -> None:
    """And no text is left over."""
    menu: Any = await hass.config_entries.options.async_init((await add_bot()).bot_id)
    assert TEXTS["options"]["step"]["init"]["menu_options"].keys() == set(menu["menu_options"])


def test_a_bot_is_changed_in_the_words_in_which_it_was_added() -> None:
    """Texts cannot be shared between the flows."""
    added, changed = (leaves(TEXTS[flow]) for flow in ("config", "options"))
    shared = [path for path in changed if path.startswith(("error.target_", "step.attached", "step.bot."))]
    shared.remove("step.bot.description")
    assert {path: changed[path] for path in shared} == {path: added.get(path) for path in shared}


def test_every_choice_has_a_text() -> None:
    """As the forms offer it."""
    schemas = [bot.NEW_BOT_SCHEMA.schema, STREAM_SCHEMA.schema]
    schemas += [its.schema.schema for its in doors.DOORS_SCHEMA.schema.values()]
    schemas += [mqtt.MQTT_SCHEMA.schema]
    selectors = [field for schema in schemas for field in schema.values() if not isinstance(field, section)]
    rows = next(selector.config for selector in selectors if selector.config.get("fields"))
    choices = {
        selector.config["translation_key"]: {
            option if isinstance(option, str) else option["value"] for option in selector.config["options"]
        }
        for selector in (*selectors, *(field["selector"] for field in rows["fields"].values()))
        if "options" in selector.config and "translation_key" in selector.config
    }
    actions = load_yaml_dict(HOUSE / "services.yaml")
    for field in (actions["send"]["fields"]["reach"]["fields"]["scope"], actions["get_messages"]["fields"]["outcome"]):
        choice = field["selector"]["select"]
        choices[choice["translation_key"]] = set(choice["options"])
    texts = {key: set(text["options"]) for key, text in TEXTS["selector"].items() if "options" in text}
    assert texts == choices
    assert TEXTS["selector"][rows["translation_key"]]["fields"].keys() == rows["fields"].keys()


def test_every_error_of_a_form_has_a_text() -> None:
    """And no text is left over."""
    named = set(
        re.findall(r'"((?:name|target|address|actions|assistants|field|event_type|broker|yaml|too)_[a-z_]+)"', SOURCE)
    )
    flows = (TEXTS["config"], TEXTS["options"], TEXTS["config_subentries"]["data_stream"])
    texts = {name for flow in flows for name in flow["error"]}
    assert texts <= named
    assert {
        name
        for name in named
        if name.endswith(
            (
                "_invalid",
                "_in_use",
                "_empty",
                "_reserved",
                "_built_in",
                "_own",
                "assistants_not_open",
                "too_large",
                "name_not_valid",
                "broker_unusable",
            )
        )
    } == texts


def test_the_trigger_is_described_as_it_is() -> None:
    """Fields, texts and icon are those of its options."""
    ((name, described),) = load_yaml_dict(str(HOUSE / "triggers.yaml")).items()
    assert f"datastream_bot.{name}" == trigger_description.TRIGGER_MESSAGE_RECEIVED
    assert described["fields"].keys() == {str(option) for option in trigger.OPTIONS_SCHEMA.schema}
    assert TEXTS["triggers"][name]["fields"].keys() == described["fields"].keys()
    assert ICONS["triggers"].keys() == TEXTS["triggers"].keys()


def test_the_conditions_are_described_as_they_are() -> None:
    """Fields, texts and icons are those of their options."""
    described = {name: its for name, its in load_yaml_dict(str(HOUSE / "conditions.yaml")).items() if name[0] != "."}
    assert described.keys() == condition.CONDITIONS.keys() == TEXTS["conditions"].keys() == ICONS["conditions"].keys()
    for name, its in described.items():
        fields = its["fields"].keys()
        assert fields == {str(option) for option in condition.OPTIONS_SCHEMA.schema}
        assert TEXTS["conditions"][name]["fields"].keys() == fields


@pytest.mark.parametrize(("action", "schema"), ACTIONS.items())
def test_an_action_is_described_as_it_is(action: str, schema: Any) -> None:
    """Fields, texts and icons are those of the schema."""
    fields: dict[str, Any] = {}
    sections = set()
    for name, field in load_yaml_dict(HOUSE / "services.yaml")[action]["fields"].items():
        if "fields" in field:
            sections.add(name)
            fields |= field["fields"]
        else:
            fields[name] = field

    assert fields.keys() == {str(field) for field in schema.schema}
    assert TEXTS["services"][action]["fields"].keys() == fields.keys()
    assert TEXTS["services"][action].get("sections", {}).keys() == sections
    assert ICONS["services"][action].get("sections", {}).keys() == sections


def test_every_action_has_a_description() -> None:
    """And no description is left over."""
    assert load_yaml_dict(HOUSE / "services.yaml").keys() == ACTIONS.keys()


async def test_home_assistant_can_read_the_description_of_the_action(hass: HomeAssistant, add_bot: AddBot) -> None:
    """Its pages stay empty when it cannot."""
    await add_bot()
    described = (await async_get_all_descriptions(hass))["datastream_bot"]["send"]
    assert described["response"] == {"optional": True}


def test_every_text_of_the_page_is_there_and_used() -> None:
    """As its files name them, some by what a message has."""
    source = "\n".join(path.read_text(encoding="utf-8") for path in (HOUSE / "panel" / "www").iterdir())
    named = set(re.findall(r"""[("' ]([a-z_]+(?:\.[a-z_]+)?)["']""", source))
    begun = tuple(re.findall(r"`([a-z_]+[._])\$\{", source))
    texts = leaves(TEXTS["config_panel"])
    assert {path for path in texts if path not in named and not path.startswith(begun)} == set()
    asked = set(re.findall(r"""(?:text|localize)\("([a-z_.]+)\"""", source))
    assert asked <= texts.keys()
    assert {f"outcome.{outcome.value}" for outcome in Outcome} <= texts.keys()


@pytest.mark.parametrize("path", [*HOUSE.rglob("*.json"), *HOUSE.rglob("*.yaml")], ids=lambda path: path.name)
def test_a_key_that_yaml_takes_for_true_or_false_stands_in_quotes(path: Path) -> None:
    """What a text shows as an example may be copied."""
    assert not re.search(r"(?<![\"\w])(on|off|yes|no): (true|false)", path.read_text(encoding="utf-8"))


def test_texts_are_written_like_texts() -> None:
    """No spaces around them, no quotes around what is filled in, and an end to every sentence that is one."""
    for path, text in leaves(TEXTS).items():
        assert text == text.strip(), path
        assert not re.search(r"['\"]\{|\}['\"]", text), path
        is_sentence = path.endswith(("description", "message")) or "data_description" in path or ".error." in path
        if is_sentence and ".data." not in path:
            assert text.endswith((".", "?", "**.", "{problem}", "{problems}")), path


def test_texts_name_no_button_of_home_assistant() -> None:
    """Its next release may call them something else."""
    button = re.compile(
        r"\b(Reconfigure|Submit|Rename|Delete|Next|Save|Add entry|Download diagnostics)\b(?! this form)|⋮|→|gear"
    )
    assert [path for path, text in leaves(TEXTS).items() if button.search(text)] == []


@pytest.mark.parametrize("address", [*BUILT_IN_FIELDS])
def test_the_form_of_a_built_in_data_stream_tells_its_fields(address: str) -> None:
    """As they are, and how to get it back when it was deleted; and a new one has a description."""
    described = TEXTS["config_subentries"]["data_stream"]["step"][f"reconfigure_{address}"]["description"]
    told = [line for line in described.splitlines() if line.startswith("- ")]
    fields = BUILT_IN_FIELDS[address]
    assert len(told) == len(fields)
    for line, field in zip(told, fields, strict=True):
        assert line.startswith(f"- `{field.name}`, {field.expected.removesuffix(' that is not empty')}")
        assert ("required" in line) is field.required
        assert line.endswith(f". {field.description}")
    assert f"`{address}`." in described
    assert TEXTS["common"].keys() == {*BUILT_IN_FIELDS, "shared", "none", "more", "away"}
