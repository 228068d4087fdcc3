import numpy as np
import pytest
from keras import ops
from numpy.testing import assert_allclose, assert_array_equal

from yolact_tf.detect import nms as nms_module
from yolact_tf.detect.nms import FEW_CANDIDATES, FEW_CLASSES, cross_class_nms, fast_nms, traditional_nms

# dbolya appendix A.4: in class 0, box 2 is dropped by box 0 (IoU .5385) and by box 1 (.7021), which
# is itself dropped; box 3 overlaps nothing.
BOXES = np.array(
    [[0, 0, 0.4, 0.4], [0.05, 0, 0.45, 0.4], [0.12, 0, 0.52, 0.4], [0.6, 0.6, 0.9, 0.9]], "float32"
)
SCORES = np.array([[0.9, 0.02], [0.8, 0.03], [0.7, 0.6], [0.01, 0.5]], "float32")
LIMITS = {"score_threshold": 0.05, "iou_threshold": 0.5, "max_detections": 6}
ALL_NMS = [fast_nms, cross_class_nms, traditional_nms]


def kept(nms, boxes=BOXES, scores=SCORES, **limits):
    own = {"pixel": 0.0} if nms is traditional_nms else {"max_candidates": 200}
    limits = LIMITS | own | limits
    indices, classes, scores = map(ops.convert_to_numpy, nms(boxes, scores, **limits))
    assert len(scores) == limits["max_detections"]
    return [(int(i), int(c), float(s)) for i, c, s in zip(indices, classes, scores, strict=True) if s > 0]


def test_fast_nms_worked_by_hand():
    found = kept(fast_nms)
    assert [(i, c) for i, c, _ in found] == [(0, 0), (2, 1), (3, 1), (3, 0)]
    assert_allclose([s for *_, s in found], [0.9, 0.6, 0.5, 0.01], atol=1e-6)


def test_cross_class_nms_worked_by_hand():
    assert [(i, c) for i, c, _ in kept(cross_class_nms)] == [(0, 0), (3, 1)]


def test_traditional_nms_worked_by_hand():
    # In class 1, boxes 2 (.6) and 3 (.5) are apart; scores below .05 take no part. In class 0, box 0
    # (.9) drops box 1 (IoU .7778) and box 2 (.5385).
    found = kept(traditional_nms)
    assert [(i, c) for i, c, _ in found] == [(0, 0), (2, 1), (3, 1)]
    assert_allclose([s for *_, s in found], [0.9, 0.6, 0.5], atol=1e-6)


@pytest.mark.parametrize("nms", ALL_NMS)
def test_nothing_scores_nothing_kept(nms):
    assert kept(nms, scores=np.zeros_like(SCORES)) == []


@pytest.mark.parametrize("nms", ALL_NMS)
def test_one_detection_slot_keeps_the_best(nms):
    assert [(i, c) for i, c, _ in kept(nms, max_detections=1)] == [(0, 0)]


@pytest.mark.parametrize(("nms", "expected"), [(fast_nms, [0]), (traditional_nms, [0, 2])])
def test_whether_a_suppressed_box_still_suppresses(nms, expected):
    # A row of boxes, each overlapping only its neighbour by more than half (IoU .5385).
    x = np.arange(3) * 0.12
    row = np.stack([x, 0 * x, x + 0.4, 0 * x + 0.4], 1).astype("float32")
    scores = np.array([[0.9], [0.8], [0.7]], "float32")
    assert [i for i, *_ in kept(nms, row, scores)] == expected


@pytest.mark.parametrize(("nms", "count"), [(fast_nms, 2), (traditional_nms, 1)])
def test_an_overlap_of_exactly_the_threshold(nms, count):
    # 4x2 and its left half: the IoU is 1/2 without rounding.
    halves = np.array([[0, 0, 4, 2], [0, 0, 2, 2]], "float32")
    assert len(kept(nms, halves, np.array([[0.9], [0.8]], "float32"))) == count


def test_corner_pixels_are_part_of_a_box():
    # 3x1 and 1x1 pixels by their corners overlap by a third; counting corner pixels, 8 and 4 by a half.
    pair = np.array([[0, 0, 3, 1], [0, 0, 1, 1]], "float32")
    scores = np.array([[0.9], [0.8]], "float32")
    assert len(kept(traditional_nms, pair, scores, pixel=0.0)) == 2
    assert len(kept(traditional_nms, pair, scores, pixel=1.0)) == 1


