"""Images and boxes through a window: against tf.image.resize, flips and crops."""

import numpy as np
import pytest
import tensorflow as tf
from numpy.testing import assert_allclose, assert_array_equal

from yolact_tf.data.augment.resample import on_canvas, resample_boxes, rotate, visible_pixels

SIZE = 64
FILL = (123.68, 116.78, 103.94)


def noise(height, width, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3)).astype("uint8")


def resized(image, size=SIZE):
    return tf.image.resize(image, (size, size), "bilinear", antialias=False).numpy()


def seen(image, window, size=SIZE):
    pixels, corner = visible_pixels(tf.constant(image), tf.constant(window, tf.float32), size)
    return on_canvas(pixels, corner, size, FILL).numpy()


def positions(first, last, size=SIZE):
    """Source coordinate of each output sample, in float64: an independent writing of the definition."""
    return first + (np.arange(size) + 0.5) / size * (last - first) - 0.5


# Images


@pytest.mark.parametrize("shape", [(64, 64), (50, 70), (200, 131), (9, 300), (1, 1), (64, 3)])
def test_the_whole_image_is_resized_as_tf_image_resizes(shape):
    image = noise(*shape)
    window = [0, 0, shape[1], shape[0]]
    result = seen(image, window)
    assert result.shape == (SIZE, SIZE, 3) and result.dtype == np.float32
    assert_allclose(result, resized(image), atol=0.02)


def test_the_size_it_has_leaves_an_image_as_it_is():
    image = noise(SIZE, SIZE)
    assert_allclose(seen(image, [0, 0, SIZE, SIZE]), image, atol=0.01)


@pytest.mark.parametrize("window", [[0, 0, 70, 50], [12, 3, 55, 41], [-30.5, -20, 110, 77]])
def test_a_mirrored_window_gives_the_flipped_view(window):
    image = noise(50, 70)
    x1, y1, x2, y2 = window
    assert_allclose(seen(image, [x2, y1, x1, y2]), seen(image, window)[:, ::-1], atol=0.02)


@pytest.mark.parametrize("window", [(10, 5, 60, 45), (0, 0, 33, 20), (90, 70, 100, 80), (3, 7, 97, 79)])
def test_a_crop_is_resized_like_the_crop_itself(window):
    # At the crop's own border the view reads on in the image where the cut-out has nothing to read.
    image = noise(80, 100)
    x1, y1, x2, y2 = window
    border_x, border_y = (int(np.ceil(SIZE / side)) for side in (x2 - x1, y2 - y1))
    inner = np.s_[border_y : SIZE - border_y, border_x : SIZE - border_x]
    result = seen(image, window)[inner]
    assert result.size > 0
    assert_allclose(result, resized(image[y1:y2, x1:x2])[inner], atol=0.02)


def test_a_window_as_large_as_the_output_moves_the_image_by_whole_pixels():
    image = noise(90, 90)
    result = seen(image, [-10, -20, SIZE - 10, SIZE - 20])
    assert_allclose(result[20:, 10:], image[: SIZE - 20, : SIZE - 10], atol=0.01)
    assert_array_equal(result[:20], np.broadcast_to(np.float32(FILL), (20, SIZE, 3)))
    assert_array_equal(result[:, :10], np.broadcast_to(np.float32(FILL), (SIZE, 10, 3)))


def at_edge(values, positions):
    """Rows of `values` at fractional positions, those of the border beyond it: another plain writing."""
    positions = positions.clip(0, len(values) - 1)
    low = np.floor(positions).astype(int)
    weight = (positions - low)[:, None, None]
    return values[low] * (1 - weight) + values[np.minimum(low + 1, len(values) - 1)] * weight


# Half an output sample is 2.3 pixels here: every sample lies in the image, and the window does not.
@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("ends", [(-1, 300), (-2, 298), (2, 302), (-1, 301), (301, -1), (300, -2), (0, 301)])
def test_a_window_just_beyond_the_border_repeats_the_border(ends, axis):
    image = noise(300, 300)
    window = np.array([0, 0, 300, 300])
    window[axis::2] = ends
    result = seen(image, window)
    x, y = positions(window[0], window[2]), positions(window[1], window[3])
    expected = at_edge(at_edge(image.astype(float), y).transpose(1, 0, 2), x).transpose(1, 0, 2)
    assert_allclose(result, expected, atol=0.05)


@pytest.mark.parametrize("window", [[-35, -20, 111, 93], [111, -20, -35, 93], [-7.5, 10, 40, 300]])
def test_outside_is_exactly_the_fill_and_inside_never(window):
    image = np.full((50, 70, 3), 200, "uint8")
    x, y = positions(window[0], window[2]), positions(window[1], window[3])
    inside = ((y > -0.5) & (y < 49.5))[:, None] & ((x > -0.5) & (x < 69.5))
    result = seen(image, window)
    assert 0 < inside.sum() < SIZE * SIZE
    assert_array_equal(result[~inside], np.broadcast_to(np.float32(FILL), result[~inside].shape))
    assert_allclose(result[inside], 200, atol=0.01)


