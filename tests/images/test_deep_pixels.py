"""More than 8 bits a channel: one rule, in graphs and in numpy."""

import io

import numpy as np
import pytest
import tensorflow as tf
from numpy.testing import assert_array_equal
from PIL import Image

from yolact_tf.images.decoding import decode_image
from yolact_tf.images.deep_pixels import in_8_bits


def numbers(*values, dtype="uint16"):
    return np.array([values], dtype)


@pytest.mark.whole
@pytest.mark.parametrize(
    "values, expected",
    [
        ((0, 128, 255), (0, 128, 255)),  # 8 bits in 16
        ((0, 512, 1023), (0, 128, 255)),  # 10 bits
        ((0, 2048, 4095), (0, 128, 255)),  # 12 bits of a camera
        ((0, 3000), (0, 187)),  # 3000 / 16
        ((0, 8192, 16383), (0, 128, 255)),  # 14 bits
        ((0, 32768, 65535), (0, 128, 255)),  # all 16
        ((30000, 30500, 31000), (0, 127, 255)),  # a narrow band far from 0 is spread
        ((30000, 30000), (117, 117)),  # what is all one colour has nothing to spread
        ((0, 0), (0, 0)),
    ],
)
def test_numbers_are_of_the_fewest_bits_that_hold_them(values, expected):
    values = numbers(*values)
    assert_array_equal(in_8_bits(values), [expected])
    stream = io.BytesIO()
    Image.fromarray(values).save(stream, "PNG")
    decoded = tf.function(decode_image)(tf.constant(stream.getvalue()))
    assert_array_equal(decoded, np.repeat(in_8_bits(values)[..., None], 3, 2))


@pytest.mark.parametrize(
    "low, high", [(0, 255), (0, 256), (960, 1023), (959, 1023), (0, 16384), (61000, 65535)]
)
def test_graphs_and_numpy_agree_at_the_edges_of_the_rule(low, high):
    values = np.linspace(low, high, 48).astype("uint16").reshape(6, 8)
    stream = io.BytesIO()
    Image.fromarray(values).save(stream, "PNG")
    assert_array_equal(decode_image(stream.getvalue())[..., 0], in_8_bits(values))


@pytest.mark.parametrize(
    "values, expected",
    [
        ((0.0, 0.5, 1.0), (0, 128, 255)),
        ((0.0, 0.25), (0, 64)),  # shares of white, however dark
        ((0.0, 128.0, 255.0), (0, 128, 255)),
        ((0.0, 2047.5), (0, 128)),  # of 4095
        ((-1.0, 0.0, 1.0), (0, 128, 255)),  # below 0: spread
        ((0.0, np.nan, np.inf, 1.0), (0, 0, 0, 255)),
        ((np.nan, np.nan), (0, 0)),
    ],
)
def test_floats_up_to_one_are_shares_of_white(values, expected):
    assert_array_equal(in_8_bits(numbers(*values, dtype="float32")), [expected])


def test_whole_numbers_beyond_16_bits_and_below_0_are_spread():
    assert_array_equal(in_8_bits(numbers(0, 500_000, 1_000_000, dtype="int32")), [[0, 127, 255]])
    assert_array_equal(in_8_bits(numbers(-1000, 0, 1000, dtype="int32")), [[0, 127, 255]])


def test_colours_share_their_bits():
    values = np.array([[[4095, 100, 0], [16, 32, 48]]], "uint16")
    assert_array_equal(in_8_bits(values), [[[255, 6, 0], [1, 2, 3]]])
