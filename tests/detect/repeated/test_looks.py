"""Tiles cover the image and one another as asked, and copies shrink until one tile holds all."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from yolact_tf.detect.repeated.looks import looks_at, starts


@pytest.mark.parametrize("size", [1, 63, 64, 65, 100, 127, 128, 1000])
@pytest.mark.parametrize("overlap", [0, 0.2, 0.5, 0.9])
def test_tiles_cover_a_side_and_one_another(size, overlap):
    at = starts(size, 64, overlap)
    assert at[0] == 0 and at[-1] + 64 >= size
    assert at[-1] == max(size - 64, 0)
    shared = 64 - np.diff(at)
    assert (shared >= np.floor(64 * overlap)).all()


def test_what_a_look_shows_is_what_is_in_its_region():
    image = np.random.default_rng(0).integers(0, 256, (70, 90, 3)).astype(np.uint8)
    for look in looks_at(image, 40, 0.2, smaller_copies=False):
        x1, y1, x2, y2 = look.region
        assert look.scale == 1
        assert_array_equal(look.pixels, image[y1:y2, x1:x2])


def test_copies_are_means_of_the_image_until_one_tile_holds_it():
    image = np.random.default_rng(0).integers(0, 256, (160, 100, 3)).astype(np.uint8)
    looks = list(looks_at(image, 40, 0, smaller_copies=True))
    assert [look.scale for look in looks] == [1] * 12 + [2] * 4 + [4]
    assert looks[-1].region == (0, 0, 100, 160)
    quarter = image.reshape(40, 4, 25, 4, 3).mean((1, 3))
    assert np.abs(looks[-1].pixels - quarter).max() <= 1.5


def test_an_odd_last_row_is_left_out_of_copies():
    looks = list(looks_at(np.zeros((81, 83, 3), np.uint8), 40, 0, smaller_copies=True))
    assert max(look.region[2] for look in looks if look.scale == 2) == 82
    assert max(look.region[3] for look in looks if look.scale == 2) == 80
