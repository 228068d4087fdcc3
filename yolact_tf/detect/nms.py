"""Non-maximum suppression: Fast NMS (YOLACT §4.2), per class and across classes, and the greedy one.

Fast NMS asks one triangular IoU matrix a class instead of looping. It is written for export as much as
for evaluation: rank at most 4, int32 indices, 1-D gathers, no NMS op, top-k over lengths that GPUs can
take, so that the same graph runs in TF Serving and on LiteRT's GPU accelerator.
"""

import itertools

import numpy as np
from keras import ops

from yolact_tf.detect.few import by_size
from yolact_tf.detect.top import top_k, top_of_columns
from yolact_tf.structures import Tensor

BLOCKS = 4  # of candidates that are compared with all better ones at once
# What a graph with branches tries first: of every class so many candidates, and all of so many classes.
FEW_CANDIDATES, FEW_CLASSES = 32, 8


def fast_nms(
    boxes: Tensor,
    scores: Tensor,
    score_threshold: float,
    iou_threshold: float,
    max_candidates: int,
    max_detections: int,
    branches: bool = False,
) -> tuple[Tensor, Tensor, Tensor]:
    """The best detections after dropping each candidate that overlaps a better one of its class.

    boxes: [A, 4] corners.  scores: [A, C].  An anchor takes part when its best class scores more than
    `score_threshold`; it then competes in every class, as in the reference.  branches: whether candidates
    that cannot be among the best may be left out, which asks for a graph with conditions.
    Returns `(indices, classes, scores)`, each [N] with N = `max_detections`, best first: indices
    into A, classes 0..C-1; unused slots score 0. A suppressed candidate still suppresses others.
    """
    scores = _without_weak_anchors(scores, score_threshold)
    num_anchors, num_classes = scores.shape
    k = min(max_candidates, num_anchors)

    def survive(top_scores, anchors):
        candidates = ops.reshape(ops.take(boxes, ops.reshape(anchors, (-1,)), axis=0), (*anchors.shape, 4))
        return top_scores * _not_overlapped(candidates, iou_threshold), anchors

    if branches and k > FEW_CANDIDATES and num_classes > FEW_CLASSES:
        survived, anchors = _survivors_by_need(survive, scores, k, max_detections)
    else:
        survived, anchors = survive(*top_k(ops.transpose(scores), k))
    best_scores, slots = top_k(ops.reshape(survived, (-1,)), max_detections)  # class-major
    class_of_slot = np.repeat(np.arange(num_classes, dtype="int32"), k)
    return (
        ops.take(ops.reshape(anchors, (-1,)), slots, axis=0),
        ops.take(ops.convert_to_tensor(class_of_slot), slots, axis=0),
        best_scores,
    )


def cross_class_nms(
    boxes: Tensor,
    scores: Tensor,
    score_threshold: float,
    iou_threshold: float,
    max_candidates: int,
    max_detections: int,
) -> tuple[Tensor, Tensor, Tensor]:
    """Fast NMS over the best class of each anchor, whatever the class. As `fast_nms` otherwise."""
    scores = _without_weak_anchors(scores, score_threshold)
    k = min(max_candidates, scores.shape[0])
    top_scores, top_anchors = top_k(ops.max(scores, axis=1), k)  # [k]
    classes = ops.take(_best_class(scores), top_anchors, axis=0)
    candidates = ops.expand_dims(ops.take(boxes, top_anchors, axis=0), 0)
    kept = ops.reshape(_not_overlapped(candidates, iou_threshold), (k,))
    best_scores, slots = top_k(top_scores * kept, max_detections)
    return (
        ops.take(top_anchors, slots, axis=0),
        ops.take(classes, slots, axis=0),
        best_scores,
    )


def traditional_nms(
    boxes: Tensor,
    scores: Tensor,
    score_threshold: float,
    iou_threshold: float,
    max_detections: int,
    pixel: float,
) -> tuple[Tensor, Tensor, Tensor]:
    """Greedy NMS a class at a time, as in Fast R-CNN: only what was kept suppresses.

    As `fast_nms`, but a class score itself must exceed `score_threshold`, every anchor that does is
    a candidate, and an overlap of exactly `iou_threshold` suppresses. pixel: what a box reaches
    beyond its corners, in the units of `boxes`; the reference counts corner pixels as part of it.

    Taking the best remaining (anchor, class) of all, N times, is the same as finishing each class
    and merging the N best.
    """
    num_anchors, num_classes = scores.shape
    remaining = ops.transpose(ops.where(scores > score_threshold, scores, 0.0))  # [C, A]
    areas = _extent(boxes[:, 0], boxes[:, 2], pixel) * _extent(boxes[:, 1], boxes[:, 3], pixel)
    slots, class_rows = ops.arange(max_detections, dtype="int32"), ops.arange(num_classes, dtype="int32")

    def take_best(slot, state):
        remaining, kept, kept_scores = state
        # Keras' argmax does not convert to LiteRT.
        best = ops.cast(ops.top_k(ops.reshape(remaining, (-1,)), 1)[1][0], "int32")
        anchor, of_class = best % num_anchors, best // num_anchors
        box = ops.take(boxes, anchor, axis=0)
        width = _extent(ops.maximum(boxes[:, 0], box[0]), ops.minimum(boxes[:, 2], box[2]), pixel)
        height = _extent(ops.maximum(boxes[:, 1], box[1]), ops.minimum(boxes[:, 3], box[3]), pixel)
        shared = ops.relu(width) * ops.relu(height)
        overlaps = shared >= iou_threshold * (areas + ops.take(areas, anchor) - shared)
        gone = ops.logical_or(overlaps, ops.arange(num_anchors, dtype="int32") == anchor)
        score = ops.take(ops.reshape(remaining, (-1,)), best)
        kept = ops.where(slots == slot, best, kept)
        kept_scores = ops.where(slots == slot, score, kept_scores)
        in_class = ops.expand_dims(class_rows == of_class, 1)
        remaining = ops.where(ops.logical_and(in_class, ops.expand_dims(gone, 0)), 0.0, remaining)
        return remaining, kept, kept_scores

    state = remaining, ops.zeros_like(slots), ops.zeros((max_detections,), "float32")
    _, kept, kept_scores = ops.fori_loop(0, max_detections, take_best, state)
    return kept % num_anchors, kept // num_anchors, kept_scores


