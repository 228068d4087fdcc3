"""One function a loss of the classes, each an unnormalised scalar sum over the batch.

All take class_logits [B, A, C+1] and Targets, leave out neutral anchors, compute in float32 and run
under XLA.
"""

import numpy as np
from keras import ops

from yolact_tf.losses.targets import NEUTRAL, is_positive
from yolact_tf.structures import BACKGROUND, Targets, Tensor

SURE = 1e-8  # least doubt that is raised to the power gamma: for gamma below 1 its slope at 0 is infinite


def ohem_loss(class_logits: Tensor, targets: Targets, negatives_per_positive: int) -> Tensor:
    """Softmax cross-entropy over positives and the hardest background anchors (OHEM, SSD §2.2).

    Each image gets `negatives_per_positive` times as many background anchors as it has positives,
    those least sure of being background; an image without a positive gets none.
    """
    log_probabilities = _log_softmax(class_logits)
    chosen = _hard_anchors(log_probabilities, targets, negatives_per_positive)
    return ops.sum(ops.where(chosen, -_of_target(log_probabilities, targets), 0.0))


def balanced_loss(
    class_logits: Tensor, targets: Targets, negatives_per_positive: int, counts: Tensor
) -> tuple[Tensor, Tensor]:
    """`ohem_loss` with each anchor weighed by how rare its class is (dbolya's class-balanced loss).

    counts: [C+1] float32, how many anchors of each class were chosen in earlier batches. The weight is
    1 less the share of the class, at least 1 / (C+1), and divided by C / (C+1), its mean were all
    classes alike. Returns the loss and the counts with those of this batch, which it already reads.
    """
    log_probabilities = _log_softmax(class_logits)
    chosen = _hard_anchors(log_probabilities, targets, negatives_per_positive)
    num_logits = class_logits.shape[-1]
    label = ops.maximum(targets["classes"], BACKGROUND)
    ones = ops.reshape(ops.cast(chosen, "float32"), (-1,))
    counts = counts + ops.segment_sum(ones, ops.reshape(label, (-1,)), num_segments=num_logits)
    share = counts / ops.maximum(ops.sum(counts), 1.0)
    weights = ops.maximum(1 - share, 1 / num_logits) / ((num_logits - 1) / num_logits)
    cross_entropy = -_of_target(log_probabilities, targets) * ops.take(weights, label)
    return ops.sum(ops.where(chosen, cross_entropy, 0.0)), counts


def focal_loss(class_logits: Tensor, targets: Targets, gamma: float, alpha: float) -> Tensor:
    """-alpha_t · (1 - p_t)^gamma · ln p_t of the softmax over all anchors (RetinaNet §3.2).

    alpha_t is `alpha` for objects and 1 - alpha for background, as in dbolya's softmax variant.
    """
    log_probability = _of_target(_log_softmax(class_logits), targets)  # [B, A]
    weight = ops.where(is_positive(targets), alpha, 1 - alpha)
    # expm1 keeps the digits of 1 - p where p is nearly 1.
    focal = -weight * _to_power(-ops.expm1(log_probability), gamma) * log_probability
    return ops.sum(ops.where(targets["classes"] == NEUTRAL, 0.0, focal))


def sigmoid_focal_loss(class_logits: Tensor, targets: Targets, gamma: float, alpha: float) -> Tensor:
    """The focal loss of one yes-or-no question a class (RetinaNet §3.2): scores are sigmoids.

    `alpha` weighs the true class, 1 - alpha all others. The background logit takes no part.
    """
    logits = ops.cast(class_logits, "float32")[..., BACKGROUND + 1 :]
    # Background and neutral anchors have a row without a true class.
    is_true = ops.one_hot(targets["classes"] - 1, logits.shape[-1], dtype="float32")
    towards_truth = logits * (2 * is_true - 1)
    weight = is_true * alpha + (1 - is_true) * (1 - alpha)
    doubt = ops.sigmoid(-towards_truth)  # 1 - p_t
    focal = weight * _to_power(doubt, gamma) * ops.softplus(-towards_truth)
    return ops.sum(ops.where((targets["classes"] == NEUTRAL)[..., None], 0.0, focal))


def _log_softmax(class_logits):
    return ops.log_softmax(ops.cast(class_logits, "float32"), axis=-1)


def _of_target(log_probabilities, targets):
    """The entry of each anchor's target class, of neutral ones that of background: [B, A]."""
    label = ops.maximum(targets["classes"], BACKGROUND)
    return ops.squeeze(ops.take_along_axis(log_probabilities, ops.expand_dims(label, -1), axis=-1), -1)


def _hard_anchors(log_probabilities, targets, negatives_per_positive):
    """Positives and the hardest background anchors of each image: [B, A] bool."""
    is_background = targets["classes"] == BACKGROUND
    # The absolute value, so that an anchor that is quite sure has 0 and not -0.
    hardness = ops.abs(log_probabilities[..., BACKGROUND])
    hardness = ops.stop_gradient(ops.where(is_background, hardness, 0.0))
    num_positives = ops.sum(ops.cast(is_positive(targets), "int32"), axis=1, keepdims=True)
    num_negatives = ops.minimum(negatives_per_positive * num_positives, hardness.shape[1] - 1)
    is_negative = ops.logical_and(_are_largest(hardness, num_negatives), is_background)
    return ops.logical_or(is_positive(targets), is_negative)


def _are_largest(values, count):
    """Which of [B, A] float32, none below 0, are the `count` [B, 1] largest of their row, of equal ones the
    first: [B, A] bool.

    Sorting takes up to ten times as long. Bits of positive floats rise as they do, so the smallest that is
    taken is found by halving the range of 31 bits.
    """
    bits = ops.view(values, "int32")

    def halve(_, bounds):
        low, high = bounds
        middle = low + (high - low) // 2
        # Counted in float32, which is exact for 16 million anchors and faster.
        reaching = ops.sum(ops.cast(bits >= middle, "float32"), axis=1, keepdims=True)
        are_enough = reaching >= ops.cast(count, "float32")
        return ops.where(are_enough, middle, low), ops.where(are_enough, high, middle)

    lowest = ops.zeros_like(count)
    smallest, _ = ops.fori_loop(0, 31, halve, (lowest, lowest + np.int32(2**31 - 1)))
    is_above, is_equal = bits > smallest, ops.cast(bits == smallest, "int32")
    left = count - ops.sum(ops.cast(is_above, "int32"), axis=1, keepdims=True)
    is_first = ops.logical_and(is_equal > 0, ops.cumsum(is_equal, axis=1) <= left)
    return ops.logical_or(is_above, is_first)


def _to_power(doubt, gamma):
    return ops.power(ops.maximum(doubt, SURE), gamma)
