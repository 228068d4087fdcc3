"""Padded detections of a batch as engines answer them: counted arrays, an image at a time."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from yolact_tf.boxes import clip
from yolact_tf.structures import Tensor


def finished(found: Mapping[str, Tensor], category_ids: np.ndarray) -> list[dict[str, np.ndarray]]:
    """PaddedDetections by image: boxes clipped, classes by category id."""
    # Clipped before they are counted: JAX compiles anew for every shape.
    results = by_image({**found, "boxes": clip(found["boxes"])})
    for result in results:
        result["class_ids"] = category_ids[result["class_ids"]]
    return results


def by_image(found: Mapping[str, Any]) -> list[dict[str, np.ndarray]]:
    """The counted detections of each image of a batch as arrays, `classes` named `class_ids`."""
    arrays = {name: np.asarray(x) for name, x in found.items()}
    counts = arrays.pop("num_detections").tolist()
    arrays["class_ids"] = arrays.pop("classes")
    prototypes = arrays.pop("prototypes", None)  # of the image, not of a detection
    results = [{name: x[i, :count] for name, x in arrays.items()} for i, count in enumerate(counts)]
    if prototypes is not None:
        for result, one in zip(results, prototypes, strict=True):
            result["prototypes"] = one
    return results


def require_names(labels: Mapping[int, str], num_classes: int | None, path: Any) -> None:
    """ValueError unless the model in `path` has a name for each of its classes."""
    if len(labels) != num_classes:
        raise ValueError(
            f"{path}: expected a name for each of the model's {num_classes} classes. Received: {len(labels)}"
        )
