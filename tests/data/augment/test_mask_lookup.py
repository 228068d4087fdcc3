"""Masks from run lengths through a window: against fully decoded masks."""

import numpy as np
import pytest
import tensorflow as tf
from numpy.testing import assert_allclose, assert_array_equal
from pycocotools import mask as coco_mask

from yolact_tf.data.augment.mask_lookup import resample_masks
from yolact_tf.data.augment.resample import resample_boxes
from yolact_tf.data.coco.segmentation import decode_counts
from yolact_tf.data.coco.split import load_coco

SIZE = 64


def positions(first, last, size=SIZE):
    """Source coordinate of each output sample, in float64: an independent writing of the definition."""
    return first + (np.arange(size) + 0.5) / size * (last - first) - 0.5


HEIGHT, WIDTH = 90, 120


def some_masks(height=HEIGHT, width=WIDTH):
    """[n, H, W] masks: a rectangle, a ring, two parts, the border, all, a pixel, none, and blobs."""
    y, x = np.mgrid[:height, :width]
    radius = np.hypot(y - 40, x - 60)
    rng = np.random.default_rng(3)
    blobs = []
    for _ in range(4):
        field = np.kron(rng.normal(size=(6, 8)), np.ones((height // 6, width // 8)))
        for _ in range(10):
            field = (field + np.roll(field, 3, 0) + np.roll(field, 3, 1) + np.roll(field, -2, 1)) / 4
        blobs.append(field > 0.1)
    return np.stack(
        [
            (x >= 13) & (x < 58) & (y >= 20) & (y < 71),
            (radius < 35) & (radius > 12),
            ((x < 20) & (y < 15)) | ((x > 90) & (y > 50) & (y < 80)),
            (x < 4) | (y < 3) | (x >= width - 5) | (y >= height - 3),
            np.ones((height, width), bool),
            (x == 50) & (y == 33),
            np.zeros((height, width), bool),
            *blobs,
        ]
    )


def flips_of_masks(masks):
    counts = [coco_mask.encode(np.asfortranarray(mask, "uint8"))["counts"] for mask in masks]
    return flips_of([decode_counts(c) for c in counts])


def flips_of(runs):
    """Run lengths of n masks to the ragged positions at which they change."""
    flips = [np.cumsum(r)[:-1] for r in runs]
    return tf.RaggedTensor.from_row_lengths(np.concatenate(flips).astype("int32"), [len(f) for f in flips])


def tight_boxes(masks):
    """Corners in pixels about each mask; the middle of the image for an empty one."""
    boxes = []
    for mask in masks:
        rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
        corners = [columns[0], rows[0], columns[-1] + 1, rows[-1] + 1] if len(rows) else [50, 40, 60, 50]
        boxes.append(corners)
    return np.array(boxes, "float32")


def looked_up(masks, window, size=SIZE):
    window = tf.constant(window, tf.float32)
    boxes = resample_boxes(tight_boxes(masks), window)
    return resample_masks(flips_of_masks(masks), boxes, masks.shape[1:], window, size).numpy(), boxes.numpy()


def bilinear(masks, window, size=SIZE):
    """The decoded masks seen through the window, before the threshold: [n, size, size]. Zeros outside the
    image; at the border of the window its own last pixel is repeated, as cutting before shrinking has it."""

    def weights(first, last, extent):  # [size, extent]
        low, high = np.floor(min(first, last)), np.ceil(max(first, last)) - 1
        at = positions(first, last, size).clip(low, high)
        return np.clip(1 - np.abs(at[:, None] - np.arange(extent)), 0, None)

    height, width = masks.shape[1:]
    x, y = weights(window[0], window[2], width), weights(window[1], window[3], height)
    return y @ masks.astype(float) @ x.T


WINDOWS = {
    "whole": [0, 0, WIDTH, HEIGHT],
    "mirrored": [WIDTH, 0, 0, HEIGHT],
    "upside down": [0, HEIGHT, WIDTH, 0],
    "cropped": [31, 12, 93, 77],
    "cropped and mirrored": [93, 12, 31, 77],
    "expanded": [-71, -28, 203, 171],
    "expanded, cropped, mirrored": [150, -40, 25, 66],
    "magnified": [40, 31, 62, 48],
    "magnified, turned by half": [62.5, 48, 40, 31.25],
}


@pytest.mark.parametrize("name", WINDOWS)
def test_masks_equal_the_decoded_masks_seen_through_the_window(name):
    masks, window = some_masks(), WINDOWS[name]
    result, boxes = looked_up(masks, window)
    value = bilinear(masks, window)
    is_clear = np.abs(value - 0.5) > 1e-4  # samples on the threshold may fall either way
    # A mask whose box lies beside the window is shown as it is at the border only.
    visible = (boxes[:, 2] > boxes[:, 0]) & (boxes[:, 3] > boxes[:, 1])
    assert result.dtype == np.uint8 and visible.sum() >= 6 and result.any()
    assert_array_equal(result[visible][is_clear[visible]], (value > 0.5)[visible][is_clear[visible]])


@pytest.mark.parametrize("shape", [(90, 120), (64, 64), (300, 200), (540, 960)])
def test_masks_of_the_whole_image_are_the_resized_masks_over_a_half(shape):
    masks = np.repeat(np.repeat(some_masks(), -(-shape[0] // HEIGHT), 1), -(-shape[1] // WIDTH), 2)
    masks = masks[:, : shape[0], : shape[1]]
    result, _ = looked_up(masks, [0, 0, shape[1], shape[0]])
    value = tf.image.resize(masks[..., None].astype("float32"), (SIZE, SIZE))[..., 0].numpy()
    # Every second sample of a half-sized mask may lie on the threshold, to be rounded either way.
    is_clear = np.abs(value - 0.5) > 1e-4
    assert_array_equal(result[is_clear], (value > 0.5)[is_clear])


def test_mirrored_masks_are_the_flipped_masks():
    masks = some_masks()
    plain, _ = looked_up(masks, WINDOWS["cropped"])
    mirrored, _ = looked_up(masks, WINDOWS["cropped and mirrored"])
    assert (mirrored != plain[:, :, ::-1]).mean() < 1e-3  # samples on the threshold


@pytest.mark.parametrize("name", WINDOWS)
def test_a_mask_stays_within_its_box_and_a_pixel(name):
    result, boxes = looked_up(some_masks(), WINDOWS[name])
    for mask, (x1, y1, x2, y2) in zip(result, boxes * SIZE, strict=True):
        rows, columns = np.nonzero(mask)
        assert ((columns + 1 >= x1 - 1) & (columns <= x2 + 1)).all()
        assert ((rows + 1 >= y1 - 1) & (rows <= y2 + 1)).all()


def test_what_lies_far_from_the_box_is_not_looked_up():
    everywhere = flips_of([[0, HEIGHT * WIDTH]])
    box = tf.constant([[0.25, 0.5, 0.5, 0.75]])
    window = tf.constant([0.0, 0, WIDTH, HEIGHT])
    mask = resample_masks(everywhere, box, (HEIGHT, WIDTH), window, SIZE)[0].numpy()
    assert mask[32:48, 16:32].all() and mask.sum() <= (16 + 4) ** 2


def test_empty_and_full_masks():
    masks = np.stack([np.zeros((HEIGHT, WIDTH), bool), np.ones((HEIGHT, WIDTH), bool)])
    result, _ = looked_up(masks, [0, 0, WIDTH, HEIGHT])
    assert not result[0].any() and result[1].all()


def test_no_objects_give_no_masks():
    runs = tf.RaggedTensor.from_row_lengths(tf.zeros([0], tf.int32), tf.zeros([0], tf.int64))
    window = tf.constant([0.0, 0, WIDTH, HEIGHT])
    masks = resample_masks(runs, tf.zeros([0, 4]), (HEIGHT, WIDTH), window, SIZE)
    assert masks.shape == (0, SIZE, SIZE) and masks.dtype == tf.uint8


def test_runs_of_length_zero_change_nothing():
    # 0 background and 0 object pixels in between: the same mask written in three ways.
    pixels = HEIGHT * WIDTH
    runs = [
        [2000, 500, pixels - 2500],
        [2000, 0, 0, 500, pixels - 2500, 0],
        [2000, 200, 0, 300, pixels - 2500],
    ]
    runs = flips_of(runs)
    window, boxes = tf.constant([0.0, 0, WIDTH, HEIGHT]), tf.tile([[0.0, 0, 1, 1]], [3, 1])
    masks = resample_masks(runs, boxes, (HEIGHT, WIDTH), window, SIZE).numpy()
    assert masks[0].any()
    assert_array_equal(masks[1], masks[0])
    assert_array_equal(masks[2], masks[0])


def test_mask_worked_by_hand():
    # Columns 1 and 2 of four, seen through twice as fine a window: samples 2..5 of eight.
    runs = flips_of([[4, 8, 4]])
    mask = resample_masks(runs, tf.constant([[0.25, 0, 0.75, 1]]), (4, 4), tf.constant([0.0, 0, 4, 4]), 8)
    assert_array_equal(mask[0, 4], [0, 0, 1, 1, 1, 1, 0, 0])


def test_everything_runs_in_tf_data_as_it_runs_eagerly():
    masks = some_masks()
    runs, corners = flips_of_masks(masks), tf.constant(tight_boxes(masks))

    def view(window):
        boxes = resample_boxes(corners, window)
        return boxes, resample_masks(runs, boxes, (HEIGHT, WIDTH), window, SIZE)

    windows = [tf.constant(window, tf.float32) for window in WINDOWS.values()]
    for window, results in zip(windows, tf.data.Dataset.from_tensor_slices(windows).map(view), strict=True):
        for result, expected in zip(results, view(window), strict=True):
            assert_allclose(result, expected, atol=0.02)


@pytest.mark.parametrize("name", ["whole", "mirrored", "cropped", "expanded"])
def test_real_masks(shared_data, name):
    records = load_coco(shared_data / "coco100", "val", "refuse").records
    with_crowd = [record for record in records if record.is_crowd.any() and len(record.runs) > 5]
    record = min(with_crowd, key=lambda record: len(record.runs))
    height, width = record.height, record.width
    window = np.array(WINDOWS[name]) / np.tile([WIDTH, HEIGHT], 2) * np.tile([width, height], 2)
    corners = record.boxes * np.float32([width, height, width, height])
    boxes = resample_boxes(corners, tf.constant(window, tf.float32))
    result = resample_masks(
        flips_of(record.runs), boxes, (height, width), tf.constant(window, tf.float32), 138
    ).numpy()

    decoded = [np.repeat(np.arange(len(r)) % 2, r).reshape(width, height).T for r in record.runs]
    value = bilinear(np.stack(decoded), window, 138)
    inside = (boxes[:, 2] > boxes[:, 0]) & (boxes[:, 3] > boxes[:, 1])
    is_clear = (np.abs(value - 0.5) > 1e-4) & inside.numpy()[:, None, None]
    assert len(result) > 5 and result.sum() > 1000
    assert (result != (value > 0.5))[is_clear].mean() < 1e-4


def test_a_tile_shows_its_part_and_nothing_else():
    window, tile = tf.constant([-30.0, 5, 110, 85]), np.float32([0.25, 0, 0.6, 0.5])
    masks = some_masks()
    boxes = resample_boxes(tight_boxes(masks), window, tile)
    result = resample_masks(flips_of_masks(masks), boxes, (HEIGHT, WIDTH), window, SIZE, tile).numpy()
    value = bilinear(masks, window.numpy())
    centers = (np.arange(SIZE) + 0.5) / SIZE
    inside = ((centers < 0.5)[:, None]) & (centers >= 0.25) & (centers < 0.6)
    visible = ((boxes[:, 2] > boxes[:, 0]) & (boxes[:, 3] > boxes[:, 1])).numpy()[:, None, None]
    is_clear = (np.abs(value - 0.5) > 1e-4) & visible
    assert_array_equal(result[is_clear], ((value > 0.5) & inside)[is_clear])
    assert result.any() and not result[:, ~inside].any()
