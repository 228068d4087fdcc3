"""COCO's compressed run lengths of masks, and masks of such."""

from typing import Any

import numpy as np
from pycocotools import mask as coco_mask

from yolact_tf.mask_windows import Window, run_lengths


def encode_window(window: Window, image_size: tuple[int, int]) -> dict[str, Any]:
    """The RLE of a mask in an image of that size: `size` [H, W] and ASCII `counts`."""
    size = list(image_size)
    rle = coco_mask.frPyObjects({"size": size, "counts": run_lengths(*window, image_size).tolist()}, *size)
    return {"size": size, "counts": rle["counts"].decode("ascii")}


def decode_rle(counts: bytes, size: tuple[int, int]) -> np.ndarray:
    """The mask [H, W] bool of compressed `counts`. ValueError where they are none of this size."""
    mask = coco_mask.decode({"size": list(size), "counts": counts})
    # Runs that end too early leave pixels unwritten, which pycocotools does not notice.
    if coco_mask.encode(mask)["counts"] != counts:
        raise ValueError(f"run lengths that are none of a mask of {size} pixels")
    return mask.astype(bool)
