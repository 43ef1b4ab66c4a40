"""The documentation: its pages, and the examples in them."""

from pathlib import Path
import re
from typing import Final

ROOT: Final = Path(__file__).parent.parent
PAGES: Final = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))


def text_of(page: str) -> str:
    """Return the text of a page, named by its path."""
    return (ROOT / page).read_text(encoding="utf-8")


def all_examples(*languages: str) -> list[str]:
    """Return all examples in these languages, of all pages."""
    fence = rf"^```(?:{'|'.join(languages)})\n(.*?)^```"
    return [
        str(block) for page in PAGES for block in re.findall(fence, page.read_text("utf-8"), re.DOTALL | re.MULTILINE)
    ]


def examples(language: str, containing: str) -> str:
    """Return the one example in a language that contains a text."""
    (example,) = (block for block in all_examples(language) if containing in block)
    return example
