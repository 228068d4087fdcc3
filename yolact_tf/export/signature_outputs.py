"""What each signature of an artefact that detects says of an image, as Detections to compare."""

from collections.abc import Callable, Mapping

import numpy as np
import tensorflow as tf

from yolact_tf.detect.detections import Detections
from yolact_tf.detect.detector import as_detections
from yolact_tf.detect.engines import Engine, SavedModelEngine
from yolact_tf.mask_windows import tight
from yolact_tf.rle import decode_rle
from yolact_tf.structures import Tensor


def answers(engine: Engine, image: np.ndarray) -> dict[str, Detections]:
    """Signature -> Detections of `image` [H, W, 3] uint8 RGB. ValueError where one is missing.

    engine: of a Detector on an artefact.
    """
    if not isinstance(engine, SavedModelEngine):
        return {"serving_default": from_engine(engine, image)}
    signatures = engine.signatures
    missing = set(_MASKS) - set(signatures) - _LATER
    if missing:
        raise ValueError(f"Expected the signatures of `yolact export`. Received none named {sorted(missing)}")
    encoded = tf.io.encode_png(image)  # which loses nothing
    size = image.shape[:2]
    of_pixels = [name for name in ("tensors", "evaluation") if name in signatures]
    found = {name: _in_pixels(engine, engine.answer(name, image), image) for name in of_pixels}
    of_bytes = [name for name in _MASKS if name in signatures]
    return found | {name: from_bytes(signatures[name], name, encoded, size) for name in of_bytes}


def from_bytes(
    signature: Callable[..., Mapping[str, Tensor]], name: str, encoded: Tensor, size: tuple[int, int]
) -> Detections:
    """Detections that `signature` answers, one that takes encoded images and goes by `name`.

    encoded: scalar string, a file whose upright image is of `size`, height and width.
    """
    found = {key: value.numpy()[0] for key, value in signature(image_bytes=encoded[None]).items()}
    count = int(found["num_detections"])
    masks_name, decode = _MASKS[name]
    masks = [decode(code, size) for code in found[masks_name][:count]]
    return Detections(
        image_size=tuple(found["image_size"].tolist()),
        boxes=found["boxes"][:count],
        scores=found["scores"][:count],
        class_ids=found["classes"][:count],
        class_names=tuple(text.decode("utf-8", "replace") for text in found["class_names"][:count]),
        mask_probabilities=np.zeros((count, 0, 0), np.float32),
        given_windows=tuple(tight(0, 0, mask) for mask in masks),
        rescored=found["mask_scores"][:count] if "mask_scores" in found else None,
        coefficients=found["coefficients"][:count] if "coefficients" in found else None,
        prototypes=_unpacked_prototypes(found) if "prototypes_bytes" in found else None,
    )


def from_engine(engine: Engine, image: np.ndarray) -> Detections:
    """What an engine finds in `image`; that masks shall be disjoint is left to the Detector."""
    return _in_pixels(engine, engine(image), image)


def _in_pixels(engine, found, image):
    names = tuple(engine.labels.get(i, f"no category {i}") for i in found["class_ids"].tolist())
    return as_detections(found, image.shape[:2], names, engine.mask_options.mask_upsampling)


def _unpacked_prototypes(found):
    halves = np.frombuffer(found["prototypes_bytes"], "<f2")
    return halves.astype(np.float32).reshape(found["prototypes_shape"])


def _decode_rle(code, size):
    """The mask of an RLE code, empty where it is none of this size."""
    try:
        return decode_rle(code, size)
    except ValueError:
        return np.zeros(size, bool)


def _decode_png(code, size):
    """The mask of a PNG file, empty where it is none of this size."""
    try:
        mask = tf.io.decode_png(code, channels=1).numpy()[..., 0] > 0
    except tf.errors.InvalidArgumentError:
        return np.zeros(size, bool)
    return mask if mask.shape == size else np.zeros(size, bool)


# Signature that takes encoded images -> its masks and what reads one.
_MASKS = {
    "serving_default": ("masks_rle", _decode_rle),
    "explore": ("masks_rle", _decode_rle),
    "png": ("masks_png_bytes", _decode_png),
}
_LATER = {"explore"}  # exports of earlier releases lack it
