"""The house: a module imports only from floors below its own."""

import ast
from pathlib import Path

import pytest

HOUSE = Path(__file__).parent.parent / "custom_components" / "datastream_bot"
# On a floor in a tuple, some stones lie on others: each may import those named before it.
FLOORS: tuple[tuple[str, ...] | set[str], ...] = (
    (
        *("const", "errors", "nearest", "field", "contract", "built_in", "data_stream", "groups", "exclusion", "hops"),
        *("look", "memory", "message", "recalled", "receipt", "seen", "settings", "signals", "signature"),
        *("snapshot_memory", "token_bucket", "topics", "waiting", "envelope", "inbox"),
    ),
    {
        "attachment",
        "door",
        "greeting",
        "household",
        "incoming",
        "link",
        "microservice",
        "notification",
        "outbox",
        "presence",
    }
    | {"roster", "snapshot", "switching"},
    ("belated", "presence_memory", "following", "restoring", "toggling", "verification"),
    ("directory", "delivery", "router"),
    (
        *("trouble", "voice", "farewell", "addressing", "answering", "handling", "journey", "resending", "posting"),
        *("receiving", "hearing", "mqtt_door"),
    ),
    {"bot", "entering", "logging_in"},
    {"cloud_api", "http_api", "microservices", "webhook"},
    {"doors", "streams"},
    {"bot_form", "door_form", "event_bus", "stream_form"},
    {"bot_entity", "door_flow", "entity", "services", "stream_flow"},
    {"config_flow", "picking", "renames"},
    {"binary_sensor", "diagnostics", "event", "switch", "trigger"},
    {"__init__"},
)
MODULES = sorted(path.relative_to(HOUSE) for path in HOUSE.rglob("*.py"))


def floor_of(module: str) -> int:
    """Return the floor of a module."""
    (floor,) = (number for number, names in enumerate(FLOORS) if module in names)
    return floor


def imported(path: Path) -> set[str]:
    """Return the modules of the house that a module imports, wherever it does."""
    names: set[str] = set()
    for node in ast.walk(ast.parse((HOUSE / path).read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level:
            names.update([node.module.split(".")[0]] if node.module else [alias.name for alias in node.names])
        elif isinstance(node, ast.ImportFrom | ast.Import):
            module = node.module if isinstance(node, ast.ImportFrom) else node.names[0].name
            assert "datastream_bot" not in str(module), "The house is imported relatively"
    return names


def below(module: str) -> set[str]:
    """Return the modules that a module may import."""
    floor = floor_of(module)
    names = FLOORS[floor]
    beneath = set(names[: names.index(module)]) if isinstance(names, tuple) else set()
    return beneath.union(*FLOORS[:floor])


@pytest.mark.parametrize("path", MODULES, ids=str)
def test_a_module_imports_only_what_lies_below_it(path: Path) -> None:
    """Wherever in the module it does."""
    assert imported(path) <= below(path.parts[0].removesuffix(".py"))


def test_every_module_has_a_floor_and_every_floor_its_modules() -> None:
    """Nothing is listed that is gone."""
    assert {path.parts[0].removesuffix(".py") for path in MODULES} == set().union(*FLOORS)


def test_the_story_of_how_it_is_wired_is_short() -> None:
    """It decides nothing, so it has no class."""
    text = (HOUSE / "__init__.py").read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 90
    assert not [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.ClassDef)]
