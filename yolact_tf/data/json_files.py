"""JSON files in any of the encodings that editors write."""

import codecs
import json
from pathlib import Path
from typing import Any

_MARKS = (codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def read_json(file: Path, expected: str) -> Any:
    """The content of a JSON file in UTF-8, or in the UTF-8, -16 or -32 that a byte order mark says.

    expected: what it should be, for the ValueError where it is none.
    """
    try:
        return json.loads(file.read_bytes())
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{file}: expected {expected}. Received: {error}") from None


def has_byte_order_mark(file: Path) -> bool:
    """Whether a file begins with one."""
    with open(file, "rb") as opened:
        return opened.read(3).startswith(_MARKS)
