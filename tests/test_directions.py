"""The house: an import only goes down, and the top level holds nothing but what belongs there."""

import ast
from pathlib import Path

import pytest

HOUSE = Path(__file__).parent.parent / "custom_components" / "datastream_bot"

# From the ground up. On a floor, packages do not know each other.
GROUND = {
    *("channel", "clock", "const", "errors", "issues", "rate_limit"),
    *("rights", "sender_limit", "settings", "signals", "storage", "texts"),
}
FLOORS = (
    GROUND,
    {"messaging", "presence", "devices"},
    {"microservices"},
    {"bot", "data_streams", "orphans"},
    {"doors", "mqtt"},
)
SHOWN = {
    # What Home Assistant loads by itself, and what else users see.
    *("actions", "asyncapi", "checks", "config_flow", "flows", "condition", "trigger", "diagnostics"),
    *("binary_sensor", "button", "entity", "event", "sensor", "switch"),
    *("event_bus", "live_messages", "llm", "logbook", "migration", "panel", "receipt_event", "repairs"),
    *("system_health", "trigger_description", "trigger_target", "usages", "websocket_api"),
    # What else is above the bots.
    "other_integrations",
}
# What Home Assistant alone loads: whatever changes in what they are made for, it costs nothing but them.
PLATFORMS = {
    *("binary_sensor", "button", "condition", "diagnostics", "event", "llm"),
    *("logbook", "repairs", "sensor", "switch", "system_health", "trigger"),
}
PACKAGES = {"actions", "checks", "messaging", "presence", "devices", "microservices", "doors", "mqtt", "flows"}
PACKAGES |= {"other_integrations", "panel"}
BELOW = {part: set().union(*FLOORS[:number]) for number, floor in enumerate(FLOORS) for part in floor}
# Doors and other homes are opened from the top; only what stores their settings knows them besides.
BELOW |= {part: set().union(*FLOORS[:4]) | SHOWN for part in SHOWN}
BELOW |= {part: BELOW[part] | {"doors", "mqtt"} for part in ("config_flow", "flows", "migration")}
BELOW |= {"__init__": set().union(*FLOORS) | SHOWN}
# These stand on one floor because they are one subject each, in files that build on each other.
BELOW |= {part: BELOW[part] | GROUND for part in GROUND} | {"bot": BELOW["bot"] | {"data_streams"}}

MODULES = sorted(path.relative_to(HOUSE) for path in HOUSE.rglob("*.py"))


def part_of(path: Path) -> str:
    """Return the package or the module of the top level that a module belongs to."""
    return path.parts[0].removesuffix(".py")


def imported(path: Path) -> set[str]:
    """Return the packages and modules of the top level that a module imports, wherever in it that stands."""
    parts: set[str] = set()
    for node in ast.walk(ast.parse((HOUSE / path).read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level:
            within = path.parts[: len(path.parts) - node.level]
            names = [node.module] if node.module else [alias.name for alias in node.names]
            parts |= {".".join((*within, name)).split(".")[0] for name in names}
        elif isinstance(node, ast.ImportFrom | ast.Import):
            modules = [node.module] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names]
            assert not any("datastream_bot" in str(module) for module in modules), "The house is imported relatively"
    return parts


@pytest.mark.parametrize("path", MODULES, ids=str)
def test_an_import_only_goes_down(path: Path) -> None:
    """Wherever in the module it stands."""
    part = part_of(path)
    own = {part} if part in PACKAGES else set()
    assert imported(path) <= BELOW[part] | own


@pytest.mark.parametrize("path", MODULES, ids=str)
def test_only_home_assistant_loads_platforms(path: Path) -> None:
    """So that the bots are set up whatever becomes of them."""
    assert not imported(path) & PLATFORMS


def test_the_top_level_holds_what_belongs_there() -> None:
    """What is ours alone lives in a package by subject."""
    assert {part_of(path) for path in MODULES} == BELOW.keys()
    assert {part_of(path) for path in MODULES if len(path.parts) > 1} == PACKAGES


def test_the_story_of_how_it_is_wired_is_short() -> None:
    """It decides nothing, so it has no class."""
    text = (HOUSE / "__init__.py").read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 90
    assert not [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.ClassDef)]
