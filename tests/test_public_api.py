"""What other integrations rely on: every public name with its signature, as it is written down beside this test."""

from collections.abc import Iterator
from enum import Enum
import inspect
from pathlib import Path
import re
from typing import Any, Final, TypeAliasType

import pytest

from custom_components.datastream_bot import messaging

from .pages import all_examples, text_of

WRITTEN_DOWN: Final = Path(__file__).parent / "public_api.txt"
HELP: Final = """Other integrations rely on what has changed here. If that is meant, say in docs/from-python.md what is
so now, tell in the changelog what others have to change, and write this into tests/public_api.txt:

"""


def described(name: str) -> Iterator[str]:
    """Describe a public name, a line for each of its parts."""
    what = getattr(messaging, name)
    if isinstance(what, TypeAliasType):
        yield f"type {name} = {what.__value__}"
    elif inspect.isclass(what):
        yield f"class {name}({', '.join(base.__name__ for base in what.__bases__)})"
        yield from (f"    {part}" for part in parts_of(what))
    else:
        yield signature_of(name, what)


def parts_of(class_: type) -> list[str]:
    """Describe how a class is called, and its members, attributes and methods that begin with no underscore."""
    if issubclass(class_, Enum):
        return [f"{member.name} = {member.value!r}" for member in class_]
    members = {name: getattr(member, "fget", member) for name, member in vars(class_).items()}
    annotations = {name: inspect.formatannotation(it) for name, it in inspect.get_annotations(class_).items()}
    return [
        f"{class_.__name__}{inspect.signature(class_)}",
        *(f"{name}: {annotation}" for name, annotation in annotations.items() if not name.startswith("_")),
        *(
            ("@property " if isinstance(vars(class_)[name], property) else "") + signature_of(name, member)
            for name, member in members.items()
            if inspect.isfunction(member) and not name.startswith("_")
        ),
    ]


def signature_of(name: str, function: Any) -> str:
    """Describe a function."""
    return f"{'async ' if inspect.iscoroutinefunction(function) else ''}def {name}{inspect.signature(function)}"


def public_api() -> str:
    """Describe all that other integrations may import."""
    return "\n".join(line for name in messaging.__all__ for line in (*described(name), ""))


def without_modules(text: str) -> str:
    """Leave out in which module a name is defined, which nobody has to know."""
    return re.sub(r"\b[a-z_]+\.(?:[a-z_]+\.)*(?=\w)", "", text)


def test_what_others_rely_on_does_not_change_unnoticed() -> None:
    """Names, parameters, types, defaults and members."""
    now = without_modules(public_api())
    assert now == WRITTEN_DOWN.read_text(encoding="utf-8"), HELP + now


def test_nothing_else_has_to_be_imported() -> None:
    """Whatever a public name is made of can be imported beside it."""
    ours = set(re.findall(r"custom_components\.datastream_bot\.[a-z_.]*(\w+)", public_api()))
    assert ours <= {*messaging.__all__}
    assert ours != set()


@pytest.mark.parametrize("name", messaging.__all__)
def test_every_public_name_is_explained(name: str) -> None:
    """On the page about Python, and beside the code."""
    assert f"`{name}`" in text_of("docs/from-python.md").partition("## The names")[2]
    assert getattr(messaging, name).__doc__


def test_the_examples_import_nothing_else() -> None:
    """All that is Python in the documentation."""
    imported = {name for each in all_examples("python") for name in re.findall(r"datastream_bot\.(\S+) import", each)}
    assert imported == {"messaging"}