def test_traditional_nms_equals_the_reference(parity):
    numbers = parity("detect")
    boxes, scores = np.split(numbers["cnms/dets"].astype("float32"), [4], axis=1)
    found = kept(traditional_nms, boxes, scores, max_detections=150, score_threshold=0.0, pixel=1.0)
    assert sorted(i for i, *_ in found) == numbers["cnms/keep"].tolist()


@pytest.mark.parametrize("nms", [fast_nms, traditional_nms])
def test_order_of_anchors_does_not_matter(nms):
    rng = np.random.default_rng(0)
    corners = np.sort(rng.uniform(0, 1, (60, 2, 2)), axis=1).reshape(60, 4).astype("float32")
    scores = rng.uniform(0.1, 1, (60, 5)).astype("float32")
    shuffle = rng.permutation(60)
    first = kept(nms, corners, scores, max_detections=40)
    second = kept(nms, corners[shuffle], scores[shuffle], max_detections=40)
    assert [(i, c) for i, c, _ in first] == [(int(shuffle[i]), c) for i, c, _ in second]


def scores_of_many(case, num_anchors=5000, num_classes=12):
    """Scores [A, C] of which a graph with branches has all it needs at once, for a few classes, or not."""
    rng = np.random.default_rng(3)
    scores = rng.uniform(0, 1, (num_anchors, num_classes))
    if case == "ties":
        scores = rng.integers(0, 300, scores.shape) / 300
        scores[:, [2, 9]] = rng.integers(1, 21, (num_anchors, 2)) / 20
    elif case == "below the threshold":
        scores *= 0.05
    elif case == "all equal":
        scores[:] = 0.5
    elif case == "two classes with hundreds":
        scores *= 0.06
        scores[:800, 3], scores[200:1100, 7] = rng.integers(100, 200, 800) / 200, rng.uniform(0.4, 1, 900)
    elif case == "all classes with hundreds of one object":
        scores = 0.1 + 0.9 * scores
    elif case == "few detections":
        scores[10:], scores[:10] = 0, scores[:10] + 0.1
    return scores.astype("float32")


@pytest.mark.parametrize(
    ("case", "classes_with_more"),
    [
        ("different", 0),
        ("ties", 2),
        ("below the threshold", 0),
        ("all equal", 12),
        ("two classes with hundreds", 2),
        ("all classes with hundreds of one object", 12),
        ("few detections", 0),
    ],
)
def test_branches_find_the_same_to_the_bit(case, classes_with_more, monkeypatch):
    """Boxes, classes and scores, in the same order."""
    asked = []
    by_size = nms_module.by_size
    monkeypatch.setattr(
        nms_module, "by_size", lambda count, *rest: asked.append(int(count)) or by_size(count, *rest)
    )
    scores = scores_of_many(case)
    rng = np.random.default_rng(4)
    # Objects in a row, and an anchor at each with some deviation; all at one where the case says so.
    places = np.zeros(len(scores)) if "one object" in case else np.arange(len(scores)) % 40 / 40
    sides = places[:, None] + rng.normal(0, 0.002, (len(scores), 1)) + np.array([0, 0.02])
    boxes = np.stack([sides[:, 0], sides[:, 0], sides[:, 1], sides[:, 1]], 1).astype("float32")
    limits = {**LIMITS, "max_candidates": 200, "max_detections": 100}
    plain, branching = (
        [ops.convert_to_numpy(x) for x in fast_nms(boxes, scores, **limits, branches=branches)]
        for branches in (False, True)
    )
    assert asked == [classes_with_more]
    is_found = plain[2] > 0
    assert is_found.any() == (case != "below the threshold")
    assert_array_equal(branching[2], plain[2])
    for expected, received in zip(plain[:2], branching[:2], strict=True):
        assert_array_equal(received[is_found], expected[is_found])


@pytest.mark.parametrize(("candidates", "classes"), [(FEW_CANDIDATES, 20), (200, FEW_CLASSES)])
def test_what_is_few_anyway_has_no_branches(candidates, classes, monkeypatch):
    monkeypatch.delattr(nms_module, "by_size")
    scores = scores_of_many("different", 300, classes)
    boxes = np.tile(np.array([0, 0, 1, 1], "float32"), (300, 1))
    fast_nms(boxes, scores, 0.05, 0.5, candidates, 100, branches=True)
