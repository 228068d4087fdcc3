"""Photographs of `animals4` whose animals are classes of ImageNet."""

from pathlib import Path

import numpy as np

from yolact_tf.images.decoding import decode_any, read_bytes
from yolact_tf.preprocess import resize_images

# ImageNet's number of what each shows: tigers, otters, loggerheads.
CLASSES = {
    "053bcf755ad1e804.jpg": 292,
    "21a9a556841f7966.jpg": 292,
    "76de4e47d9bd890f.jpg": 360,
    "ee20241cb0882084.jpg": 360,
    "4e50b537d22a7e63.jpg": 33,
    "78047699f81ad701.jpg": 33,
}


def photographs(shared_data: Path, size: int) -> np.ndarray:
    """[6, size, size, 3] RGB 0..255, in the order of CLASSES."""
    files = [shared_data / "animals4" / "images" / name for name in CLASSES]
    return np.concatenate([resize_images(decode_any(read_bytes(f), str(f))[None], size) for f in files])


def num_right(logits: np.ndarray) -> int:
    """How many photographs have their own class first in [6, 1000] logits."""
    return int((np.asarray(logits).argmax(1) == list(CLASSES.values())).sum())
