"""Home Assistant's quality scale, by every rule that its own integrations are held to."""

from pathlib import Path
from typing import Any

import homeassistant
from homeassistant.util.yaml import load_yaml_dict
from PIL import Image
import pytest

from .test_directions import HOUSE

FILE = "quality_scale.yaml"
RULES: dict[str, Any] = load_yaml_dict(str(HOUSE / FILE))["rules"]
EXEMPT = {rule: told for rule, told in RULES.items() if told != "done"}


def test_every_rule_is_decided() -> None:
    """Home Assistant adds one from time to time."""
    components = Path(homeassistant.__file__).with_name("components")
    theirs = load_yaml_dict(str(components / "peblar" / FILE))["rules"]
    assert RULES.keys() == theirs.keys()


@pytest.mark.parametrize("rule", EXEMPT)
def test_what_is_exempt_says_why(rule: str) -> None:
    """Nothing is left to be done."""
    assert EXEMPT[rule]["status"] == "exempt"
    assert EXEMPT[rule]["comment"].endswith(".")


@pytest.mark.parametrize("prefix", ["", "dark_"])
def test_it_has_an_icon_and_a_logo_for_light_and_dark_pages(prefix: str) -> None:
    """In the sizes that Home Assistant's own have, also for screens with many pixels."""
    sizes: dict[str, tuple[int, int]] = {}
    for name in ("icon", "icon@2x", "logo", "logo@2x"):
        with Image.open(HOUSE / "brand" / f"{prefix}{name}.png") as image:
            sizes[name] = image.size
    assert (sizes["icon"], sizes["icon@2x"]) == ((256, 256), (512, 512))
    assert (min(sizes["logo"]), min(sizes["logo@2x"])) == (256, 512)
