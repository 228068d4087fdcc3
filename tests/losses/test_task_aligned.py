import numpy as np
import pytest
import tensorflow as tf
from numpy.testing import assert_allclose, assert_array_equal

from tests.losses.test_targets import truth_of
from yolact_tf.boxes import area, decode, intersection, iou
from yolact_tf.losses.targets import is_positive
from yolact_tf.losses.task_aligned import Alignment, match_aligned

YOLOV8 = Alignment(top_k=10, alpha=0.5, beta=6.0)


def grid(side, size):
    """Square anchors `size` large in cells of `side` by `side`, row by row."""
    centers = (np.stack(np.meshgrid(*[np.arange(side)] * 2), -1).reshape(-1, 2) + 0.5) / side
    return np.concatenate([centers - size / 2, centers + size / 2], 1).astype("float32")


def match(truth, anchors, scores, boxes=None, alignment=YOLOV8):
    """{name: array} of one image; scores [A] or [A, C], boxes those of the anchors."""
    anchors, scores = np.asarray(anchors, "float32"), np.asarray(scores, "float32")
    scores = np.broadcast_to(scores.reshape(len(anchors), -1), (len(anchors), 9))
    boxes = np.asarray(anchors if boxes is None else boxes, "float32")
    targets = match_aligned(truth, anchors, scores[None], boxes[None], alignment, 0.7)
    return {name: value.numpy()[0] for name, value in targets.items()}


# Four anchors with their centre in the left half of the image, two in the right half.
COLUMNS = [
    [0, 0, 0.2, 1],
    [0.1, 0, 0.3, 1],
    [0.2, 0, 0.4, 1],
    [0.3, 0, 0.5, 1],
    [0.6, 0, 0.8, 1],
    [0.7, 0, 1, 1],
]
LEFT = [0, 0, 0.5, 1]


def test_the_best_aligned_learn_the_object():
    # What they predict overlaps it by .8, .6, .4 and .2, and the one outside by 1.
    boxes = [[0, 0, 0.5 * share, 1] for share in (0.8, 0.6, 0.4, 0.2, 1, 1)]
    even = np.ones(6)
    two = match(truth_of([LEFT], [4]), COLUMNS, even, boxes, Alignment(2, 1.0, 1.0))
    assert_array_equal(two["classes"], [5, 5, 0, 0, 0, 0])
    all_of_them = match(truth_of([LEFT], [4]), COLUMNS, even, boxes, Alignment(9, 1.0, 1.0))
    assert_array_equal(all_of_them["classes"], [5, 5, 5, 5, 0, 0])


@pytest.mark.parametrize(
    ("alpha", "beta", "expected"),
    [(1.0, 1.0, [1, 2]), (0.5, 6.0, [0, 1]), (0.0, 1.0, [0, 1]), (1.0, 0.0, [2, 3])],
)
def test_alignment_worked_by_hand(alpha, beta, expected):
    # Scores .2, .5, .8, .9 and overlaps .8, .6, .4, .2. Products: .16, .3, .32, .18. With the powers of
    # YOLOv8: .447 · .262 = .117, .707 · .0467 = .033, .894 · .0041 = .0037, less.
    boxes = [[0, 0, 0.5 * share, 1] for share in (0.8, 0.6, 0.4, 0.2, 1, 1)]
    scores = [0.2, 0.5, 0.8, 0.9, 1, 1]
    targets = match(truth_of([LEFT], [0]), COLUMNS, scores, boxes, Alignment(2, alpha, beta))
    assert np.flatnonzero(targets["classes"] > 0).tolist() == expected


def test_scores_are_those_of_the_class_of_the_object():
    scores = np.zeros((6, 9))
    scores[1, 3], scores[2, 4] = 1, 1
    for label, expected in ((3, 1), (4, 2)):
        targets = match(truth_of([LEFT], [label]), COLUMNS, scores, [LEFT] * 6, Alignment(1, 1.0, 1.0))
        assert np.flatnonzero(targets["classes"]).tolist() == [expected]


def test_an_anchor_goes_to_the_object_that_it_overlaps_most_however_it_scores():
    # Both objects hold all centres. What anchor 0 predicts overlaps the first by 1 and the second by 1/2,
    # which scores a thousand times as high.
    objects, scores = [[0, 0, 0.5, 1], [0, 0, 1, 1]], np.full((4, 9), 1e-3)
    scores[:, 8] = 1
    anchors = COLUMNS[:4]
    boxes = [[0, 0, 0.5, 1], [0, 0, 0.5, 1], [0, 0, 0.9, 1], [0, 0, 0.9, 1]]
    targets = match(truth_of(objects, [7, 8]), anchors, scores, boxes, Alignment(4, 1.0, 1.0))
    assert_array_equal(targets["classes"], [8, 8, 9, 9])
    assert_array_equal(targets["gt_index"], [0, 0, 1, 1])


