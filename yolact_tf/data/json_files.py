"""JSON files in any of the encodings that editors write."""

import codecs
import json
from pathlib import Path
from typing import Any

# UTF-16's are how UTF-32's begin.
_MARKS = {
    codecs.BOM_UTF8: "UTF-8",
    **dict.fromkeys((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE), "UTF-32"),
    **dict.fromkeys((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE), "UTF-16"),
}


def read_json(file: Path, expected: str) -> Any:
    """The content of a JSON file in UTF-8, or in what a byte order mark says.

    expected: what it should be, for the ValueError where it is none.
    """
    try:
        return json.loads(file.read_bytes())
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{file}: expected {expected}. Received: {error}") from None


def byte_order_mark(file: Path) -> str:
    """The encoding whose byte order mark a file begins with, or ""."""
    with open(file, "rb") as opened:
        head = opened.read(4)
    return next((encoding for mark, encoding in _MARKS.items() if head.startswith(mark)), "")
