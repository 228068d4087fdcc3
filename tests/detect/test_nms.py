import numpy as np
import pytest
from keras import ops
from numpy.testing import assert_allclose

from yolact_tf.detect.nms import cross_class_nms, fast_nms, traditional_nms

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
