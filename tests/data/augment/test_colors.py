"""Photometric distortion: the distribution of 10 000 draws, and hue and saturation against colorsys."""

import colorsys

import numpy as np
import pytest
import tensorflow as tf
from numpy.testing import assert_allclose

from tests.data.augment.draws import NUM_DRAWS, assert_share, assert_uniform, draws
from yolact_tf.data.augment.colors import distort_colors, draw_colors, turn_hsv


def colors():
    """[4, 5, 3] RGB 0..255: black, white, greys, primaries, and colours in between."""
    rng = np.random.default_rng(0)
    fixed = [
        [0] * 3,
        [255] * 3,
        [128] * 3,
        [255, 0, 0],
        [0, 255, 0],
        [0, 0, 255],
        [255, 255, 0],
        [0, 255, 255],
    ]
    return np.concatenate([fixed, rng.uniform(0, 255, (12, 3))]).reshape(4, 5, 3).astype("float32")


# What is drawn


@pytest.fixture(scope="module")
def drawn():
    """[draws, 5]: brightness, contrast, saturation, hue, whether contrast comes first."""
    return draws(lambda seed: tf.stack([tf.cast(value, tf.float32) for value in draw_colors(seed)]))


@pytest.mark.parametrize(
    "number, neutral, low, high",
    [(0, 0, -32, 32), (1, 1, 0.5, 1.5), (2, 1, 0.5, 1.5), (3, 0, -18, 18)],
    ids=["brightness", "contrast", "saturation", "hue"],
)
def test_each_change_comes_half_the_time_and_is_uniform(drawn, number, neutral, low, high):
    values = drawn[:, number]
    assert_share(values != neutral, 0.5)
    assert_uniform(values[values != neutral], low, high)


def test_either_order_comes_half_the_time(drawn):
    assert_share(drawn[:, 4] == 1, 0.5)


def test_draws_are_independent(drawn):
    changes = np.concatenate([drawn[:, :4] - [0, 1, 1, 0], drawn[:, 4:]], 1)
    correlations = np.corrcoef(np.concatenate([changes, changes[:, :4] != 0], 1).T)
    of_a_change_with_its_coin = np.eye(4) > 0
    correlations[:4, 5:][of_a_change_with_its_coin] = correlations[5:, :4][of_a_change_with_its_coin] = 0
    assert np.abs(correlations - np.eye(9)).max() < 4 / np.sqrt(NUM_DRAWS)


# What it does


def test_the_order_is_brightness_contrast_colour_or_brightness_colour_contrast():
    """Against the steps of the specification, one after the other, through colorsys."""
    image = colors() * 0.5 + 50  # nothing below 0 or above 255 on the way
    for number in range(40):
        seed = tf.constant([number, 7], tf.int64)
        brightness, contrast, saturation, hue, first = (value.numpy() for value in draw_colors(seed))
        expected = image + brightness
        expected = expected * contrast if first else expected
        steps = [
            colorsys.hsv_to_rgb((h + hue / 360) % 1, s * saturation, v)
            for h, s, v in (colorsys.rgb_to_hsv(*pixel) for pixel in expected.reshape(-1, 3).astype(float))
        ]
        expected = np.reshape(steps, image.shape)
        expected = expected if first else expected * contrast
        assert_allclose(distort_colors(tf.constant(image), seed), expected.clip(0, 255), atol=0.05)


def test_tf_data_gives_what_eager_gives():
    results = draws(lambda seed: distort_colors(tf.constant(colors()), seed), 12)
    assert len(np.unique(results.reshape(12, -1), axis=0)) > 6
    for number in (0, 5, 11):
        seed = tf.constant([number, 7], tf.int64)
        assert_allclose(distort_colors(tf.constant(colors()), seed), results[number], atol=1e-3)


@pytest.fixture(scope="module")
def distorted():
    return draws(lambda seed: distort_colors(tf.constant(colors()), seed), 600)


def test_colors_stay_within_0_and_255(distorted):
    assert distorted.min() >= 0 and distorted.max() <= 255
    assert np.isfinite(distorted).all()


def test_one_image_in_sixteen_is_left_alone(distorted):
    # Brightness, contrast, saturation and hue each stay with probability 1/2.
    same = (distorted == colors()).all((1, 2, 3)).mean()
    assert 0.0225 < same < 0.1025  # 1/16 and four standard deviations


def test_gray_stays_gray():
    gray = np.repeat(np.linspace(0, 255, 20, dtype="float32")[:, None, None], 3, 2)
    results = draws(lambda seed: distort_colors(tf.constant(gray), seed), 200)
    assert_allclose(results[..., 0], results[..., 1], atol=0.01)
    assert_allclose(results[..., 0], results[..., 2], atol=0.01)


def test_black_is_only_brightened_and_by_at_most_32_times_one_and_a_half():
    black = draws(lambda seed: distort_colors(tf.zeros([1, 1, 3]), seed), 600)[:, 0, 0, 0]
    assert 32 < black.max() <= 48  # contrast after brightness
    assert 0.15 < (black > 0).mean() < 0.35  # brighter rather than darker, half of one half


def test_a_middle_gray_covers_brightness_and_contrast():
    gray = draws(lambda seed: distort_colors(tf.fill([1, 1, 3], 100.0), seed), 600)[:, 0, 0, 0]
    assert (gray >= (100 - 32) * 0.5 - 0.01).all() and (gray <= (100 + 32) * 1.5 + 0.01).all()
    assert gray.min() < 60 and gray.max() > 160 and abs(np.median(gray) - 100) < 5


def hsv(pixels):
    return np.array([colorsys.rgb_to_hsv(*pixel) for pixel in pixels.reshape(-1, 3) / 255.0])


@pytest.mark.parametrize("degrees", [-18.0, -3.5, 7.0, 18.0, 60.0, 180.0])
def test_hue_turns_as_in_colorsys(degrees):
    before = hsv(colors())
    expected = [colorsys.hsv_to_rgb((h + degrees / 360) % 1, s, v) for h, s, v in before]
    result = turn_hsv(tf.constant(colors()), tf.constant(1.0), tf.constant(degrees))
    assert_allclose(result.numpy().reshape(-1, 3), 255 * np.array(expected), atol=0.02)


@pytest.mark.parametrize("saturation", [0.0, 0.5, 0.8])
def test_saturation_scales_as_in_colorsys(saturation):
    expected = [colorsys.hsv_to_rgb(h, s * saturation, v) for h, s, v in hsv(colors())]
    result = turn_hsv(tf.constant(colors()), tf.constant(saturation), tf.constant(0.0))
    assert_allclose(result.numpy().reshape(-1, 3), 255 * np.array(expected), atol=0.02)


def test_no_change_of_saturation_and_hue_is_none():
    result = turn_hsv(tf.constant(colors()), tf.constant(1.0), tf.constant(0.0))
    assert_allclose(result, colors(), atol=1e-4)


def test_turning_hue_there_and_back_is_nothing():
    there = turn_hsv(tf.constant(colors()), tf.constant(1.0), tf.constant(14.0))
    assert_allclose(turn_hsv(there, tf.constant(1.0), tf.constant(-14.0)), colors(), atol=0.02)
