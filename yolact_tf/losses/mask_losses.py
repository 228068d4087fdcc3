"""One function a loss of masks (YOLACT §3.4, released code), each an unnormalised scalar sum over the batch.

All are vectorised over a padded batch with static shapes, compute in float32 and run under XLA.
"""

from collections.abc import Callable, Mapping

import keras
from keras import ops

from yolact_tf.losses.box_losses import smooth_l1
from yolact_tf.losses.targets import is_positive, slot_masks, take_rows
from yolact_tf.masks import crop_masks, mask_logits, resize_binary_masks
from yolact_tf.replicas import num_replicas, own_rows
from yolact_tf.structures import GroundTruth, Targets, Tensor

LOG_FLOOR = -100.0  # PyTorch's binary cross-entropy clamps its logarithms here


def assemble_positives(
    mask_coefficients: Tensor,
    prototypes: Tensor,
    targets: Targets,
    ground_truth: GroundTruth,
    max_masks: int,
    seed: keras.random.SeedGenerator,
) -> dict[str, Tensor]:
    """The masks that all mask losses look at: of at most `max_masks` positives an image.

    mask_coefficients: [B, A, K].  prototypes: [B, Hp, Wp, K]; true masks are brought to their size.
    seed: a Keras seed generator; where there are more positives, it draws. Returns a dict with `masks`
    [B, M, Hp, Wp] probabilities cropped to the true box, `truth` [B, M, Hp, Wp] 0 or 1, `boxes` [B, M, 4]
    and `classes` [B, M] of the matched objects, which of the M `is_chosen` [B, M], and `scale` [B, 1],
    positives over chosen.
    """
    prototypes = ops.cast(prototypes, "float32")
    chosen, is_chosen, scale = _choose_positives(targets, max_masks, seed)
    coefficients = take_rows(ops.cast(mask_coefficients, "float32"), chosen)  # [B, M, K]
    gt_index = take_rows(targets["gt_index"], chosen)
    boxes = take_rows(ops.cast(ground_truth["boxes"], "float32"), gt_index)
    gt_masks = take_rows(ground_truth["masks"], gt_index)
    return {
        "masks": crop_masks(ops.sigmoid(mask_logits(prototypes, coefficients)), boxes),
        "truth": resize_binary_masks(gt_masks, prototypes.shape[1:3]),
        "boxes": boxes,
        "classes": take_rows(ground_truth["classes"], gt_index),
        "is_chosen": is_chosen,
        "scale": scale,
    }


def mask_loss(positives: Mapping[str, Tensor]) -> Tensor:
    """Binary cross-entropy of assembled masks, divided by the area of the true box.

    positives: what `assemble_positives` returns; the sum is scaled back to all of them. Area is in
    prototype pixels, so that large objects do not drown small ones.
    """
    boxes, is_chosen = positives["boxes"], positives["is_chosen"]
    height, width = positives["masks"].shape[2:]
    per_mask = ops.sum(_binary_cross_entropy(positives["masks"], positives["truth"]), axis=(2, 3))
    box_area = (boxes[..., 2] - boxes[..., 0]) * width * (boxes[..., 3] - boxes[..., 1]) * height
    per_mask = per_mask / ops.where(is_chosen, box_area, 1.0)
    return ops.sum(ops.where(is_chosen, per_mask, 0.0) * positives["scale"])


def dice_loss(positives: Mapping[str, Tensor]) -> Tensor:
    """1 - Dice coefficient of the assembled mask and the true one, cropped to the same box; summed.

    Milletari et al. 2016 (V-Net), §3: 2 Σ p·t / (Σ p² + Σ t²) over the pixels of one mask, so that its
    size does not matter. positives: what `assemble_positives` returns; the sum is scaled back to all of
    them. A true mask that has no pixel at this size is left out.
    """
    masks, truth = positives["masks"], crop_masks(positives["truth"], positives["boxes"])
    shared = ops.sum(masks * truth, axis=(2, 3))
    sizes = ops.sum(masks * masks, axis=(2, 3)) + ops.sum(truth * truth, axis=(2, 3))
    counts = ops.logical_and(positives["is_chosen"], ops.any(truth > 0, axis=(2, 3)))
    dice = 2 * shared / ops.where(counts, sizes, 1.0)
    return ops.sum(ops.where(counts, 1 - dice, 0.0) * positives["scale"])


