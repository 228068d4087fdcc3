"""Random views: each step's distribution over a few hundred draws, made by tf.data in one go."""

import colorsys

import numpy as np
import pytest
import tensorflow as tf
from numpy.testing import assert_allclose, assert_array_equal

from yolact_tf.data import augment

DRAWS = 600
WINDOW = np.array([0, 0, 640, 480], "float32")


def draws(function, count=DRAWS):
    """`function(seed)` for seeds 0, 1, .., as one array: [count, ...]."""
    dataset = tf.data.Dataset.range(count).map(lambda i: function(tf.stack([i, 7])))
    (batch,) = dataset.batch(count)
    return batch.numpy()


def scene(seed=0, count=5):
    """(boxes [n, 4] in source pixels of WINDOW, is_crowd [n]), the last a crowd."""
    rng = np.random.default_rng(seed)
    corner = rng.uniform(0, [540, 380], (count, 2))
    boxes = np.concatenate([corner, corner + rng.uniform(10, 100, (count, 2))], 1).astype("float32")
    return tf.constant(boxes), tf.constant([False] * (count - 1) + [True])


def is_same(windows, window=WINDOW):
    return (windows == window).all(1)


# Every step


STEPS = {
    "expand": lambda seed: augment.expand(tf.constant(WINDOW), seed, 4.0),
    "sample_crop": lambda seed: augment.sample_crop(tf.constant(WINDOW), *scene(), seed),
    "mirror": lambda seed: augment.mirror(tf.constant(WINDOW), seed),
    "distort_colors": lambda seed: augment.distort_colors(tf.constant(colors()), seed),
}


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


@pytest.mark.parametrize("name", STEPS)
def test_the_same_seed_gives_the_same_and_tf_data_gives_what_eager_gives(name):
    results = draws(STEPS[name], 12)
    for i in (0, 5, 11):
        eager = STEPS[name](tf.constant([i, 7], tf.int64))
        assert_allclose(eager, results[i], atol=1e-3)
        assert_array_equal(STEPS[name](tf.constant([i, 7], tf.int64)), eager)
    assert len(np.unique(results.reshape(12, -1), axis=0)) > 1


@pytest.mark.parametrize("name", STEPS)
def test_shape_and_type_stay(name):
    before = colors() if name == "distort_colors" else WINDOW
    results = draws(STEPS[name], 3)
    assert results.shape == (3, *before.shape) and results.dtype == np.float32


# Mirror


def test_mirroring_twice_is_nothing():
    window = tf.constant([3.0, 5, 60, 40])
    twice = draws(lambda seed: augment.mirror(augment.mirror(window, seed), seed), 50)
    assert is_same(twice, window.numpy()).all()


def test_half_the_windows_are_mirrored():
    windows = draws(STEPS["mirror"])
    mirrored = is_same(windows, WINDOW[[2, 1, 0, 3]])
    assert_array_equal(mirrored, ~is_same(windows))
    assert 0.42 < mirrored.mean() < 0.58  # four standard deviations of 600 fair coins


# Expand


def test_half_the_windows_are_expanded():
    assert 0.42 < is_same(draws(STEPS["expand"])).mean() < 0.58


@pytest.mark.parametrize("largest", [1.5, 4.0])
def test_an_expanded_window_is_up_to_that_much_larger_and_holds_the_image(largest):
    windows = draws(lambda seed: augment.expand(tf.constant(WINDOW), seed, largest))
    assert (windows[:, :2] <= 0).all() and (windows[:, 2:] >= WINDOW[2:]).all()
    ratio = (windows[:, 2:] - windows[:, :2]) / WINDOW[2:]
    assert ratio.min() >= 1 and ratio.max() <= largest
    assert_allclose(ratio[:, 0], ratio[:, 1], atol=1 / 480)  # sides are whole pixels
    assert_array_equal(windows, np.round(windows))
    expanded = ratio[~is_same(windows), 0]
    assert abs(expanded.mean() - (1 + largest) / 2) < 0.08 * (largest - 1)
    assert expanded.min() < 1 + 0.05 * largest and expanded.max() > 0.95 * largest