def test_an_object_whose_anchors_all_went_to_others_takes_its_best_one_back():
    # Both want everything; whatever is predicted is the first object.
    objects = [[0, 0, 0.5, 1], [0, 0, 0.52, 1]]
    targets = match(truth_of(objects, [7, 8]), COLUMNS[:4], [0.1, 0.2, 0.3, 0.4], [objects[0]] * 4)
    # The first keeps its best aligned, so that the second has but the next.
    assert_array_equal(targets["classes"], [8, 8, 9, 8])


def test_as_many_objects_as_anchors_have_one_each():
    targets = match(truth_of([LEFT] * 4, [0, 1, 2, 3]), COLUMNS[:4], [0.1, 0.2, 0.3, 0.4])
    assert sorted(targets["classes"]) == [1, 2, 3, 4]


def test_an_object_between_all_centres_learns_from_the_anchor_that_overlaps_it_most():
    # Four small anchors hold it whole, of which the one right of it and below is nearest; a larger one is
    # nearer still. Predictions do not matter.
    tiny = [0.26, 0.255, 0.29, 0.275]
    anchors = np.concatenate([[[0.1, 0.11, 0.45, 0.45]], grid(4, 0.32)]).astype("f")
    for boxes in (anchors, np.tile([[0.9, 0.9, 1, 1]], (17, 1))):
        targets = match(truth_of([tiny], [2]), anchors, np.linspace(1, 0, 17), boxes)
        assert np.flatnonzero(targets["classes"]).tolist() == [1 + 5] and targets["classes"][6] == 3


def test_an_object_with_a_single_centre_gets_it_and_a_smaller_one_beside_it_another():
    one, none = [0.1, 0.1, 0.2, 0.2], [0.13, 0.13, 0.14, 0.14]
    targets = match(truth_of([none, one], [0, 1]), grid(4, 0.3), np.full(16, 0.5))
    assert targets["classes"][0] == 2  # the centre at an eighth, though the other overlaps its anchor only
    assert sorted(targets["classes"])[-2:] == [1, 2] and (targets["classes"] > 0).sum() == 2


def test_where_predictions_overlap_nothing_objects_have_anchors_all_the_same():
    boxes = np.tile([[0.0, 0, 0, 0]], (16, 1))
    targets = match(truth_of([[0.1, 0.1, 0.9, 0.9]], [0]), grid(4, 0.3), np.full(16, 0.5), boxes)
    assert 1 <= (targets["classes"] == 1).sum() <= 10


def test_crowds_only_neutralise_what_is_not_positive():
    crowd = [0.5, 0, 1, 1]
    targets = match(truth_of([[0.55, 0, 0.84, 1]], [0], [crowd]), COLUMNS, np.ones(6))
    assert_array_equal(targets["classes"], [0, 0, 0, 0, 1, -1])


def test_padding_changes_nothing():
    few, many = (truth_of([LEFT, [0.5, 0, 1, 1]], [4, 5], slots=n) for n in (2, 30))
    scores = np.linspace(0.1, 0.9, 6)
    for name, value in match(few, COLUMNS, scores).items():
        assert_allclose(match(many, COLUMNS, scores)[name], value, atol=1e-6)


@pytest.mark.parametrize("crowds", [[], [[0, 0, 1, 1]]])
def test_an_image_without_objects_has_no_positive(crowds):
    targets = match(truth_of([], [], crowds, slots=3), COLUMNS, np.ones(6))
    assert_array_equal(targets["classes"], -1 if crowds else 0)
    assert np.isfinite(targets["box_deltas"]).all()


def test_targets_say_the_true_box():
    truth = truth_of([LEFT, [0.55, 0, 0.85, 1]], [4, 5])
    targets = match(truth, COLUMNS, np.full(6, 0.5))
    boxes = decode(targets["box_deltas"], np.array(COLUMNS, "f")).numpy()
    chosen = targets["classes"] > 0
    assert chosen.sum() > 2
    assert_allclose(boxes[chosen], truth["boxes"][0][targets["gt_index"][chosen]], atol=1e-6)


