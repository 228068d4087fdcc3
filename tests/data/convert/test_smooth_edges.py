"""Smooth edges of id maps: found where they are, and small objects are none."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from PIL import Image

from yolact_tf.data.convert.conversion_losses import Losses
from yolact_tf.data.convert.smooth_edges import edge_pixels, sharpened

SIZE = 40


def discs(*values, scale=8):
    """[SIZE, SIZE] uint8 of discs beside each other, drawn large and reduced as smooth drawing does."""
    y, x = np.mgrid[: SIZE * scale, : SIZE * scale] / scale
    large = np.zeros((SIZE * scale, SIZE * scale), "uint8")
    for number, value in enumerate(values):
        large[np.hypot(y - 20.3, x - 10.2 - 18 * number) < 7] = value
    return np.asarray(Image.fromarray(large).resize((SIZE, SIZE), Image.Resampling.BOX)).astype("int32")


def test_one_smooth_object_is_cut_where_it_covers_half_a_pixel():
    values = discs(200)
    assert len(np.unique(values)) > 20
    losses = Losses()
    assert_array_equal(sharpened(values, losses, "a.png"), np.where(values >= 100, 200, 0))
    assert losses == {"masks with smooth edges, now sharp": (1, "a.png")}


def test_smooth_edges_of_several_objects_are_background():
    values = discs(100, 200)
    received = sharpened(values, Losses(), "a.png")
    assert np.unique(received).tolist() == [0, 100, 200]
    assert_array_equal(received > 0, ~edge_pixels(values) & (values > 0))


def test_channels_count_together():
    values = np.stack([discs(200), discs(0, 90), discs(0)], -1)
    is_edge = edge_pixels(values)
    assert_array_equal(is_edge, ((values > 0) & (values != [200, 90, 0])).any(-1))


def test_sharp_maps_stay_as_they_are():
    rng = np.random.default_rng(0)
    blocks = np.kron(np.arange(16).reshape(4, 4), np.ones((10, 10), int))
    specks = np.zeros((SIZE, SIZE), int)
    specks[1:39:4, 1:39:4] = rng.permutation(100).reshape(10, 10) + 1  # a pixel each, not a 3 x 3 among them
    lines = blocks.copy()
    lines[5, 3:30], lines[25, 3:30] = 20, 21
    for values in (blocks, specks, lines, np.zeros((SIZE, SIZE), int), np.full((1, 1), 7)):
        losses = Losses()
        assert sharpened(values, losses, "a.png") is values and not losses


@pytest.mark.parametrize("shape", [(1, 9), (9, 1), (2, 2)])
def test_maps_of_a_row_or_a_column_have_edges_or_none(shape):
    assert edge_pixels(np.arange(np.prod(shape)).reshape(shape)).shape == shape
