"""What stands in code blocks of the documentation's pages, and what a comment before one says of it."""

import re
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]
BLOCK = re.compile(r"(?:<!-- ([^\n]*) -->\n)?^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
# Blocks in these languages are run, unless a comment says why not.
RUN = ("sh", "python")


class Block(NamedTuple):
    """One that is fenced by ``` in a page."""

    comment: str  # of the line before it, "" for none
    language: str
    code: str

    @property
    def runs(self) -> bool:
        return self.language in RUN and not self.comment.startswith("not run: ")


def name_of(page: Path) -> str:
    """Such as how-to/data."""
    return page.relative_to(ROOT if page.parent == ROOT else DOCS).with_suffix("").as_posix()


def blocks_of(page: Path) -> list[Block]:
    return [Block(*parts) for parts in BLOCK.findall(page.read_text(encoding="utf-8"))]
