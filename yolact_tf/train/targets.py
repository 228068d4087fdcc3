"""What each anchor should say: matching of anchors with ground truth (YOLACT §6, after SSD).

Vectorised over a padded batch with static shapes, so that it compiles under XLA.
"""

from keras import ops

from yolact_tf.boxes import area, encode, intersection, iou
from yolact_tf.structures import BACKGROUND

NEUTRAL = -1  # neither object nor background: no loss looks at such an anchor


def match_anchors(ground_truth, anchors, positive_iou, negative_iou, crowd_overlap):
    """Targets of a padded batch.

    ground_truth: GroundTruth.  anchors: [A, 4] corners.  An anchor is positive from `positive_iou`
    on, background below `negative_iou`, neutral between. Every object gets one anchor of its own,
    best overlaps first. An anchor that would not be positive and lies in a crowd by more than
    `crowd_overlap` of its own area is neutral.
    """
    anchors = ops.convert_to_tensor(anchors, dtype="float32")
    gt_boxes = ops.cast(ground_truth["boxes"], "float32")
    is_object, is_crowd = slot_masks(ground_truth)

    overlaps = iou(gt_boxes, anchors)  # [B, G, A]
    overlaps = ops.where(ops.expand_dims(is_object, -1), overlaps, -1.0)
    forced_gt = _forced_matches(overlaps, is_object)  # [B, A], -1 where nothing is forced
    gt_index = ops.cast(ops.argmax(overlaps, axis=1), "int32")
    gt_index = ops.where(forced_gt >= 0, forced_gt, gt_index)
    best = ops.where(forced_gt >= 0, 2.0, ops.max(overlaps, axis=1))

    matched_class = take_rows(ground_truth["classes"], gt_index) + 1
    classes = ops.where(best < positive_iou, NEUTRAL, matched_class)
    classes = ops.where(best < negative_iou, 0, classes)
    in_crowd = _crowd_share(gt_boxes, is_crowd, anchors) > crowd_overlap
    classes = ops.where(ops.logical_and(classes <= 0, in_crowd), NEUTRAL, classes)

    # An empty slot has a box without area, whose logarithm would poison gradients: anchors matched
    # with one take the whole image instead, and no loss reads them.
    whole_image = ops.convert_to_tensor(_WHOLE_IMAGE, dtype="float32")
    safe_boxes = ops.where(ops.expand_dims(is_object, -1), gt_boxes, whole_image)
    targets = {
        "classes": classes,
        "box_deltas": encode(take_rows(safe_boxes, gt_index), anchors),
        "gt_index": gt_index,
    }
    return {name: ops.stop_gradient(value) for name, value in targets.items()}


def is_positive(targets):
    """Which anchors are matched with an object: [B, A] bool."""
    return targets["classes"] > BACKGROUND


def slot_masks(ground_truth):
    """Which slots hold an object, and which a crowd region: two [B, G] bool tensors."""
    slots = ops.arange(ground_truth["boxes"].shape[1], dtype="int32")
    count = ops.cast(ground_truth["num_objects"], "int32")
    is_used = ops.expand_dims(slots, 0) < ops.expand_dims(count, -1)
    is_crowd = ops.logical_and(is_used, ops.cast(ground_truth["is_crowd"], "bool"))
    return ops.logical_and(is_used, ops.logical_not(is_crowd)), is_crowd


def take_rows(values, index):
    """Row `index[b, m]` of `values[b]`: [B, G, ...], [B, M] int32 to [B, M, ...], as one flat gather."""
    values = ops.convert_to_tensor(values)
    batch, rows, rest = ops.shape(values)[0], values.shape[1], values.shape[2:]
    first_row = ops.expand_dims(ops.arange(batch, dtype="int32") * rows, -1)
    flat = ops.reshape(values, (-1, *rest))
    taken = ops.take(flat, ops.reshape(index + first_row, (-1,)), axis=0)
    return ops.reshape(taken, (-1, index.shape[1], *rest))


_WHOLE_IMAGE = (0.0, 0.0, 1.0, 1.0)


def _forced_matches(overlaps, is_object):
    """Slot that each anchor is forced to, or -1: [B, G, A], [B, G] to [B, A] int32.

    Greedy over the whole image: the best remaining pair of object and anchor is taken, then both
    leave. An object can lose at most G - 1 anchors to others, so its G best are enough to look at.
    """
    num_slots, num_anchors = overlaps.shape[1:]
    k = min(num_slots, num_anchors)
    candidate_overlaps, candidate_anchors = ops.top_k(overlaps, k)  # [B, G, k]
    candidate_anchors = ops.cast(candidate_anchors, "int32")
    shape = (-1, num_slots * k)
    candidate_anchors = ops.reshape(candidate_anchors, shape)
    remaining = ops.where(ops.expand_dims(is_object, -1), candidate_overlaps, -1.0)
    remaining = ops.reshape(remaining, shape)
    slot_of_candidate = ops.reshape(ops.repeat(ops.arange(num_slots, dtype="int32"), k), (1, -1))
    slots = ops.expand_dims(ops.arange(num_slots, dtype="int32"), 0)

    def take_best(_, state):
        remaining, anchor_of_slot = state
        best = ops.cast(ops.argmax(remaining, axis=1, keepdims=True), "int32")  # [B, 1]
        slot = best // k
        anchor = ops.take_along_axis(candidate_anchors, best, axis=1)
        is_left = ops.max(remaining, axis=1, keepdims=True) >= 0
        takes = ops.logical_and(slots == slot, is_left)
        anchor_of_slot = ops.where(takes, anchor, anchor_of_slot)
        gone = ops.logical_or(slot_of_candidate == slot, candidate_anchors == anchor)
        return ops.where(ops.logical_and(gone, is_left), -1.0, remaining), anchor_of_slot

    anchor_of_slot = ops.zeros_like(ops.cast(is_object, "int32")) - 1  # [B, G]
    _, anchor_of_slot = ops.fori_loop(0, num_slots, take_best, (remaining, anchor_of_slot))
    # [B, G, A] one-hot; anchors differ between slots, so the largest slot number is the only one.
    is_forced = ops.expand_dims(anchor_of_slot, -1) == ops.arange(num_anchors, dtype="int32")
    return ops.max(ops.where(is_forced, ops.expand_dims(slots, -1), -1), axis=1)


def _crowd_share(gt_boxes, is_crowd, anchors):
    """Largest share of each anchor's area that one crowd box covers: [B, A]."""
    share = intersection(gt_boxes, anchors) / area(anchors)
    return ops.max(ops.where(ops.expand_dims(is_crowd, -1), share, 0.0), axis=1)
