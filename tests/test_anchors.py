import numpy as np
import pytest
from numpy.testing import assert_allclose

from yolact_tf.anchors import build_anchors, level_starts, prototype_size, pyramid_sizes
from yolact_tf.boxes import centers_to_corners, corners_to_centers

BASE = {"sizes": (24, 48, 96, 192, 384), "scales": (1.0,), "ratios": (1.0, 0.5, 2.0)}
PLUS_SCALES = (1.0, 2 ** (1 / 3), 2 ** (2 / 3))


@pytest.mark.parametrize(
    ("image_size", "sizes", "prototypes"),
    [(550, [69, 35, 18, 9, 5], 138), (400, [50, 25, 13, 7, 4], 100), (700, [88, 44, 22, 11, 6], 176)],
)
def test_maps_have_the_sizes_of_the_reference(image_size, sizes, prototypes):
    assert pyramid_sizes(image_size) == sizes
    assert prototype_size(image_size) == prototypes


def test_first_cell_holds_three_squares_about_its_centre():
    first = np.asarray(corners_to_centers(build_anchors(550, **BASE, square=True)[:3]))
    assert_allclose(first[:, :2], 0.5 / 69, atol=1e-6)
    side = 24 / 550
    for axis in (2, 3):
        assert_allclose(first[:, axis], [side, side * 0.5**0.5, side * 2**0.5], atol=1e-6)


def test_levels_follow_one_another():
    # At 64 px the levels have 8, 4, 2, 1 and 1 cells a side.
    assert level_starts(64, 3).tolist() == [0, 3 * 64, 3 * 80, 3 * 84, 3 * 85]


def test_true_ratios_keep_the_area():
    centers = np.asarray(corners_to_centers(build_anchors(128, **BASE, square=False)))
    assert_allclose(centers[0, 2] * centers[0, 3], centers[1, 2] * centers[1, 3], rtol=1e-5)
    assert centers[2, 2] == pytest.approx(2 * centers[2, 3], rel=1e-5)  # ratio 2 is wide


@pytest.mark.parametrize(
    ("name", "image_size", "settings"),
    [
        ("yolact_resnet50", 550, BASE | {"square": True}),
        ("yolact_im400", 400, BASE | {"sizes": (17, 34, 69, 139, 279), "square": True}),
        ("yolact_im700", 700, BASE | {"sizes": (30, 61, 122, 244, 488), "square": True}),
        ("yolact_resnet50_pascal", 550, BASE | {"sizes": (32, 64, 128, 256, 512), "square": False}),
        ("yolact_plus_resnet50", 550, BASE | {"scales": PLUS_SCALES, "square": False}),
    ],
)
def test_anchors_equal_the_reference(parity, name, image_size, settings):
    expected = np.asarray(centers_to_corners(parity("priors")[name]))
    assert_allclose(build_anchors(image_size, **settings), expected, atol=1e-6)
