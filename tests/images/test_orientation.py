"""EXIF's orientations on arrays, against Pillow."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from PIL import Image, ImageOps

from yolact_tf.images.orientation import TAG, turn, turned_size, undoing

PIXELS = np.arange(2 * 3 * 3, dtype="uint8").reshape(2, 3, 3)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_pixels_turn_as_pillow_turns_them_and_back(orientation):
    image = Image.fromarray(PIXELS)
    image.getexif()[TAG] = orientation
    upright = turn(PIXELS, orientation)
    assert_array_equal(upright, ImageOps.exif_transpose(image))
    assert_array_equal(turn(upright, undoing(orientation)), PIXELS)
    assert upright.shape[:2] == turned_size(PIXELS.shape[:2], orientation)


def test_a_camera_held_upright_has_its_top_on_the_left():
    # 6: the first row of what is stored is the right-hand column of what was seen.
    assert_array_equal(turn(np.array([[1, 2, 3], [4, 5, 6]]), 6), [[4, 1], [5, 2], [6, 3]])
