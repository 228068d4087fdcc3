"""JPEG files of which a part is missing."""

import io
import re
import warnings

import numpy as np
from PIL import Image

CUT_SHORT = "a JPEG whose data end before the picture does"
# RGB of what a decoder puts where data are missing: of the usual JPEGs, and of those in CMYK.
FILLINGS = np.array([[128] * 3, [64] * 3, [63] * 3], "uint8")
_END = 0xD9
# In the data of a scan 0xFF is followed by 0, by the number of a restart, or comes twice.
_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]", re.DOTALL)
_MORE = b"\xb5\x4a\x6d\x92" * 64  # data as good as any


def jpeg_end(data: bytes) -> int:
    """Where the end marker of a JPEG's own picture is, not that of a thumbnail; -1 where there is none.

    Any number of 0xFF may fill up the space before a marker, and counts as a part of it.
    """
    at = 2
    while found := _MARKER.search(data, at):
        at, kind = found.start(), found.group()[1]
        if kind == _END:
            return len(data[:at].rstrip(b"\xff"))
        at += 2 + int.from_bytes(data[at + 2 : at + 4])
    return -1


def is_cut_short(encoded: bytes) -> bool:
    """Whether the data of a JPEG end before its picture does, though an end marker follows.

    Decoders go on in silence there. So the JPEG is decoded twice, the second time with more data before
    the end: pixels that this changes were made up.
    """
    end = jpeg_end(encoded)
    longer = encoded[:end] + _MORE + encoded[end:]
    try:
        return not np.array_equal(_pixels(encoded), _pixels(longer))
    except OSError:  # where a progressive one was cut within its first passes
        return True


def _pixels(encoded):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        return np.asarray(Image.open(io.BytesIO(encoded)))
