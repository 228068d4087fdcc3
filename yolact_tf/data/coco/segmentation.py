"""A COCO `segmentation`, polygons or RLE, to the run lengths of a mask."""

import math
from typing import Any, NamedTuple

import numpy as np
from pycocotools import mask as coco_mask

from yolact_tf.data.coco.json_numbers import FARTHEST, whole_number
from yolact_tf.data.coco.problems import Malformed

_LONGEST = 12  # characters of a count: 60 bits, with room for sums in 64


class Mask(NamedTuple):
    """The sound part of a segmentation."""

    runs: np.ndarray  # int32 run lengths, column-major, starting with background
    polygons: tuple[list, ...]  # [x, y, x, y, …] in pixels each; none for RLE
    dropped: tuple[Malformed, ...] = ()  # what is wrong with the polygons that are not among them


def parse_segmentation(segmentation: Any, height: int, width: int) -> Mask:
    """The Mask of COCO polygons, compressed or uncompressed RLE in an image of height x width pixels.

    A polygon that is no good is left out of the mask. Malformed where nothing is left.
    """
    if isinstance(segmentation, list):
        polygons, dropped = _sound_polygons(segmentation)
        rles = coco_mask.frPyObjects(polygons, height, width)
        rle = rles[0] if len(rles) == 1 else coco_mask.merge(rles)
        return Mask(decode_counts(rle["counts"]).astype("int32"), tuple(polygons), dropped)
    if isinstance(segmentation, dict) and {"size", "counts"} <= set(segmentation):
        return Mask(_runs_of_rle(segmentation, height, width), ())
    raise Malformed(
        "malformed mask", f"expected polygons or RLE as `segmentation`. Received: {segmentation!r}"
    )


def decode_counts(counts: str | bytes) -> np.ndarray:
    """COCO's compressed RLE text to int64 run lengths: 5 bits a character, deltas from two back.

    Malformed for what no encoder writes.
    """
    text = counts.encode(errors="surrogatepass") if isinstance(counts, str) else counts
    codes = np.frombuffer(text, "uint8").astype("int64") - 48
    if ((codes < 0) | (codes > 63)).any():
        raise _malformed_counts(f"{counts[:12]!r}, with characters that are not of RLE")
    if len(codes) and codes[-1] & 0x20:
        raise _malformed_counts(f"{counts[-12:]!r} at the end")
    ends = np.flatnonzero((codes & 0x20) == 0)
    starts = np.concatenate([[0], ends[:-1] + 1]) if len(ends) else ends
    place = np.arange(len(codes)) - np.repeat(starts, ends - starts + 1)
    if (place >= _LONGEST).any():
        raise _malformed_counts(f"one of more than {_LONGEST} characters")
    values = np.add.reduceat((codes & 0x1F) << (5 * place), starts) if len(ends) else codes
    is_negative = (codes[ends] & 0x10) != 0
    values = values - np.where(is_negative, 1 << (5 * (ends - starts + 1)), 0)
    # The first three counts are plain; from there on each is relative to the one two before.
    runs = values.copy()
    runs[1::2] = np.cumsum(values[1::2])
    runs[2::2] = np.cumsum(values[2::2])
    return runs


def _malformed_counts(received):
    return Malformed("malformed mask", f"expected RLE counts of whole numbers. Received: {received}")


def _sound_polygons(segmentation):
    """([polygon], the Malformed of what is none). Raises the first of them where no polygon is left."""
    if not any(isinstance(polygon, list) for polygon in segmentation):
        raise Malformed("malformed mask", f"expected at least one polygon. Received: {segmentation!r}")
    faults = [_polygon_fault(polygon) for polygon in segmentation]
    sound = [polygon for polygon, fault in zip(segmentation, faults, strict=True) if not fault]
    broken = tuple(fault for fault in faults if fault)
    if not sound:
        raise broken[0]
    return sound, broken


def _polygon_fault(polygon):
    if not isinstance(polygon, list):
        return Malformed("malformed mask", f"expected a polygon as a list of numbers. Received: {polygon!r}")
    if len(polygon) < 6 or len(polygon) % 2:
        return Malformed(
            "degenerate polygon",
            f"expected polygons of at least three points (x, y). Received: {len(polygon)} numbers",
        )
    if _are_coordinates(polygon):
        return None
    kind = "NaN coordinates" if any(v != v for v in polygon) else "malformed mask"
    message = f"expected polygon coordinates up to {FARTHEST}. Received: one beyond, NaN or no number"
    return Malformed(kind, message)


def _are_coordinates(numbers):
    """`is_coordinate` of all of them, without a call for each: a large data set has millions."""
    if not {int, float}.issuperset(map(type, numbers)) or math.isnan(sum(numbers)):
        return False
    return min(numbers) >= -FARTHEST and max(numbers) <= FARTHEST


def _runs_of_rle(rle, height, width):
    size = rle["size"]
    if not isinstance(size, list) or [whole_number(side) for side in size] != [height, width]:
        raise Malformed("RLE of another size", f"expected RLE of size {[height, width]}. Received: {size!r}")
    counts = rle["counts"]
    if isinstance(counts, str):
        runs = decode_counts(counts)
    elif isinstance(counts, list) and all(type(run) is int and abs(run) <= height * width for run in counts):
        runs = np.array(counts, "int64")
    else:
        raise Malformed(
            "malformed mask",
            f"expected RLE counts of whole numbers up to {height * width}. Received: {str(counts)[:80]}",
        )
    is_length = (runs >= 0) & (runs <= height * width)
    if not is_length.all() or runs.sum() != height * width:
        # Vast ones sum to anything, beyond 64 bits.
        received = int(runs.sum()) if is_length.all() else f"one of {runs[~is_length][0]}"
        raise Malformed(
            "malformed mask", f"expected run lengths that sum to {height * width}. Received: {received}"
        )
    return runs.astype("int32")