def test_the_image_lies_anywhere_on_the_canvas():
    windows = draws(STEPS["expand"])
    windows = windows[windows[:, 2] - windows[:, 0] > 1.5 * 640]
    room = windows[:, 2:] - windows[:, :2] - WINDOW[2:]
    place = -windows[:, :2] / room  # 0 at the left or top of the canvas, 1 at the other end
    assert (place.min(0) < 0.05).all() and (place.max(0) > 0.95).all()
    assert (abs(place.mean(0) - 0.5) < 0.08).all()
    assert abs(np.corrcoef(place.T)[0, 1]) < 0.2


def test_a_largest_canvas_of_one_is_no_expansion():
    assert is_same(draws(lambda seed: augment.expand(tf.constant(WINDOW), seed, 1.0), 50)).all()


# Crop


@pytest.fixture(scope="module")
def crops():
    return draws(STEPS["sample_crop"])


def kept_centers(windows, boxes, is_crowd):
    """[draws, n]: which non-crowd centres lie strictly inside each window."""
    centers = (boxes[:, :2] + boxes[:, 2:]) / 2
    inside = (centers > windows[:, None, :2]) & (centers < windows[:, None, 2:])
    return inside.all(2) & ~is_crowd


def test_a_crop_keeps_the_center_of_an_object_that_is_no_crowd(crops):
    boxes, is_crowd = (value.numpy() for value in scene())
    kept = kept_centers(crops, boxes, is_crowd)
    assert kept.any(1).all() and not kept.all()


def test_a_crop_lies_within_the_window_on_whole_pixels(crops):
    assert (crops[:, :2] >= WINDOW[:2]).all() and (crops[:, 2:] <= WINDOW[2:]).all()
    assert_array_equal(crops, np.round(crops))


def test_a_crop_has_sides_of_a_third_to_all_and_no_extreme_shape(crops):
    cropped = crops[~is_same(crops)]
    width, height = (cropped[:, 2:] - cropped[:, :2]).T
    assert (width >= 0.3 * 640 - 1).all() and (height >= 0.3 * 480 - 1).all()
    assert width.min() < 0.5 * 640 and width.max() > 0.9 * 640 and height.min() < 0.5 * 480
    # Rounding both ends down changes a side by less than a pixel.
    assert ((height + 1) / (width - 1) >= 0.5).all() and ((height - 1) / (width + 1) <= 2).all()


def test_the_window_stays_one_time_in_six(crops):
    # Slightly more often where none of the 50 trials keeps an object; here almost never.
    assert 0.11 < is_same(crops).mean() < 0.23


def test_crops_reach_all_four_borders(crops):
    assert (crops[:, :2].min(0) <= 3).all() and (crops[:, 2:].max(0) >= WINDOW[2:] - 3).all()
    assert (crops[:, :2].max(0) > 0.3 * WINDOW[2:]).all() and (crops[:, 2:].min(0) < 0.7 * WINDOW[2:]).all()


def test_a_crop_of_an_expanded_window_is_in_source_pixels():
    window = np.array([-700, -300, 1300, 900], "float32")
    boxes, is_crowd = scene()
    windows = draws(lambda seed: augment.sample_crop(tf.constant(window), boxes, is_crowd, seed), 200)
    assert (windows[:, :2] >= window[:2]).all() and (windows[:, 2:] <= window[2:]).all()
    assert kept_centers(windows, boxes.numpy(), is_crowd.numpy()).any(1).all()
    assert 0.05 < is_same(windows, window).mean() < 0.35


@pytest.mark.parametrize("is_crowd", [[], [True, True]])
def test_with_nothing_to_keep_the_window_stays(is_crowd):
    boxes = tf.reshape(tf.tile([100.0, 100, 200, 200], [len(is_crowd)]), [-1, 4])
    crowd = tf.constant(is_crowd, tf.bool)
    windows = draws(lambda seed: augment.sample_crop(tf.constant(WINDOW), boxes, crowd, seed), 100)
    assert is_same(windows).all()