def test_no_gradient_goes_through_the_assignment():
    scores, boxes = tf.Variable(np.full((1, 6, 9), 0.5, "f")), tf.Variable(np.array([COLUMNS], "f"))
    with tf.GradientTape() as tape:
        targets = match_aligned(truth_of([LEFT], [0]), np.array(COLUMNS, "f"), scores, boxes, YOLOV8, 0.7)
        total = tf.reduce_sum(targets["box_deltas"])
    assert tape.gradient(total, [scores, boxes]) == [None, None]


def by_the_rule(truth, image, anchors, scores, boxes, alignment):
    """Classes and objects of the anchors of one image, a step at a time."""
    used = np.arange(len(truth["boxes"][image])) < truth["num_objects"][image]
    objects = np.flatnonzero(used & ~truth["is_crowd"][image])
    true, labels = truth["boxes"][image], truth["classes"][image]
    centers = (anchors[:, :2] + anchors[:, 2:]) / 2
    inside = ((true[:, None, :2] < centers) & (centers < true[:, None, 2:])).all(-1)
    overlaps, beside = np.array(iou(true, boxes)), np.array(iou(true, anchors))
    aligned = scores.T[labels] ** alignment.alpha * overlaps**alignment.beta
    holder, best = np.full(len(anchors), -1), np.full(len(anchors), -1.0)
    for slot in objects:
        candidates = np.flatnonzero(inside[slot])
        order = candidates[np.argsort(-aligned[slot, candidates], kind="stable")]
        for anchor in order[: alignment.top_k]:
            if overlaps[slot, anchor] > best[anchor]:
                holder[anchor], best[anchor] = slot, overlaps[slot, anchor]
    keeps = {}
    for slot in objects:
        own = np.flatnonzero(holder == slot)
        if len(own):
            keeps[slot] = own[np.argmax(aligned[slot, own])]
    away = np.abs(centers - (true[:, None, :2] + true[:, None, 2:]) / 2).sum(-1)
    wishes = np.where(inside, 3 + aligned, 1 + beside - 1e-3 * away).astype("float32")
    left = [slot for slot in objects if slot not in keeps]
    while left:
        free = np.setdiff1d(np.arange(len(anchors)), list(keeps.values()))
        rows, columns = np.unravel_index(np.argmax(wishes[np.ix_(left, free)]), (len(left), len(free)))
        keeps[left.pop(rows)] = free[columns]
    for slot, anchor in keeps.items():
        holder[anchor] = slot
    classes = np.where(holder >= 0, labels[holder] + 1, 0)
    shares = np.array(intersection(true, anchors)) / np.array(area(anchors))
    is_crowd = used & truth["is_crowd"][image]
    classes[(classes == 0) & (np.where(is_crowd[:, None], shares, 0).max(0) > 0.7)] = -1
    return classes, holder


@pytest.mark.parametrize(("slots", "most"), [(12, 9), (6, 6), (4, 0)])
def test_the_assignment_follows_the_rule(slots, most):
    """Compiled, over a batch, with objects of all sizes that hide each other, and crowds among them."""
    rng = np.random.default_rng(most)
    corners = rng.uniform(0, 0.8, (3, slots, 2))
    sizes = rng.choice([0.01, 0.1, 0.3, 0.6], (3, slots, 2)) * rng.uniform(0.5, 1, (3, slots, 2))
    truth = {
        "boxes": np.concatenate([corners, corners + sizes], -1).astype("float32"),
        "classes": rng.integers(0, 9, (3, slots)).astype("int32"),
        "is_crowd": rng.uniform(size=(3, slots)) < 0.2,
        "num_objects": np.array([most, 0, most // 2], "int32"),
    }
    anchors = np.concatenate([grid(8, 0.15), grid(4, 0.3), grid(2, 0.6)])
    scores = rng.uniform(0, 1, (3, len(anchors), 9)).astype("float32")
    boxes = decode(rng.normal(size=(3, len(anchors), 4)).astype("float32"), anchors).numpy()
    alignment = Alignment(5, 0.5, 6.0)
    matching = lambda truth: match_aligned(truth, anchors, scores, boxes, alignment, 0.7)
    targets = tf.function(matching, jit_compile=True)(truth)
    for image in range(3):
        classes, holder = by_the_rule(truth, image, anchors, scores[image], boxes[image], alignment)
        assert_array_equal(targets["classes"][image], classes)
        positive = np.array(is_positive(targets)[image])
        assert_array_equal(np.array(targets["gt_index"][image])[positive], holder[positive])
        is_object = (np.arange(slots) < truth["num_objects"][image]) & ~truth["is_crowd"][image]
        assert set(holder[positive]) == set(np.flatnonzero(is_object))
