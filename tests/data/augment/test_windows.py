"""Random views: the distribution of each step over 10 000 draws, against the specification."""

import numpy as np
import pytest
import tensorflow as tf
from numpy.testing import assert_allclose, assert_array_equal

from tests.data.augment.draws import assert_same_distribution, assert_share, assert_uniform, draws
from yolact_tf.data.augment import windows as augment

WINDOW = np.array([0, 0, 640, 480], "float32")


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
    "jitter_scale": lambda seed: augment.jitter_scale(tf.constant(WINDOW), seed, 0.1, 2.0),
    "flip": lambda seed: augment.flip(tf.constant(WINDOW), seed),
}


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
    results = draws(STEPS[name], 3)
    assert results.shape == (3, 4) and results.dtype == np.float32


# Mirror


def test_mirroring_twice_is_nothing():
    window = tf.constant([3.0, 5, 60, 40])
    twice = draws(lambda seed: augment.mirror(augment.mirror(window, seed), seed), 50)
    assert is_same(twice, window.numpy()).all()


@pytest.mark.parametrize("name, order", [("mirror", [2, 1, 0, 3]), ("flip", [0, 3, 2, 1])])
def test_half_the_windows_are_turned_over(name, order):
    windows = draws(STEPS[name])
    turned = is_same(windows, WINDOW[order])
    assert_array_equal(turned, ~is_same(windows))
    assert_share(turned, 0.5)


# Expand


@pytest.mark.parametrize("largest", [1.5, 4.0])
def test_a_canvas_is_up_to_that_much_larger_half_the_time_and_holds_the_image(largest):
    windows = draws(lambda seed: augment.expand(tf.constant(WINDOW), seed, largest))
    assert (windows[:, :2] <= 0).all() and (windows[:, 2:] >= WINDOW[2:]).all()
    assert_array_equal(windows, np.round(windows))
    assert_share(is_same(windows), 0.5)
    ratio = ((windows[:, 2:] - windows[:, :2]) / WINDOW[2:])[~is_same(windows)]
    assert_allclose(ratio[:, 0], ratio[:, 1], atol=1 / 480)  # sides are whole pixels
    assert_uniform(ratio[:, 0] + 0.5 / 640, 1, largest + 0.5 / 640)


def test_the_image_lies_anywhere_on_the_canvas():
    windows = draws(STEPS["expand"])
    windows = windows[windows[:, 2] - windows[:, 0] > 1.5 * 640]
    room = windows[:, 2:] - windows[:, :2] - WINDOW[2:]
    place = (-windows[:, :2] + 0.5) / (room + 1)  # 0 at the left or top of the canvas, 1 at the other end
    assert_uniform(place[:, 0], 0, 1)
    assert_uniform(place[:, 1], 0, 1)
    assert abs(np.corrcoef(place.T)[0, 1]) < 4 / np.sqrt(len(place))


def test_a_largest_canvas_of_one_is_no_expansion():
    assert is_same(draws(lambda seed: augment.expand(tf.constant(WINDOW), seed, 1.0), 50)).all()


# Crop


@pytest.fixture(scope="module")
def crops():
    return draws(STEPS["sample_crop"])


def reference_crop(rng, width, height, centers):
    """The reference's sampler as its specification words it: [x1, y1, x2, y2] or None for unchanged."""
    while True:
        if rng.randint(6) == 0:
            return None
        for _ in range(50):
            w, h = rng.uniform(0.3 * width, width), rng.uniform(0.3 * height, height)
            if h / w < 0.5 or h / w > 2:
                continue
            left, top = rng.uniform(width - w, 1), rng.uniform(height - h, 1)  # low bound, high 1
            rect = np.array([int(left), int(top), int(left + w), int(top + h)])
            if ((centers > rect[:2]) & (centers < rect[2:])).all(1).any():
                return rect


@pytest.fixture(scope="module")
def reference_crops():
    boxes, is_crowd = (value.numpy() for value in scene())
    centers = ((boxes[:, :2] + boxes[:, 2:]) / 2)[~is_crowd]
    rng = np.random.RandomState(1)  # whose `uniform`, unlike the new one's, takes low above high
    crops = [reference_crop(rng, 640, 480, centers) for _ in range(10_000)]
    return np.array([WINDOW if crop is None else crop for crop in crops])


def test_crops_are_distributed_as_those_of_the_reference(crops, reference_crops):
    # Compared: whether the window stays, position, size, aspect, and the position's tie to the size.
    assert_same_distribution(is_same(crops).astype(float), is_same(reference_crops).astype(float))
    ours, theirs = crops[~is_same(crops)], reference_crops[~is_same(reference_crops)]
    for side in range(4):
        assert_same_distribution(ours[:, side], theirs[:, side])
    sizes = [windows[:, 2:] - windows[:, :2] for windows in (ours, theirs)]
    for axis in range(2):
        assert_same_distribution(*(size[:, axis] for size in sizes))
    assert_same_distribution(*(size[:, 1] / size[:, 0] for size in sizes))
    assert_same_distribution(*(w[:, 0] / (641 - s[:, 0]) for w, s in zip((ours, theirs), sizes, strict=True)))


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
    windows = draws(
        lambda seed: augment.sample_crop(tf.constant(WINDOW), boxes, tf.constant([False]), seed), 60
    )
    assert is_same(windows).all()


# Jitter of scale


@pytest.fixture(scope="module")
def jittered():
    return draws(STEPS["jitter_scale"])


def test_jittered_scale_is_uniform_and_the_same_on_both_axes(jittered):
    sides = jittered[:, 2:] - jittered[:, :2]
    assert_array_equal(jittered, np.round(jittered))
    scale = WINDOW[2:] / sides
    assert_uniform(1 / (1 / scale[:, 0] + 0.5 / 640), 0.1, 2.0)
    assert_allclose(1 / scale[:, 0], 1 / scale[:, 1], atol=1 / 480)


def test_a_magnified_part_lies_within_the_window_and_a_shrunk_window_within_the_canvas(jittered):
    sides = jittered[:, 2:] - jittered[:, :2]
    is_part = (sides <= WINDOW[2:]).all(1)
    assert_share(is_part, 1 / 1.9)
    assert (jittered[is_part, :2] >= 0).all() and (jittered[is_part, 2:] <= WINDOW[2:]).all()
    assert (jittered[~is_part, :2] <= 0).all() and (jittered[~is_part, 2:] >= WINDOW[2:]).all()
    room = WINDOW[2:] - sides
    has_room = (np.abs(room) > 20).all(1)
    for axis in range(2):
        assert_uniform((jittered[has_room, axis] + 0.5) / (room[has_room, axis]) * 0.98 + 0.01, 0, 1)


def test_a_scale_of_one_leaves_the_window():
    assert is_same(draws(lambda seed: augment.jitter_scale(tf.constant(WINDOW), seed, 1.0, 1.0), 20)).all()