NMS = {"fast": fast_nms, "cross_class": cross_class_nms, "traditional": traditional_nms}


def _without_weak_anchors(scores, score_threshold):
    """[A, C] scores with zeros for anchors whose best class scores no more than the threshold."""
    takes_part = ops.max(scores, axis=1, keepdims=True) > score_threshold
    return scores * ops.cast(takes_part, scores.dtype)


def _survivors_by_need(survive, scores, k, max_detections):
    """`survive(*top_k(scoresᵀ, k))`, [C, k] both, less what is not among the best `max_detections` of all.

    The best few of each class tell a score that as many detections reach. A class whose next candidates score
    less has no more of them, since what is suppressed is so by what scores more.
    """
    num_classes = scores.shape[1]
    few_scores, few_anchors = top_of_columns(scores, FEW_CANDIDATES)
    survived, _ = few = survive(few_scores, few_anchors)
    reached = top_k(ops.reshape(survived, (-1,)), max_detections)[0][-1]
    last = few_scores[:, -1]
    may_have_more = ops.cast(ops.logical_and(last > 0, last >= reached), "float32")

    def compute(num_whole):
        """With all candidates of so many classes."""
        if num_whole == num_classes:
            return survive(*top_k(ops.transpose(scores), k))
        padded = [ops.pad(values, [(0, 0), (0, k - FEW_CANDIDATES)]) for values in few]
        if not num_whole:
            return tuple(padded)
        classes = ops.cast(ops.top_k(may_have_more, num_whole)[1], "int32")
        whole = survive(*top_k(ops.transpose(ops.take(scores, classes, axis=1)), k))
        # Where each class was before: equal scores keep their order.
        is_whole = ops.equal(ops.expand_dims(ops.arange(num_classes), 1), classes)
        places = ops.cast(is_whole, "int32") * (num_classes + ops.arange(num_whole))
        rows = ops.maximum(ops.max(places, axis=1), ops.arange(num_classes))
        return tuple(
            ops.take(ops.concatenate(both), rows, axis=0) for both in zip(padded, whole, strict=True)
        )

    count = ops.sum(ops.cast(may_have_more, "int32"))
    return by_size(count, (0, FEW_CLASSES, num_classes), compute)


def _extent(low, high, pixel):
    return high - low + pixel


def _not_overlapped(boxes, iou_threshold):
    """1.0 where no earlier box of the row overlaps by more than the threshold. [R, k, 4] to [R, k]."""
    k = boxes.shape[1]
    # In blocks of later boxes, which leaves most of the pairs out that are no question, and keeps what is
    # compared at once within a processor's cache.
    edges = sorted({k, *(k * block // BLOCKS // 4 * 4 for block in range(BLOCKS))})  # as in `top_k`
    excess = [
        _worst_excess(boxes[:, start:end], boxes[:, :end], iou_threshold)
        for start, end in itertools.pairwise(edges)
    ]
    return ops.cast(ops.concatenate(excess, axis=1) <= 0, "float32")


def _worst_excess(later, boxes, iou_threshold):
    """How far the worst overlap with an earlier box exceeds the threshold. [R, n, 4], [R, m, 4] to [R, n].

    `later` are the last n of the m boxes. IoU > t is asked as intersection > t / (1 + t) · (area + area): the
    same question in fewer passes over the pairs, which dominate the time of detection.
    """
    n, m = later.shape[1], boxes.shape[1]
    x1, y1, x2, y2 = ops.split(later, 4, axis=-1)  # [R, n, 1] each
    # [R, 1, m] each
    ex1, ey1, ex2, ey2 = (ops.transpose(side, (0, 2, 1)) for side in ops.split(boxes, 4, axis=-1))
    share = iou_threshold / (1 + iou_threshold)
    area, earlier_area = (
        (right - left) * (bottom - top) * share
        for left, top, right, bottom in ((x1, y1, x2, y2), (ex1, ey1, ex2, ey2))
    )
    width = ops.relu(ops.minimum(x2, ex2) - ops.maximum(x1, ex1))
    # A negative height makes the product negative, which is no overlap either.
    shared = width * (ops.minimum(y2, ey2) - ops.maximum(y1, ey1))
    earlier = np.tril(np.ones((1, n, m), "float32"), m - n - 1)
    return ops.max((shared - (area + earlier_area)) * earlier, axis=2)


def _best_class(scores):
    """[A] int32: the class of [A, C] that scores most, the first of equals. Keras' argmax does not convert
    to LiteRT."""
    num_classes = scores.shape[1]
    from_the_end = np.arange(num_classes, 0, -1, dtype="float32")
    is_best = ops.cast(scores >= ops.max(scores, axis=1, keepdims=True), "float32")
    return ops.cast(num_classes - ops.max(is_best * from_the_end, axis=1), "int32")