def mask_iou_loss(
    positives: Mapping[str, Tensor], mask_rescorer: Callable[[Tensor], Tensor], min_area: float
) -> Tensor:
    """Smooth L1 between the IoU that `mask_rescorer` reads off a mask and the true one.

    YOLACT++, fast mask re-scoring.  positives: what `assemble_positives` returns.  mask_rescorer:
    [n, Hp, Wp, 1] to [n, C].  Only true masks of more than `min_area` prototype pixels count. The masks
    learn from it too: they are its input, and nothing stops the gradient.
    """
    masks, truth = positives["masks"], positives["truth"]
    estimates = mask_rescorer(ops.reshape(masks, (-1, *masks.shape[2:], 1)))  # [B·M, C]
    classes = ops.reshape(positives["classes"], (-1, 1))
    estimate = ops.reshape(ops.take_along_axis(estimates, classes, axis=1), (-1, masks.shape[1]))

    counts = ops.logical_and(positives["is_chosen"], ops.sum(truth, axis=(2, 3)) > min_area)
    error = estimate - ops.stop_gradient(mask_iou(positives))
    return ops.sum(ops.where(counts, smooth_l1(error), 0.0))


def mask_iou(positives: Mapping[str, Tensor]) -> Tensor:
    """IoU of each assembled mask, over 0.5, with the true one; 0 of two without a pixel. [B, M]."""
    truth, is_inside = positives["truth"], ops.cast(positives["masks"] > 0.5, "float32")
    shared = ops.sum(is_inside * truth, axis=(2, 3))
    union = ops.sum(is_inside, axis=(2, 3)) + ops.sum(truth, axis=(2, 3)) - shared
    return shared / ops.maximum(union, 1.0)


def semantic_loss(semantic_logits: Tensor, ground_truth: GroundTruth) -> Tensor:
    """Per-class sigmoid cross-entropy with the union of each class's masks, a mean over pixels.

    semantic_logits: [B, Hs, Ws, C].  Summed over classes and images; crowds do not count.
    """
    logits = ops.cast(semantic_logits, "float32")
    height, width, num_classes = logits.shape[1:]
    is_object, _ = slot_masks(ground_truth)
    masks = resize_binary_masks(ground_truth["masks"], (height, width))
    masks = ops.reshape(masks, (-1, masks.shape[1], height * width))
    of_class = ops.one_hot(ground_truth["classes"], num_classes, dtype="float32")
    of_class = of_class * ops.cast(is_object, "float32")[..., None]  # [B, G, C]
    # A sum over objects is above zero exactly where their union is.
    union = ops.matmul(ops.transpose(masks, (0, 2, 1)), of_class) > 0.5
    union = ops.cast(ops.reshape(union, (-1, height, width, num_classes)), "float32")
    cross_entropy = ops.softplus(logits) - logits * union
    return ops.sum(cross_entropy) / (height * width)


def _choose_positives(targets, max_masks, seed):
    """[B, M] anchors of a random subset of the positives, which of them are real, and the scale."""
    may_enter = is_positive(targets)
    batch, anchors = ops.shape(may_enter)
    # Every replica draws for all of them, so that a choice does not depend on how many there are.
    lottery = own_rows(keras.random.uniform((num_replicas() * batch, anchors), seed=seed))
    count = min(max_masks, may_enter.shape[1])
    drawn, chosen = ops.top_k(ops.where(may_enter, lottery, -1.0), count)
    is_chosen = drawn >= 0
    num_positives = ops.sum(ops.cast(may_enter, "float32"), axis=1, keepdims=True)
    num_chosen = ops.maximum(ops.sum(ops.cast(is_chosen, "float32"), axis=1, keepdims=True), 1.0)
    return ops.cast(chosen, "int32"), is_chosen, num_positives / num_chosen


def _binary_cross_entropy(probability, truth):
    """-log of the probability given to the truth, at most 100 where that is exactly zero."""
    given = ops.where(truth > 0.5, probability, 1 - probability)
    # The inner `where` keeps the logarithm's gradient finite where the outer one discards it.
    is_zero = given <= 0
    return -ops.where(is_zero, LOG_FLOOR, ops.maximum(ops.log(ops.where(is_zero, 1.0, given)), LOG_FLOOR))
