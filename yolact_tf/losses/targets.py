"""What each anchor should say: matching of anchors with ground truth (YOLACT §6, after SSD).

Vectorised over a padded batch with static shapes, so that it compiles under XLA.
"""

from keras import ops

from yolact_tf.boxes import area, encode, intersection, iou
from yolact_tf.replicas import sum_over_replicas
from yolact_tf.structures import BACKGROUND, GroundTruth, Targets, Tensor

NEUTRAL = -1  # neither object nor background: no loss looks at such an anchor


def match_anchors(
    ground_truth: GroundTruth, anchors: Tensor, positive_iou: float, negative_iou: float, crowd_overlap: float
) -> Targets:
    """Targets of a padded batch.

    ground_truth: GroundTruth.  anchors: [A, 4] corners.  An anchor is positive from `positive_iou`
    on, background below `negative_iou`, neutral between. Every object gets one anchor of its own,
    best overlaps first. An anchor that would not be positive and lies in a crowd by more than
    `crowd_overlap` of its own area is neutral.
    """
    anchors = ops.convert_to_tensor(anchors, dtype="float32")
    gt_boxes = ops.cast(ground_truth["boxes"], "float32")
    is_object, is_crowd = slot_masks(ground_truth)

    num_used = _count_slots(is_object, is_crowd)
    best, gt_index, crowd_share, candidates = _look_at_slots(gt_boxes, is_object, is_crowd, anchors, num_used)
    overlaps, candidate_anchors = candidates
    forced_gt = _forced_matches(overlaps, candidate_anchors, anchors.shape[0], num_used)
    gt_index = ops.where(forced_gt >= 0, forced_gt, gt_index)
    best = ops.where(forced_gt >= 0, 2.0, best)

    matched_class = take_rows(ground_truth["classes"], gt_index) + 1
    classes = ops.where(best < positive_iou, NEUTRAL, matched_class)
    classes = ops.where(best < negative_iou, BACKGROUND, classes)
    is_ignored = ops.logical_and(classes <= BACKGROUND, crowd_share > crowd_overlap)
    classes = ops.where(is_ignored, NEUTRAL, classes)

    # An empty slot has a box without area, whose logarithm would poison gradients: anchors matched
    # with one take the whole image instead, and no loss reads them.
    whole_image = ops.convert_to_tensor(_WHOLE_IMAGE, dtype="float32")
    safe_boxes = ops.where(ops.expand_dims(is_object, -1), gt_boxes, whole_image)
    return {
        "classes": ops.stop_gradient(classes),
        "box_deltas": ops.stop_gradient(encode(take_rows(safe_boxes, gt_index), anchors)),
        "gt_index": ops.stop_gradient(gt_index),
    }


def is_positive(targets: Targets) -> Tensor:
    """Which anchors are matched with an object: [B, A] bool."""
    return targets["classes"] > BACKGROUND


def count_positives(targets: Targets) -> Tensor:
    """Positive anchors of the whole batch, on all replicas, at least 1, as a float: what most losses
    divide by."""
    count = ops.sum(ops.cast(is_positive(targets), "float32"))
    return ops.maximum(sum_over_replicas(count), 1.0)


def slot_masks(ground_truth: GroundTruth) -> tuple[Tensor, Tensor]:
    """Which slots hold an object, and which a crowd region: two [B, G] bool tensors."""
    slots = ops.arange(ground_truth["boxes"].shape[1], dtype="int32")
    count = ops.cast(ground_truth["num_objects"], "int32")
    is_used = ops.expand_dims(slots, 0) < ops.expand_dims(count, -1)
    is_crowd = ops.logical_and(is_used, ops.cast(ground_truth["is_crowd"], "bool"))
    return ops.logical_and(is_used, ops.logical_not(is_crowd)), is_crowd


def take_rows(values: Tensor, index: Tensor) -> Tensor:
    """Row `index[b, m]` of `values[b]`: [B, G, ...], [B, M] int32 to [B, M, ...], as one flat gather."""
    values = ops.convert_to_tensor(values)
    batch, rows, rest = ops.shape(values)[0], values.shape[1], values.shape[2:]
    first_row = ops.expand_dims(ops.arange(batch, dtype="int32") * rows, -1)
    flat = ops.reshape(values, (-1, *rest))
    taken = ops.take(flat, ops.reshape(index + first_row, (-1,)), axis=0)
    return ops.reshape(taken, (-1, index.shape[1], *rest))


