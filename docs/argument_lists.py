"""For the reference: the arguments that a docstring explains, as a list.

In the source they are lines of prose, "boxes: [n, 4] corners.  scores: [n].", since that is what one reads
there. On a page, Markdown would run them into one paragraph.
"""

import itertools
import re
from typing import Any

import griffe

# "name: " or "name, name: ", at the beginning of a line or two spaces after a sentence.
TERM = re.compile(r"(?:^|(?<=\.  ))(?!\w+Error|[A-Z]{2})\w+(?:, \w+)*(?=: )", re.MULTILINE)
# What follows the arguments and is no part of the last.
AFTER = re.compile(r"^\w+Error\b|(?<=\.\n)(?=[A-Z`])", re.MULTILINE)


def with_lists(docstring: str) -> str:
    """The Markdown of a docstring: each term an item of a list, all else as it is."""
    return "\n\n".join(_listed(paragraph) for paragraph in docstring.split("\n\n"))


def _listed(paragraph):
    starts = [found.start() for found in TERM.finditer(paragraph)]
    if not starts:
        return paragraph
    after = AFTER.search(paragraph, starts[-1])
    end = after.start() if after else len(paragraph)
    items = [_item(paragraph[begin:stop]) for begin, stop in itertools.pairwise([*starts, end])]
    parts = paragraph[: starts[0]].strip(), "\n".join(items), paragraph[end:]
    return "\n\n".join(part for part in parts if part)


def _item(term):
    names, text = term.strip().split(": ", 1)
    return f"- {_code(names)}: {text}".replace("\n", "\n  ")


def _code(names):
    return ", ".join(f"`{name}`" for name in names.split(", "))


class ArgumentLists(griffe.Extension):
    """Called by griffe for each object that is loaded."""

    def on_instance(self, *, obj: griffe.Object, **_: Any) -> None:
        """Rewrites the docstring of `obj`, if it has one."""
        if obj.docstring:
            obj.docstring.value = with_lists(obj.docstring.value)