def test_an_object_that_no_crop_reaches_keeps_the_window():
    # Its centre lies on the border of the image, so it is never strictly inside a crop.
    boxes = tf.constant([[-50.0, 100, 50, 200]])
    windows = draws(lambda seed: augment.sample_crop(tf.constant(WINDOW), boxes, [False], seed), 60)
    assert is_same(windows).all()


# Colours


@pytest.fixture(scope="module")
def distorted():
    return draws(STEPS["distort_colors"])


def test_colors_stay_within_0_and_255(distorted):
    assert distorted.min() >= 0 and distorted.max() <= 255
    assert np.isfinite(distorted).all()


def test_one_image_in_sixteen_is_left_alone(distorted):
    # Brightness, contrast, saturation and hue each stay with probability 1/2.
    same = (distorted == colors()).all((1, 2, 3)).mean()
    assert 0.0225 < same < 0.1025  # 1/16 and four standard deviations


def test_gray_stays_gray():
    gray = np.repeat(np.linspace(0, 255, 20, dtype="float32")[:, None, None], 3, 2)
    results = draws(lambda seed: augment.distort_colors(tf.constant(gray), seed), 200)
    assert_allclose(results[..., 0], results[..., 1], atol=0.01)
    assert_allclose(results[..., 0], results[..., 2], atol=0.01)


def test_black_is_only_brightened_and_by_at_most_32_times_one_and_a_half():
    black = draws(lambda seed: augment.distort_colors(tf.zeros([1, 1, 3]), seed))[:, 0, 0, 0]
    assert 32 < black.max() <= 48  # contrast after brightness
    assert 0.15 < (black > 0).mean() < 0.35  # brighter rather than darker, half of one half


def test_a_middle_gray_covers_brightness_and_contrast():
    gray = draws(lambda seed: augment.distort_colors(tf.fill([1, 1, 3], 100.0), seed))[:, 0, 0, 0]
    assert (gray >= (100 - 32) * 0.5 - 0.01).all() and (gray <= (100 + 32) * 1.5 + 0.01).all()
    assert gray.min() < 60 and gray.max() > 160 and abs(np.median(gray) - 100) < 5


def hsv(pixels):
    return np.array([colorsys.rgb_to_hsv(*pixel) for pixel in pixels.reshape(-1, 3) / 255.0])


@pytest.mark.parametrize("degrees", [-18.0, -3.5, 7.0, 18.0, 60.0, 180.0])
def test_hue_turns_as_in_colorsys(degrees):
    before = hsv(colors())
    expected = [colorsys.hsv_to_rgb((h + degrees / 360) % 1, s, v) for h, s, v in before]
    turned = augment._turn_hsv(tf.constant(colors()), tf.constant(1.0), tf.constant(degrees))
    assert_allclose(turned.numpy().reshape(-1, 3), 255 * np.array(expected), atol=0.02)


@pytest.mark.parametrize("saturation", [0.0, 0.5, 0.8])
def test_saturation_scales_as_in_colorsys(saturation):
    expected = [colorsys.hsv_to_rgb(h, s * saturation, v) for h, s, v in hsv(colors())]
    result = augment._turn_hsv(tf.constant(colors()), tf.constant(saturation), tf.constant(0.0))
    assert_allclose(result.numpy().reshape(-1, 3), 255 * np.array(expected), atol=0.02)


def test_no_change_of_saturation_and_hue_is_none():
    result = augment._turn_hsv(tf.constant(colors()), tf.constant(1.0), tf.constant(0.0))
    assert_allclose(result, colors(), atol=1e-4)


def test_turning_hue_there_and_back_is_nothing():
    there = augment._turn_hsv(tf.constant(colors()), tf.constant(1.0), tf.constant(14.0))
    assert_allclose(augment._turn_hsv(there, tf.constant(1.0), tf.constant(-14.0)), colors(), atol=0.02)
