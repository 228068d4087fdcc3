"""What a server answers about one image, as Detections."""

import base64
import io
from collections.abc import Mapping
from typing import Any

import numpy as np
from PIL import Image

from yolact_tf.detect.detections import Detections
from yolact_tf.mask_windows import tight
from yolact_tf.rle import decode_rle


def read_detections(row: Mapping[str, Any], image_size: tuple[int, int] | None = None) -> Detections:
    """Detections of a row of `predictions`, JSON's own types, of any signature that detects.

    image_size: height and width, where the signature does not tell.  A signature that has no names of classes
    gives their ids as names. ValueError, one line, where it is no such row.
    """
    try:
        return _read(row, image_size)
    except (KeyError, TypeError, ValueError, AttributeError, OSError) as error:
        reason = f"no {error}" if isinstance(error, KeyError) else error
        raise ValueError(f"Expected an answer of `yolact export`'s signatures. Received: {reason}") from error


def _read(row, image_size):
    height, width = size = tuple(row["image_size"]) if image_size is None else image_size
    count = row["num_detections"]
    ids = np.array(row["classes"][:count], np.int64)
    names = row["class_names"][:count] if "class_names" in row else map(str, ids.tolist())
    found = {
        "image_size": (height, width),
        "boxes": np.array(row["boxes"][:count], np.float32).reshape(-1, 4),
        "scores": np.array(row["scores"][:count], np.float32),
        "class_ids": ids,
        "class_names": tuple(names),
        "rescored": np.array(row["mask_scores"][:count], np.float32) if "mask_scores" in row else None,
    }
    if "masks" in row:
        maps = np.array(row["masks"], np.float32)
        return Detections(mask_probabilities=maps[:count], **found)
    if "masks_rle" in row:
        masks = [decode_rle(counts.encode(), size) for counts in row["masks_rle"][:count]]
    else:
        masks = [_decode_png(code["b64"], size) for code in row["masks_png_bytes"][:count]]
    windows = tuple(tight(0, 0, mask) for mask in masks)
    return Detections(mask_probabilities=np.zeros((count, 0, 0), np.float32), given_windows=windows, **found)


def _decode_png(text, size):
    mask = np.asarray(Image.open(io.BytesIO(base64.b64decode(text))))
    if mask.shape != size:
        raise ValueError(f"a mask of {mask.shape} pixels for an image of {size}")
    return mask > 0
