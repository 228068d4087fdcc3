import numpy as np
import pytest
from keras import ops
from numpy.testing import assert_allclose

from yolact_tf.detect.nms import cross_class_nms, fast_nms

# dbolya appendix A.4: in class 0, box 2 is dropped by box 0 (IoU .5385) and by box 1 (.7021), which
# is itself dropped; box 3 overlaps nothing.
BOXES = np.array(
    [[0, 0, 0.4, 0.4], [0.05, 0, 0.45, 0.4], [0.12, 0, 0.52, 0.4], [0.6, 0.6, 0.9, 0.9]], "float32"
)
SCORES = np.array([[0.9, 0.02], [0.8, 0.03], [0.7, 0.6], [0.01, 0.5]], "float32")
LIMITS = {"iou_threshold": 0.5, "max_candidates": 200, "max_detections": 6}


def kept(nms, boxes=BOXES, scores=SCORES, **limits):
    indices, classes, scores = map(ops.convert_to_numpy, nms(boxes, scores, **LIMITS | limits))
    assert len(scores) == (LIMITS | limits)["max_detections"]
    return [(int(i), int(c), float(s)) for i, c, s in zip(indices, classes, scores) if s > 0]


def test_fast_nms_worked_by_hand():
    found = kept(fast_nms)
    assert [(i, c) for i, c, _ in found] == [(0, 0), (2, 1), (3, 1), (3, 0)]
    assert_allclose([s for *_, s in found], [0.9, 0.6, 0.5, 0.01], atol=1e-6)


def test_cross_class_nms_worked_by_hand():
    assert [(i, c) for i, c, _ in kept(cross_class_nms)] == [(0, 0), (3, 1)]


@pytest.mark.parametrize("nms", [fast_nms, cross_class_nms])
def test_nothing_scores_nothing_kept(nms):
    assert kept(nms, scores=np.zeros_like(SCORES)) == []


@pytest.mark.parametrize("nms", [fast_nms, cross_class_nms])
def test_one_detection_slot_keeps_the_best(nms):
    assert [(i, c) for i, c, _ in kept(nms, max_detections=1)] == [(0, 0)]


def test_a_suppressed_box_still_suppresses():
    # A row of boxes, each overlapping only its neighbour by more than half: greedy NMS would keep
    # the third, Fast NMS drops all but the first.
    x = np.arange(3) * 0.12
    row = np.stack([x, 0 * x, x + 0.4, 0 * x + 0.4], 1).astype("float32")
    scores = np.array([[0.9], [0.8], [0.7]], "float32")
    assert [i for i, *_ in kept(fast_nms, row, scores)] == [0]


def test_order_of_anchors_does_not_matter():
    rng = np.random.default_rng(0)
    corners = np.sort(rng.uniform(0, 1, (60, 2, 2)), axis=1).reshape(60, 4).astype("float32")
    scores = rng.uniform(0.1, 1, (60, 5)).astype("float32")
    shuffle = rng.permutation(60)
    first = kept(fast_nms, corners, scores, max_detections=40)
    second = kept(fast_nms, corners[shuffle], scores[shuffle], max_detections=40)
    assert [(i, c) for i, c, _ in first] == [(int(shuffle[i]), c) for i, c, _ in second]
