"""Releases: what HACS installs, and that all who tell a version agree."""

import json
from pathlib import Path
import subprocess
import sys
from zipfile import ZipFile

PROJECT = Path(__file__).parent.parent
VERSION = json.loads((PROJECT / "custom_components" / "datastream_bot" / "manifest.json").read_text())["version"]


def release(tag: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Make a release."""
    script = PROJECT / "scripts" / "release.py"
    return subprocess.run([sys.executable, script, tag, folder], capture_output=True, text=True, check=False)  # noqa: S603


def test_a_release_has_all_of_the_integration_and_says_what_is_new(tmp_path: Path) -> None:
    """HACS unpacks it into the folder of the integration."""
    made = release(f"v{VERSION}", tmp_path)

    assert (made.returncode, made.stderr) == (0, "")
    with ZipFile(tmp_path / json.loads((PROJECT / "hacs.json").read_text())["filename"]) as file:
        names = set(file.namelist())
    assert {"manifest.json", "translations/en.json", "brand/icon.png", "panel/www/main.js", "mqtt/client.py"} <= names
    assert not [name for name in names if name.endswith(".pyc")]
    notes = (tmp_path / "notes.md").read_text()
    assert notes.startswith("The first version")
    assert "##" not in notes


def test_a_tag_that_manifest_or_changelog_do_not_have_is_refused(tmp_path: Path) -> None:
    """Nothing is written then."""
    made = release("v9.9.9", tmp_path)

    assert made.returncode == 1
    assert made.stderr == (
        f"The tag is v9.9.9, the manifest says {VERSION}, and the changelog begins with {VERSION}.\n"
    )
    assert not [*tmp_path.iterdir()]
