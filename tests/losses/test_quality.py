import keras
import numpy as np
import tensorflow as tf
from numpy.testing import assert_allclose

from yolact_tf.losses.mask_losses import assemble_positives
from yolact_tf.losses.quality import box_quality, mask_quality, total_quality

TWO_ANCHORS = np.array([[0, 0, 0.5, 0.5], [0.5, 0.5, 1, 1]], "float32")


def targets_of(classes, gt_index=(0, 0)):
    return {
        "classes": tf.constant([classes]),
        "box_deltas": tf.zeros((1, len(classes), 4)),
        "gt_index": tf.constant([gt_index]),
    }


def test_the_quality_of_a_box_is_its_iou():
    # A centre delta of 5 moves a box by half its anchor: overlap .125 of .375. The second is background.
    deltas = np.array([[[5, 0, 0, 0], [0, 0, 0, 0]]], "float32")
    assert_allclose(box_quality(deltas, targets_of([1, 0]), TWO_ANCHORS), [[1 / 3, 0]], rtol=1e-5)
    assert_allclose(box_quality(0 * deltas, targets_of([1, 2]), TWO_ANCHORS), [[1, 1]], rtol=1e-5)


def test_boxes_beyond_measure_have_a_quality_too():
    deltas = np.full((1, 2, 4), 6e4, "float16") * np.array([[[1], [-1]]], "float16")
    assert_allclose(box_quality(deltas, targets_of([1, 2]), TWO_ANCHORS), [[0, 0]], atol=1e-6)


def positives_of(masks, targets, truth, max_masks=2):
    """Positives whose masks are one prototype each, of objects that fill the image."""
    prototypes = np.moveaxis(np.asarray(masks, "float32"), 0, -1)[None] - 0.5
    ground_truth = {
        "boxes": tf.constant([[[0.0, 0, 1, 1]] * len(truth)]),
        "classes": tf.zeros((1, len(truth)), "int32"),
        "masks": tf.constant(truth[None], "uint8"),
    }
    coefficients, seed = tf.eye(len(masks))[None], keras.random.SeedGenerator(0)
    return assemble_positives(coefficients, prototypes, targets, ground_truth, max_masks, seed)


def test_the_quality_of_a_mask_is_its_iou():
    # Both true masks are the left half; the upper half shares a quarter of the image of three.
    upper, left = np.zeros((2, 4, 4))
    upper[:2], left[:, :2] = 1, 1
    targets = targets_of([1, 2], gt_index=(0, 1))
    positives = positives_of([upper, left], targets, np.stack([left, left]))
    assert_allclose(mask_quality(tf.zeros((1, 2)), positives), [[1 / 3, 1]], rtol=1e-6)
    # What has no pixel at this size is known by its box alone.
    positives = positives_of([upper, left], targets, np.stack([left, 0 * left]))
    assert_allclose(mask_quality(tf.constant([[0.6, 0.7]]), positives), [[1 / 3, 0.7]], rtol=1e-6)


def test_background_and_positives_that_no_mask_loss_looks_at_keep_their_quality():
    everything, targets = np.ones((3, 4, 4)), targets_of([0, 1, 2], gt_index=(0, 0, 0))
    boxes = tf.constant([[0.0, 0.2, 0.3]])
    positives = positives_of(everything, targets, everything[:1], max_masks=1)
    background, *others = mask_quality(boxes, positives)[0].numpy()
    assert background == 0
    assert sorted(others) in ([np.float32(0.2), 1], [np.float32(0.3), 1])
    assert_allclose(mask_quality(boxes, positives_of(everything, targets, everything[:1], 3)), [[0, 1, 1]])


def test_every_image_has_its_own_anchors():
    everything, targets = np.ones((1, 4, 4)), targets_of([1], gt_index=(0,))
    alone = positives_of(everything, targets, everything)
    both = {name: tf.concat([value, value], 0) for name, value in alone.items()}
    both["is_chosen"] = tf.constant([[False], [True]])
    assert_allclose(mask_quality(tf.constant([[0.3], [0.4]]), both), [[0.3], [1]])


def test_a_total_is_never_below_one():
    assert total_quality(tf.constant([[0.1, 0.2]])) == 1
    assert_allclose(total_quality(tf.constant([[0.9, 0.0], [0.8, 0.7]])), 2.4, rtol=1e-6)
