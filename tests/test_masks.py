import numpy as np
import pytest
import tensorflow as tf
from numpy.testing import assert_allclose, assert_array_equal

from yolact_tf import masks


def test_assembly_worked_by_hand():
    # Two prototypes on a 1x2 map; coefficients (1, -2): logits 1·3 - 2·1 = 1 and 1·0 - 2·2 = -4.
    prototypes = np.array([[[[3, 1], [0, 2]]]], "float32")
    logits = masks.mask_logits(prototypes, np.array([[[1.0, -2.0]]], "float32"))
    assert_allclose(logits, [[[[1, -4]]]])


@pytest.mark.parametrize("scale", [1, 2, 3])
def test_enlarged_prototypes_give_enlarged_mask_logits(scale):
    rng = np.random.default_rng(0)
    prototypes, coefficients = rng.normal(size=(2, 5, 7, 4)), rng.normal(size=(2, 3, 4))
    logits = np.asarray(masks.mask_logits(prototypes, coefficients)).reshape(6, 5, 7, 1)
    expected = tf.image.resize(logits, (5 * scale, 7 * scale)).numpy().reshape(2, 3, 5 * scale, 7 * scale)
    enlarged = masks.enlarge_prototypes(prototypes.astype("float32"), scale)
    assert enlarged.shape == (2, 5 * scale, 7 * scale, 4)
    assert_allclose(masks.mask_logits(enlarged, coefficients.astype("float32")), expected, atol=1e-5)


def test_crop_worked_by_hand():
    # x from .25·10 - 1 = 1.5 to .55·10 + 1 = 6.5: columns 2..6; rows 2..6 likewise.
    cropped = np.asarray(
        masks.crop_masks(np.ones((1, 1, 10, 10), "f"), np.array([[[0.25, 0.3, 0.55, 0.6]]], "f"))
    )[0, 0]
    rows, columns = np.nonzero(cropped)
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (2, 6, 2, 6)


def test_crop_orders_corners_and_stays_in_the_map():
    box = np.array([[[0.9, 0.95, 1.2, 0.4]]], "float32")
    rows, columns = np.nonzero(np.asarray(masks.crop_masks(np.ones((1, 1, 138, 138), "f"), box))[0, 0])
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (55, 132, 124, 137)


def test_cropping_twice_changes_nothing():
    rng = np.random.default_rng(0)
    maps, boxes = rng.uniform(size=(2, 3, 9, 7)).astype("f"), rng.uniform(size=(2, 3, 4)).astype("f")
    once = masks.crop_masks(maps, boxes)
    assert_array_equal(once, masks.crop_masks(once, boxes))


def test_crop_equals_the_reference(parity):
    numbers = parity("box_ops")
    clear = numbers["crop_pixel_margin"] >= 1e-4
    maps = numbers["crop_masks"].transpose(2, 0, 1)[None]
    ours = np.asarray(masks.crop_masks(maps, numbers["crop_boxes"][None]))[0]
    assert_array_equal(ours[clear], numbers["crop_pad1"].transpose(2, 0, 1)[clear])


def test_binary_masks_of_the_right_size_stay():
    maps = np.random.default_rng(0).integers(0, 2, (1, 2, 8, 8)).astype("uint8")
    assert_array_equal(masks.resize_binary_masks(maps, (8, 8)), maps)