def test_a_window_beside_the_image_shows_nothing_but_fill():
    result = seen(noise(50, 70), [70, 0, 140, 50])
    assert_array_equal(result, np.broadcast_to(np.float32(FILL), result.shape))


def test_image_bilinear_worked_by_hand():
    # Two pixels, 0 and 100, over four samples: at -.25, .25, .75, 1.25 the edge repeats.
    image = np.array([[[0] * 3, [100] * 3]], "uint8")
    assert_allclose(seen(image, [0, 0, 2, 1], 4)[..., 0], [[0, 25, 75, 100]] * 4, atol=1e-3)


# Boxes


def test_boxes_come_back_from_the_window():
    window = np.array([-20, 10, 120, 90], "float32")
    boxes = np.array([[0, 10, 50, 60], [100, 80, 120, 90], [-20, 11, -19, 12.5]], "float32")
    relative = resample_boxes(boxes, window).numpy()
    sides = window[2:] - window[:2]
    assert_allclose(relative * np.tile(sides, 2) + np.tile(window[:2], 2), boxes, atol=1e-4)


def test_mirrored_boxes_change_sides_and_stay_ordered():
    boxes = np.random.default_rng(0).uniform(0, 60, (20, 2, 2)).astype("float32")
    boxes.sort(axis=1)
    plain = resample_boxes(boxes.reshape(-1, 4), tf.constant([5.0, 3, 47, 50])).numpy()
    mirrored = resample_boxes(boxes.reshape(-1, 4), tf.constant([47.0, 3, 5, 50])).numpy()
    assert_allclose(
        mirrored, np.stack([1 - plain[:, 2], plain[:, 1], 1 - plain[:, 0], plain[:, 3]], 1), atol=1e-6
    )
    assert (mirrored[:, :2] <= mirrored[:, 2:]).all()


def test_boxes_are_clipped_to_the_window():
    # Of x -10..30 and y 20..90 in a window of 0..40 x 0..80: 0..3/4, 1/4..1.
    assert_allclose(
        resample_boxes([[-10.0, 20, 30, 90]], tf.constant([0.0, 0, 40, 80])), [[0, 0.25, 0.75, 1]]
    )


def test_no_boxes_stay_none():
    assert resample_boxes(tf.zeros([0, 4]), tf.constant([0.0, 0, 4, 4])).shape == (0, 4)


def test_images_run_in_tf_data_as_they_run_eagerly():
    image = tf.constant(noise(50, 70))
    windows = tf.constant([[0, 0, 70, 50], [60, 3, 5, 41], [-30, -20, 110, 77], [80, 0, 90, 9]], tf.float32)

    def view(window):
        return on_canvas(*visible_pixels(image, window, SIZE), SIZE, FILL)

    for window, result in zip(windows, tf.data.Dataset.from_tensor_slices(windows).map(view), strict=True):
        assert_allclose(result, view(window), atol=0.02)


# Tiles


def test_four_tiles_of_one_window_make_up_the_view():
    image, window = tf.constant(noise(50, 70)), tf.constant([-5.5, 3, 90, 44])
    whole = seen(image, window)
    total = np.zeros_like(whole)
    for tile in ([0, 0, 0.25, 0.5], [0.25, 0, 1, 0.5], [0, 0.5, 0.25, 1], [0.25, 0.5, 1, 1]):
        pixels, corner = visible_pixels(image, window, SIZE, np.float32(tile))
        total += on_canvas(pixels - np.float32(FILL), corner, SIZE, 0.0).numpy()
    assert_allclose(total + np.float32(FILL), whole, atol=0.02)


def test_boxes_are_clipped_to_the_tile():
    boxes = resample_boxes([[0.0, 0, 40, 40]], tf.constant([0.0, 0, 40, 80]), np.float32([0.5, 0.25, 1, 1]))
    assert_allclose(boxes, [[0.5, 0.25, 1, 0.5]])


# Right angles


@pytest.mark.parametrize("turns", range(4))
def test_a_turn_is_that_of_numpy_and_boxes_stay_on_their_masks(turns):
    masks = np.zeros((2, SIZE, SIZE), "uint8")
    masks[0, 5:20, 30:60], masks[1, 40:50, 0:8] = 1, 1
    boxes = np.float32([[30, 5, 60, 20], [0, 40, 8, 50]]) / SIZE
    image = noise(SIZE, SIZE).astype("float32")
    truth = {"boxes": tf.constant(boxes), "masks": tf.constant(masks)}
    turned, truth = rotate(tf.constant(image), truth, tf.constant(turns))
    assert_array_equal(turned, np.rot90(image, turns))
    for mask, box, before in zip(truth["masks"].numpy(), truth["boxes"].numpy(), masks, strict=True):
        assert_array_equal(mask, np.rot90(before, turns))
        rows, columns = np.nonzero(mask)
        expected = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
        assert_allclose(box * SIZE, expected, atol=1e-4)
