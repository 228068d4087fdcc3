import numpy as np
import tensorflow as tf
from numpy.testing import assert_allclose

from yolact_tf.losses.box_losses import box_loss, giou_loss

TWO_ANCHORS = np.array([[0, 0, 0.5, 0.5], [0.5, 0.5, 1, 1]], "float32")


def toy_targets(classes):
    classes = np.array([classes], "int32")
    return {
        "classes": tf.constant(classes),
        "box_deltas": tf.zeros((*classes.shape, 4)),
        "gt_index": tf.zeros(classes.shape, "int32"),
    }


def test_box_loss_worked_by_hand():
    # Smooth L1: .5 * .4**2 below one, |x| - .5 above; the background row does not count.
    deltas = np.array([[[0.4, 0, 0, 0], [-3, 0, 0, 0], [9, 9, 9, 9]]], "float32")
    loss = box_loss(deltas, toy_targets([1, 2, 0]))
    assert_allclose(loss, 0.5 * 0.16 + (3 - 0.5), rtol=1e-6)


def test_giou_loss_worked_by_hand():
    # A centre delta of 5 moves a box by half its anchor: overlap .125, union .375, hull .375. The
    # generalised IoU is the plain one, 1/3. The second anchor is background.
    deltas = np.array([[[5, 0, 0, 0], [3, 3, 3, 3]]], "float32")
    assert_allclose(giou_loss(deltas, toy_targets([1, 0]), TWO_ANCHORS), 1 - 1 / 3, rtol=1e-5)
    # One width and a half away, nothing is shared: union .5, hull .25 by .5 · 2.5 = .625, so 1 + .2.
    deltas = np.array([[[15, 0, 0, 0]]], "float32")
    assert_allclose(giou_loss(deltas, toy_targets([1]), TWO_ANCHORS[:1]), 1.2, rtol=1e-5)


def test_the_loss_of_the_truth_is_zero():
    targets = toy_targets([1, 2])
    targets["box_deltas"] += np.random.default_rng(0).normal(size=(1, 2, 4)).astype("float32")
    assert_allclose(giou_loss(targets["box_deltas"], targets, TWO_ANCHORS), 0, atol=1e-6)


def test_the_loss_does_not_depend_on_the_size_of_boxes():
    deltas = np.random.default_rng(0).normal(size=(1, 2, 4)).astype("float32")
    small = giou_loss(deltas, toy_targets([1, 2]), TWO_ANCHORS / 50)
    assert_allclose(small, giou_loss(deltas, toy_targets([1, 2]), TWO_ANCHORS), rtol=1e-4)


def test_gradients_stay_finite_at_extreme_deltas():
    # Among them boxes without area, since exp(-2000) is zero.
    patterns = np.array(np.meshgrid(*[[-1e4, 0, 1e4]] * 4), "float32").reshape(4, -1).T[None]
    deltas = tf.Variable(patterns)
    anchors = np.tile(TWO_ANCHORS[:1], (patterns.shape[1], 1))
    for classes in ([1] * len(anchors), [0] * len(anchors)):
        with tf.GradientTape() as tape:
            value = giou_loss(deltas, toy_targets(classes), anchors)
        assert 0 <= float(value) <= 2 * len(anchors)
        assert np.isfinite(tape.gradient(value, deltas)).all()


def test_the_loss_is_equal_under_xla():
    deltas = np.random.default_rng(0).normal(size=(1, 2, 4)).astype("f")
    value = lambda deltas: giou_loss(deltas, toy_targets([1, 2]), TWO_ANCHORS)
    assert_allclose(tf.function(value, jit_compile=True)(deltas), value(deltas), rtol=1e-5)
