"""What can be wrong with a data set: every kind of problem, how bad it is, and rows to show them in."""

from collections.abc import Iterable
from dataclasses import dataclass

# Errors: training leaves the image or object out, refuses the folder, or mistakes one thing for another.
# Warnings: usable, but probably not as meant. Notes: worth knowing. Rows come in this order.
KINDS = {
    "empty split": "error",
    "malformed image entry": "error",
    "missing image": "error",
    "unreadable image": "error",
    "other image format": "error",
    "wrong size": "error",
    "ambiguous file name": "error",
    "duplicate image id": "error",
    "duplicate file name": "error",
    "duplicate annotation id": "error",
    "duplicate category": "error",
    "different categories": "error",
    "unknown image": "error",
    "unknown category": "error",
    "NaN coordinates": "error",
    "malformed box": "error",
    "malformed crowd flag": "error",
    "empty box": "error",
    "box outside the image": "error",
    "degenerate polygon": "error",
    "RLE of another size": "error",
    "malformed mask": "error",
    "annotation id 0": "warning",
    "split without objects": "warning",
    "no validation split": "warning",
    "category name twice": "warning",
    "object twice": "warning",
    "image in both splits": "warning",
    "same picture twice": "warning",
    "wrong suffix": "warning",
    "box crosses the border": "warning",
    "box disagrees": "warning",
    "area disagrees": "warning",
    "flat polygon": "warning",
    "empty mask": "warning",
    "box without mask": "warning",
    "byte order mark": "note",
    "file name with backslashes": "note",
    "file name of another machine": "note",
    "file name with folders too many": "note",
    "file name without its folder": "note",
    "file name in other letters": "note",
    "file name without its ending": "note",
    "image without a size": "note",
    "id that is text": "note",
    "number in another form": "note",
    "layout of another tool": "note",
    "annotation without `id`": "note",
    "annotation without `bbox`": "note",
    "annotation without `area`": "note",
    "annotation without `iscrowd`": "note",
    "polygon as one flat list": "note",
    "mask in another form": "note",
    "annotations of stored pixels": "note",
    "orientation untold": "note",
    "alpha channel": "note",
    "several pages": "note",
    "image without objects": "note",
    "class without objects": "note",
    "tiny image": "note",
    "huge image": "note",
}


class Malformed(ValueError):
    """What is wrong with one entry of a data set: a `kind` of KINDS, and one line that says what."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


@dataclass(frozen=True, order=True)
class Problem:
    """One thing that is wrong in one place."""

    split: str
    where: str  # a file of the data folder, with the annotation, image or category where that matters
    kind: str  # a key of KINDS
    message: str  # one line
    count: int = 1  # how often; `message` tells of the first

    @property
    def severity(self) -> str:
        """ "error", "warning" or "note"."""
        return KINDS[self.kind]


@dataclass(frozen=True)
class Row:
    """All problems of one kind."""

    kind: str
    severity: str
    count: int
    examples: tuple[Problem, ...]


def group(problems: Iterable[Problem], num_examples: int = 3) -> list[Row]:
    """One Row a kind that occurs, the gravest first, each with its first problems as examples."""
    by_kind: dict[str, list[Problem]] = {kind: [] for kind in KINDS}
    for problem in problems:
        by_kind[problem.kind].append(problem)
    return [
        Row(kind, KINDS[kind], sum(problem.count for problem in found), tuple(found[:num_examples]))
        for kind, found in by_kind.items()
        if found
    ]
