import io

import numpy as np
import pytest
import tensorflow as tf
from numpy.testing import assert_array_equal
from PIL import Image
from pycocotools import mask as coco_mask

from yolact_tf.export.rle import encode_png, encode_rle, upsample_logits, upsample_mask
from yolact_tf.mask_windows import place_window, upsample_to_image
from yolact_tf.mask_windows import upsample_logits as upsample_with_numpy
from yolact_tf.masks import crop_masks

rle_in_graph = tf.function(encode_rle, reduce_retracing=True)


def placed(window, y, x, size):
    mask = np.zeros(size, "uint8", order="F")
    mask[y : y + window.shape[0], x : x + window.shape[1]] = window
    return mask


def ours(window, y, x, size):
    return rle_in_graph(tf.constant(window), tf.constant(y), tf.constant(x), tf.constant(size)).numpy()


@pytest.mark.parametrize("seed", range(25))
def test_counts_equal_pycocotools(seed):
    rng = np.random.default_rng(seed)
    size = rng.integers(1, 300, 2)
    y, x = rng.integers(0, size)
    window = rng.uniform(size=(rng.integers(0, size[0] - y + 1), rng.integers(0, size[1] - x + 1)))
    window = window > rng.choice([0.01, 0.5, 0.99])
    expected = coco_mask.encode(placed(window, y, x, size))["counts"]
    assert ours(window, int(y), int(x), size.tolist()) == expected


@pytest.mark.parametrize(
    "mask",
    [
        np.zeros((7, 5), bool),
        np.ones((7, 5), bool),
        np.eye(6, dtype=bool),
        np.ones((1, 1), bool),
        np.pad(np.ones((2000, 1), bool), ((0, 0), (1500, 1))),  # runs past 20 bits
    ],
)
def test_special_masks_equal_pycocotools(mask):
    assert ours(mask, 0, 0, list(mask.shape)) == coco_mask.encode(np.asfortranarray(mask, "uint8"))["counts"]


def test_png_holds_the_same_mask():
    window = np.random.default_rng(0).uniform(size=(5, 9)) > 0.5
    png = encode_png(tf.constant(window), 3, 2, tf.constant([20, 30])).numpy()
    picture = np.asarray(Image.open(io.BytesIO(png)))
    assert_array_equal(picture, 255 * placed(window, 3, 2, (20, 30)))


@pytest.mark.parametrize("size", [(480, 640), (33, 70)])
def test_upsampling_equals_that_of_the_detector(size):
    rng = np.random.default_rng(1)
    for _ in range(8):
        box = np.sort(rng.uniform(0, 1, (2, 2)), axis=0).reshape(4).astype("float32")
        soft = rng.uniform(size=(1, 1, 34, 34)).astype("float32")
        cropped = np.asarray(crop_masks(soft, box[None, None]))[0, 0]
        y, x, window = upsample_to_image(cropped, box, size)
        theirs, ty, tx = (v.numpy() for v in upsample_mask(tf.constant(cropped), box, tf.constant(size)))
        first, second = placed(window, y, x, size), placed(theirs, ty, tx, size)
        assert (first != second).mean() < 1e-4


@pytest.mark.parametrize("size", [(480, 640), (33, 70)])
def test_upsampling_of_logits_equals_that_of_the_detector(size):
    rng = np.random.default_rng(1)
    for _ in range(8):
        box = np.sort(rng.uniform(0, 1, (2, 2)), axis=0).reshape(4).astype("float32")
        logits = rng.normal(size=(34, 34)).astype("float32")
        ours = place_window(*upsample_with_numpy(logits, box, size, is_cropped=False), size)
        theirs, y, x = (v.numpy() for v in upsample_logits(tf.constant(logits), box, tf.constant(size)))
        assert (placed(theirs, y, x, size) != ours).mean() < 1e-4
