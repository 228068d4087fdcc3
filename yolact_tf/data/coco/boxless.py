"""Annotations of a box without a mask: what becomes of them, and how many there are."""

import logging
from pathlib import Path

from yolact_tf.config import BOXLESS
from yolact_tf.data.coco.entries import ObjectEntry
from yolact_tf.data.tally import Counted

logger = logging.getLogger(__name__)

_READINGS = ("a filled rectangle", "a crowd region, neither learned nor counted", "nothing")


class Boxless:
    """The boxes without a mask of one annotation file: `found` says how many, and which is the first."""

    def __init__(self, boxless: str) -> None:
        require_reading(boxless)
        self._boxless, self.found = boxless, Counted(0, "")

    def decide(self, entry: ObjectEntry, name: str) -> ObjectEntry | None:
        """What an entry whose mask is but its box is taken for; None where it is left out."""
        self.found = Counted(self.found.count + 1, self.found.example or name)
        if self._boxless == "drop":
            return None
        return entry._replace(is_crowd=entry.is_crowd or self._boxless == "crowd")


def require_reading(boxless: str) -> None:
    """ValueError for what is no reading of boxes without a mask."""
    if boxless not in (*BOXLESS, "refuse"):
        raise ValueError(f"`boxless` must be one of {', '.join(BOXLESS)}, refuse. Received: {boxless!r}")


def tell_boxes(found: Counted, boxless: str, file: Path) -> None:
    """Says in one line how many boxes there were without a mask. ValueError where none is allowed."""
    if not found.count:
        return
    received = f"{found.count} of a `bbox` alone, the first {found.example}"
    if boxless == "refuse":
        expected = "expected a mask of each annotation, as `data.boxless=refuse` asks"
        raise ValueError(f"{file}: {expected}. Received: {received}")
    others = ", ".join(name for name in (*BOXLESS, "refuse") if name != boxless)
    logger.warning(
        "%s: %d x box without mask (first %s), each read as %s (`data.boxless`, else %s)",
        file,
        *found,
        dict(zip(BOXLESS, _READINGS, strict=True))[boxless],
        others,
    )
