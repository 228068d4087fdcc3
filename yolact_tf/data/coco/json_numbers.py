"""Numbers of JSON files, in whatever form tools write them."""

import math
import re
from typing import Any, TypeGuard

NUMBERS = {int, float}  # the types of JSON's, which true and false are none of
FARTHEST = 100_000  # pixels; pycocotools crashes on polygons that reach to 1e9

_PLAIN = re.compile(r"0|-?[1-9][0-9]{0,17}")
_DECIMAL = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})?")


def whole_number(value: Any) -> int | None:
    """A whole number written as 7, 7.0 or "7" as an int; None for anything else, true and false too.

    And for one of more than 64 bits, which no file of ours can hold.
    """
    if isinstance(value, str):
        return int(value) if _PLAIN.fullmatch(value) else None
    if isinstance(value, float):
        value = int(value) if value.is_integer() else None
    return value if type(value) is int and abs(value) < 1 << 63 else None


def number_in_text(value: Any) -> float | None:
    """The number that a text such as "12.50" or " 007" writes out; None for any other value."""
    text = value.strip() if isinstance(value, str) else ""
    if not _DECIMAL.fullmatch(text):
        return None
    number = float(text)
    return int(number) if number.is_integer() and abs(number) < 1 << 53 else number


def is_nan(value: Any) -> bool:
    """Whether a value is NaN, with which tables fill what is not there."""
    return isinstance(value, float) and math.isnan(value)


def is_number(value: Any) -> TypeGuard[float]:
    """Whether a value is a number that float64 holds."""
    return (type(value) is int and abs(value) < 1 << 63) or (
        isinstance(value, float) and math.isfinite(value)
    )


def is_coordinate(value: Any) -> bool:
    """Whether a value is a number of pixels that an annotation may hold."""
    return is_number(value) and abs(value) <= FARTHEST
