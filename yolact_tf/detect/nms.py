"""Fast NMS (YOLACT §4.2): suppression as one triangular IoU matrix a class, no loop, static shapes.

Written for export as much as for evaluation: rank at most 4, int32 indices, 1-D gathers, no NMS op,
so that the same graph runs in TF Serving and on LiteRT's GPU backends.
"""

import numpy as np
from keras import ops


def fast_nms(boxes, scores, iou_threshold, max_candidates, max_detections):
    """The best detections after dropping each candidate that overlaps a better one of its class.

    boxes: [A, 4] corners.  scores: [A, C], 0 for anchors that do not take part.
    Returns `(indices, classes, scores)`, each [N] with N = `max_detections`, best first: indices
    into A, classes 0..C-1; unused slots score 0. A suppressed candidate still suppresses others.
    """
    num_anchors, num_classes = scores.shape
    k = min(max_candidates, num_anchors)
    top_scores, top_anchors = ops.top_k(ops.transpose(scores), k)  # [C, k]
    flat_anchors = ops.reshape(ops.cast(top_anchors, "int32"), (-1,))
    candidates = ops.reshape(ops.take(boxes, flat_anchors, axis=0), (num_classes, k, 4))
    kept = _not_overlapped(candidates, iou_threshold)
    flat_scores = ops.reshape(top_scores * kept, (-1,))  # class-major
    best_scores, slots = _top_k_padded(flat_scores, max_detections)
    class_of_slot = np.repeat(np.arange(num_classes, dtype="int32"), k)
    return (
        ops.take(flat_anchors, slots, axis=0),
        ops.take(ops.convert_to_tensor(class_of_slot), slots, axis=0),
        best_scores,
    )


def cross_class_nms(boxes, scores, iou_threshold, max_candidates, max_detections):
    """Fast NMS over the best class of each anchor, whatever the class. As `fast_nms` otherwise."""
    k = min(max_candidates, scores.shape[0])
    top_scores, top_anchors = ops.top_k(ops.max(scores, axis=1), k)  # [k]
    top_anchors = ops.cast(top_anchors, "int32")
    classes = ops.take(_argmax(scores), top_anchors, axis=0)
    candidates = ops.expand_dims(ops.take(boxes, top_anchors, axis=0), 0)
    kept = ops.reshape(_not_overlapped(candidates, iou_threshold), (k,))
    best_scores, slots = _top_k_padded(top_scores * kept, max_detections)
    return (
        ops.take(top_anchors, slots, axis=0),
        ops.take(classes, slots, axis=0),
        best_scores,
    )


NMS = {"fast": fast_nms, "cross_class": cross_class_nms}


def _not_overlapped(boxes, iou_threshold):
    """1.0 where no earlier box of the row overlaps by more than the threshold. [R, k, 4] to [R, k].

    IoU > t is asked as intersection > t / (1 + t) · (area + area): the same question in fewer
    passes over the [R, k, k] pairs, which dominate the time of detection.
    """
    k = boxes.shape[1]
    x1, y1, x2, y2 = ops.split(boxes, 4, axis=-1)  # [R, k, 1] each, the later box of a pair
    ex1, ey1, ex2, ey2 = (ops.transpose(side, (0, 2, 1)) for side in (x1, y1, x2, y2))
    share = iou_threshold / (1 + iou_threshold)
    area = (x2 - x1) * (y2 - y1) * share
    earlier_area = ops.transpose(area, (0, 2, 1))
    width = ops.relu(ops.minimum(x2, ex2) - ops.maximum(x1, ex1))
    # A negative height makes the product negative, which is no overlap either.
    shared = width * (ops.minimum(y2, ey2) - ops.maximum(y1, ey1))
    excess = shared - (area + earlier_area)
    earlier = np.tril(np.ones((1, k, k), "float32"), -1)
    return ops.cast(ops.max(excess * earlier, axis=2) <= 0, "float32")


def _top_k_padded(scores, count):
    """Best `count` of [M] scores and their int32 slots; short inputs are padded with score 0."""
    missing = count - scores.shape[0]
    if missing > 0:
        scores = ops.pad(scores, ((0, missing),))
    best, slots = ops.top_k(scores, count)
    # Padded slots may point past the input; any valid slot serves, since their score is 0.
    return best, ops.minimum(ops.cast(slots, "int32"), scores.shape[0] - max(missing, 0) - 1)


def _argmax(scores):
    return ops.cast(ops.argmax(scores, axis=1), "int32")
