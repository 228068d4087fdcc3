import numpy as np
import pytest
from faster_coco_eval.core import mask as library_mask
from pycocotools import mask as coco_mask

from tests.evaluate.scenes import rectangle_rle
from yolact_tf.evaluate.boundary import boundary_iou

BOX = (20, 20, 60, 40)


def encoded(mask):
    return coco_mask.encode(np.asfortranarray(mask, dtype=np.uint8))


def test_boundary_iou_by_hand():
    # 2 % of the diagonal of 100 x 100 is 2.8, so that 3 pixels inside the edge are boundary. A rectangle of
    # 60 x 40 has 2400 - 54 * 34 = 564 of them. Shifted right by two: the three rows above and below share 58
    # columns (348 pixels); of the 34 rows between, both edges share one of their three columns (68).
    shared = 348 + 68
    found = boundary_iou(rectangle_rle(BOX), rectangle_rle((22, 20, 60, 40)))
    assert found == pytest.approx(shared / (2 * 564 - shared)) == pytest.approx(0.584, abs=5e-4)


def test_laws():
    one, far, none = rectangle_rle(BOX), rectangle_rle((85, 85, 9, 9)), encoded(np.zeros((100, 100)))
    assert boundary_iou(one, one) == 1
    assert boundary_iou(one, far) == boundary_iou(one, none) == boundary_iou(none, none) == 0
    # What is all boundary, and the whole image, whose border is one too.
    assert boundary_iou(far, rectangle_rle((85, 85, 9, 8))) < 8 / 9
    slim = [rectangle_rle((10, 10, 6, 50)), rectangle_rle((10, 10, 6, 40))]
    assert boundary_iou(*slim) == pytest.approx(coco_mask.iou(*([s] for s in slim), [0])[0, 0])
    whole = rectangle_rle((0, 0, 100, 100))
    assert boundary_iou(whole, rectangle_rle((0, 0, 100, 99))) < 1


# The last has a diagonal of 625, half of an odd number of boundaries' widths.
@pytest.mark.parametrize("size", [(90, 120), (37, 41), (375, 500)])
def test_boundaries_are_those_of_the_library(size):
    rng = np.random.default_rng(sum(size))
    y, x = np.mgrid[: size[0], : size[1]]
    for _ in range(5):
        center, radius = rng.uniform(0, 1, 2) * size, rng.uniform(0.1, 0.6) * min(size)
        masks = [
            (np.hypot(y - center[0] - move, x - center[1]) < radius) & (rng.uniform(size=size) > 0.001)
            for move in (0, radius / 8)
        ]
        rles = [encoded(mask) for mask in masks]
        edges = [library_mask.rleToBoundary(rle, backend="mask_api") for rle in rles]
        expected = library_mask.iou(edges[:1], edges[1:], [0])[0, 0]
        assert boundary_iou(*rles) == pytest.approx(expected, abs=1e-9)
