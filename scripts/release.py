#!/usr/bin/env python3
"""Checks that tag, manifest and changelog agree, and writes what a release needs into a folder.

That is the zip that HACS installs, and the notes.
"""

from argparse import ArgumentParser
import json
from pathlib import Path
import re
import sys
from zipfile import ZIP_DEFLATED, ZipFile

PROJECT = Path(__file__).resolve().parent.parent
INTEGRATION = PROJECT / "custom_components" / "datastream_bot"


def main() -> None:
    """Check the tag, and write the release."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("tag", help="the tag of the release, such as v1.2.3")
    parser.add_argument("folder", type=Path, help="where to write what the release needs")
    arguments = parser.parse_args()

    version = json.loads((INTEGRATION / "manifest.json").read_text(encoding="utf-8"))["version"]
    newest, notes = newest_changes((PROJECT / "CHANGELOG.md").read_text(encoding="utf-8"))
    if not arguments.tag == f"v{version}" == f"v{newest}":
        sys.exit(f"The tag is {arguments.tag}, the manifest says {version}, and the changelog begins with {newest}.")
    arguments.folder.mkdir(parents=True, exist_ok=True)
    (arguments.folder / "notes.md").write_text(notes, encoding="utf-8")
    pack(arguments.folder / json.loads((PROJECT / "hacs.json").read_text(encoding="utf-8"))["filename"])


def newest_changes(changelog: str) -> tuple[str, str]:
    """Return the version that a changelog begins with, and what has changed in it."""
    match = re.search(r"^## (\S+)$\n+(.*?)(?=^## |\Z)", changelog, re.MULTILINE | re.DOTALL)
    if match is None:
        sys.exit("The changelog has no version.")
    return match[1], match[2].strip() + "\n"


def pack(path: Path) -> None:
    """Pack the integration as HACS unpacks it, into the folder of the integration."""
    with ZipFile(path, "w", ZIP_DEFLATED) as file:
        for each in sorted(INTEGRATION.rglob("*")):
            if each.is_file() and "__pycache__" not in each.parts:
                file.write(each, each.relative_to(INTEGRATION))


if __name__ == "__main__":
    main()
