"""Annotations of a box without a mask: what becomes of them, and how many there are."""

import logging
from pathlib import Path

from yolact_tf.config import BOXLESS
from yolact_tf.data.coco.entries import ObjectEntry

logger = logging.getLogger(__name__)

_READINGS = ("a filled rectangle", "a crowd region, neither learned nor counted", "nothing")


class Boxless:
    """The boxes without a mask of one annotation file."""

    def __init__(self, boxless: str) -> None:
        if boxless not in (*BOXLESS, "refuse"):
            raise ValueError(f"`boxless` must be one of {', '.join(BOXLESS)}, refuse. Received: {boxless!r}")
        self._boxless, self._count, self._first = boxless, 0, ""

    def decide(self, entry: ObjectEntry, name: str) -> ObjectEntry | None:
        """What an entry whose mask is but its box is taken for; None where it is left out."""
        self._count, self._first = self._count + 1, self._first or name
        if self._boxless == "drop":
            return None
        return entry._replace(is_crowd=entry.is_crowd or self._boxless == "crowd")

    def tell(self, file: Path) -> None:
        """Says in one line how many there were. ValueError where none is allowed."""
        if not self._count:
            return
        received = f"{self._count} of a `bbox` alone, the first {self._first}"
        if self._boxless == "refuse":
            expected = "expected a mask of each annotation, as `data.boxless=refuse` asks"
            raise ValueError(f"{file}: {expected}. Received: {received}")
        others = ", ".join(name for name in (*BOXLESS, "refuse") if name != self._boxless)
        logger.warning(
            "%s: %d x box without mask (first %s), each read as %s (`data.boxless`, else %s)",
            file,
            self._count,
            self._first,
            dict(zip(BOXLESS, _READINGS, strict=True))[self._boxless],
            others,
        )
