"""COCO's compressed run lengths of masks, as JSON holds them, and masks of such."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from pycocotools import mask as coco_mask


def compressed_rle(runs: np.ndarray, size: Sequence[int]) -> dict[str, Any]:
    """The RLE of plain run lengths of a mask [H, W]: `size` [H, W] and ASCII `counts`."""
    size = list(size)
    rle = coco_mask.frPyObjects({"size": size, "counts": runs.tolist()}, *size)
    return {"size": size, "counts": rle["counts"].decode("ascii")}


def decode_rle(counts: bytes, size: tuple[int, int]) -> np.ndarray:
    """The mask [H, W] bool of compressed `counts`. ValueError where they are none of this size."""
    mask = coco_mask.decode({"size": list(size), "counts": counts})
    # Runs that end too early leave pixels unwritten, which pycocotools does not notice.
    if coco_mask.encode(mask)["counts"] != counts:
        raise ValueError(f"run lengths that are none of a mask of {size} pixels")
    return mask.astype(bool)
