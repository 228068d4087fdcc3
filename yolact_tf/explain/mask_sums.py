"""A mask as the sum that it is: prototypes times coefficients, one after another, then the crop."""

from dataclasses import dataclass

import numpy as np
from keras import ops

from yolact_tf.detect.detections import Detections
from yolact_tf.mask_windows import upsample_to_image
from yolact_tf.masks import crop_masks, mask_logits

_WHOLE_IMAGE = np.array([0, 0, 1, 1], np.float32)


@dataclass(frozen=True, eq=False)
class MaskSums:
    """How the mask of one detection comes about."""

    order: np.ndarray  # [K] prototypes, the largest coefficient of either sign first
    coefficients: np.ndarray  # [K] in that order
    counts: tuple[int, ...]  # how many prototypes each sum is of, rising; the last is K
    sums: np.ndarray  # [len(counts), Hp, Wp] float32
    whole: np.ndarray  # [len(counts), Hp, Wp] their sigmoids, probabilities of the whole image
    cropped: np.ndarray  # [len(counts), Hp, Wp] those that the box leaves; the last one is the mask


def sum_up(found: Detections, index: int) -> MaskSums:
    """The MaskSums of detection `index`, of 1, 2, 4, 8 … prototypes. ValueError without prototypes."""
    prototypes, all_coefficients = prototypes_of(found)
    coefficients = all_coefficients[index]
    order = np.argsort(-np.abs(coefficients), kind="stable")
    counts = (*_powers_of_two_below(len(order)), len(order))
    # A sum of the first n is one of all with the others' coefficients at 0.
    taken = np.zeros((len(counts), len(order)), np.float32)
    for row, count in enumerate(counts):
        taken[row, order[:count]] = coefficients[order[:count]]
    sums, whole = _sums_of(prototypes, taken)
    height, width = found.image_size
    box = found.boxes[index] / np.array([width, height, width, height], np.float32)
    boxes = np.tile(box, (1, len(counts), 1))
    cropped = np.asarray(crop_masks(ops.convert_to_tensor(whole[None]), ops.convert_to_tensor(boxes)))[0]
    return MaskSums(order, coefficients[order], counts, sums, whole, cropped)


def whole_masks(found: Detections) -> np.ndarray:
    """[n, H, W] bool masks at the size of the image, had nobody cropped them to their boxes."""
    prototypes, coefficients = prototypes_of(found)
    masks = np.zeros((len(found), *found.image_size), bool)
    if len(found):
        _, whole = _sums_of(prototypes, coefficients)
        for mask, probabilities in zip(masks, whole, strict=True):
            _, _, mask[:] = upsample_to_image(probabilities, _WHOLE_IMAGE, found.image_size)
    return masks


def prototypes_of(found: Detections) -> tuple[np.ndarray, np.ndarray]:
    """Prototypes [Hp, Wp, K] and coefficients [n, K]. ValueError where the model does not tell them."""
    if found.prototypes is None or found.coefficients is None:
        raise ValueError(
            "Expected a model that tells prototypes and coefficients: a run, or a .tflite that "
            "`yolact export` made with the recipe litert_explore. Received one that tells masks alone"
        )
    return found.prototypes, found.coefficients


def _powers_of_two_below(limit):
    return (2**power for power in range(limit.bit_length()) if 2**power < limit)


def _sums_of(prototypes, coefficients):
    """Sums and their sigmoids, both [n, Hp, Wp] float32, of [Hp, Wp, K] and [n, K]."""
    batches = ops.convert_to_tensor(prototypes[None]), ops.convert_to_tensor(coefficients[None])
    sums = mask_logits(*batches)
    return np.asarray(sums)[0], np.asarray(ops.sigmoid(sums))[0]