def _forced_matches(overlaps, candidate_anchors, num_anchors, num_used):
    """Slot that each anchor is forced to, or -1: [B, A] int32.

    overlaps, candidate_anchors: [B, G, k], of each slot the anchors it would rather have and how much, 0 or
    more, -1 for none.  num_used: scalar, slots that are looked at.  Greedy over the whole image: the best
    remaining pair of object and anchor is taken, then both leave. Of equal ones the first is taken.
    """
    num_slots, k = overlaps.shape[1:]
    candidate_anchors = ops.reshape(candidate_anchors, (-1, num_slots * k))
    slot_of_candidate = ops.reshape(ops.repeat(ops.arange(num_slots, dtype="int32"), k), (1, -1))
    anchors = ops.expand_dims(ops.arange(num_anchors, dtype="int32"), 0)

    def take_best(taken, remaining, forced):
        best = ops.cast(ops.argmax(remaining, axis=1, keepdims=True), "int32")  # [B, 1]
        slot = best // k
        anchor = ops.take_along_axis(candidate_anchors, best, axis=1)
        is_left = ops.max(remaining, axis=1, keepdims=True) >= 0
        forced = ops.where(ops.logical_and(anchors == anchor, is_left), slot, forced)
        gone = ops.logical_or(slot_of_candidate == slot, candidate_anchors == anchor)
        return taken + 1, ops.where(ops.logical_and(gone, is_left), -1.0, remaining), forced

    remaining = ops.reshape(overlaps, (-1, num_slots * k))
    nothing = ops.zeros((ops.shape(remaining)[0], num_anchors), "int32") - 1
    state = ops.zeros((), "int32"), remaining, nothing
    return ops.while_loop(lambda taken, *_: taken < num_used, take_best, state)[2]


def _count_slots(is_object, is_crowd):
    """How many slots some image of the batch uses: of a hundred, most batches fill few."""
    return ops.sum(ops.cast(ops.any(ops.logical_or(is_object, is_crowd), axis=0), "int32"))


_WHOLE_IMAGE = (0.0, 0.0, 1.0, 1.0)


def _look_at_slots(gt_boxes, is_object, is_crowd, anchors, num_used):
    """What anchors and the first `num_used` slots are to each other.

    Returns of each anchor the best overlap with an object, -1 without any, the slot of that object, and
    the largest share of its area that one crowd box covers: three [B, A]; and of each slot the best
    overlaps, -1 where it holds no object, with their anchors: two [B, G, k].
    """
    batch, num_slots = ops.shape(gt_boxes)[:2]
    # An object can lose at most G - 1 anchors to others, so its G best are enough to match it.
    k = min(num_slots, anchors.shape[0])
    slots = ops.reshape(ops.arange(num_slots, dtype="int32"), (1, -1, 1))
    anchor_areas = area(anchors)

    def look(slot, best, gt_index, crowd_share, top_overlaps, top_anchors):
        box = ops.expand_dims(ops.take(gt_boxes, slot, axis=1), 1)
        holds_object, holds_crowd = (ops.take(f, slot, axis=1)[:, None] for f in (is_object, is_crowd))
        overlap = ops.where(holds_object, ops.squeeze(iou(box, anchors), 1), -1.0)
        share = ops.squeeze(intersection(box, anchors), 1) / anchor_areas
        own_overlaps, own_anchors = ops.top_k(overlap, k)
        return (
            slot + 1,
            ops.maximum(best, overlap),
            ops.where(overlap > best, slot, gt_index),  # the first of equal ones
            ops.maximum(crowd_share, ops.where(holds_crowd, share, 0.0)),
            ops.where(slots == slot, own_overlaps[:, None], top_overlaps),
            ops.where(slots == slot, ops.cast(own_anchors, "int32")[:, None], top_anchors),
        )

    of_anchors, of_slots = (batch, anchors.shape[0]), (batch, num_slots, k)
    state = (
        ops.zeros((), "int32"),
        ops.zeros(of_anchors) - 1,
        ops.zeros(of_anchors, "int32"),
        ops.zeros(of_anchors),
        ops.zeros(of_slots) - 1,
        ops.zeros(of_slots, "int32"),
    )
    _, best, gt_index, crowd_share, *candidates = ops.while_loop(
        lambda slot, *_: slot < num_used, look, state
    )
    return best, gt_index, crowd_share, candidates
