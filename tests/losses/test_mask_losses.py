import keras
import numpy as np
import tensorflow as tf
from keras import ops
from numpy.testing import assert_allclose

from yolact_tf.losses.mask_losses import assemble_positives, dice_loss, mask_iou_loss, mask_loss
from yolact_tf.losses.targets import match_anchors

SEED = keras.random.SeedGenerator(0)


def test_mask_iou_loss_worked_by_hand():
    # The upper half of a 10x10 map is predicted, the left half true: IoU 25 / 75 = 1/3. The rescorer
    # says 0.5 for class 1: .5 · (1/6)² = 1/72. The second object is too small, the third not chosen.
    masks, truth = np.zeros((2, 1, 3, 10, 10), "float32")
    masks[:, :, :5], truth[:, 0, :, :5] = 1, 1
    truth[:, 1, 0, :5], truth[:, 2] = 1, truth[:, 0]
    positives = {
        "masks": tf.constant(masks),
        "truth": tf.constant(truth),
        "classes": tf.constant([[1, 1, 1]]),
        "is_chosen": tf.constant([[True, True, False]]),
    }
    says_half = lambda masks: tf.tile([[9.0, 0.5]], (masks.shape[0], 1))
    assert_allclose(mask_iou_loss(positives, says_half, 25), 1 / 72, rtol=1e-5)
    # Area counts when it is above the limit, not at it.
    assert float(mask_iou_loss(positives, says_half, 50)) == 0


def toy_positives(masks, truth, **replaced):
    """Positives of one image whose boxes are all of it: [M, H, W] arrays."""
    return {
        "masks": tf.convert_to_tensor(masks, "float32")[None],
        "truth": tf.convert_to_tensor(truth, "float32")[None],
        "boxes": tf.constant([[[0.0, 0, 1, 1]] * len(truth)]),
        "is_chosen": tf.ones((1, len(truth)), "bool"),
        "scale": tf.ones((1, 1)),
        **replaced,
    }


def test_dice_loss_worked_by_hand():
    # 0.5 in the upper half of a 10x10 map, the truth its left half: 2 · 12.5 / (12.5 + 50) = 0.4.
    masks, truth = np.zeros((2, 10, 10)), np.zeros((2, 10, 10))
    masks[:, :5], truth[:, :, :5] = 0.5, 1
    assert_allclose(dice_loss(toy_positives(masks, truth)), 2 * 0.6, rtol=1e-6)
    one_of_three = {"is_chosen": tf.constant([[True, False]]), "scale": tf.constant([[3.0]])}
    assert_allclose(dice_loss(toy_positives(masks, truth, **one_of_three)), 3 * 0.6, rtol=1e-6)


def test_dice_loss_looks_at_the_box_alone():
    # The box takes rows 0 to 4, and the crop pads a row: truth below is no longer asked for.
    masks = np.zeros((1, 10, 10))
    masks[0, :6] = 1
    box = tf.constant([[[0.0, 0, 1, 0.5]]])
    assert_allclose(dice_loss(toy_positives(masks, np.ones((1, 10, 10)), boxes=box)), 0, atol=1e-6)


def test_dice_is_zero_at_the_truth_symmetric_and_without_size():
    rng = np.random.default_rng(0)
    first, second = (rng.uniform(size=(2, 3, 8, 8)) > 0.5).astype("float32")
    assert_allclose(dice_loss(toy_positives(first, first)), 0, atol=1e-6)
    there, back = (dice_loss(toy_positives(*pair)) for pair in ((first, second), (second, first)))
    assert_allclose(there, back, rtol=1e-6)
    larger = toy_positives(*(mask.repeat(2, 1).repeat(2, 2) for mask in (first, second)))
    assert_allclose(dice_loss(larger), there, rtol=1e-6)


def test_a_truth_that_vanished_at_prototype_size_costs_no_dice():
    masks = tf.Variable(np.zeros((2, 4, 4), "float32"))
    with tf.GradientTape() as tape:
        loss = dice_loss(toy_positives(masks, np.zeros((2, 4, 4))))
    assert float(loss) == 0
    assert_allclose(tape.gradient(loss, masks), np.zeros((2, 4, 4)))


def test_dice_is_equal_under_xla():
    masks = np.random.default_rng(0).uniform(size=(2, 8, 8)).astype("f")
    loss = lambda masks: dice_loss(toy_positives(masks, np.tril(np.ones((2, 8, 8)))))
    assert_allclose(tf.function(loss, jit_compile=True)(masks), loss(masks), rtol=1e-5)


def test_mask_gradients_stay_finite_at_extreme_logits():
    coefficients = tf.Variable([[[1e4], [-1e4]]])
    truth = {
        "boxes": tf.constant([[[0, 0, 0.5, 0.5], [0.5, 0.5, 1, 1]]]),
        "classes": tf.zeros((1, 2), "int32"),
        "masks": tf.constant(np.random.default_rng(0).integers(0, 2, (1, 2, 8, 8)), "uint8"),
    }
    targets = {"classes": tf.constant([[1, 1]]), "gt_index": tf.constant([[0, 1]])}
    with tf.GradientTape(persistent=True) as tape:
        positives = assemble_positives(coefficients, tf.ones((1, 8, 8, 1)), targets, truth, 2, SEED)
        values = mask_loss(positives), dice_loss(positives)
    for value in values:
        assert value > 0 and np.isfinite(value)
        assert np.isfinite(tape.gradient(value, coefficients)).all()


def test_no_objects_at_all_give_finite_losses_and_gradients():
    truth = {
        "boxes": tf.zeros((2, 3, 4)),
        "classes": tf.zeros((2, 3), "int32"),
        "masks": tf.zeros((2, 3, 8, 8), "uint8"),
        "is_crowd": tf.zeros((2, 3), "bool"),
        "num_objects": tf.zeros((2,), "int32"),
    }
    targets = match_anchors(truth, np.array([[0, 0, 1, 1], [0, 0, 0.5, 0.5]], "f"), 0.5, 0.4, 0.7)
    coefficients, prototypes = tf.Variable(tf.ones((2, 2, 4))), tf.Variable(tf.ones((2, 8, 8, 4)))
    with tf.GradientTape() as tape:
        positives = assemble_positives(coefficients, prototypes, targets, truth, 2, SEED)
        says_one = lambda masks: tf.reduce_max(masks, (1, 2))
        loss = mask_loss(positives) + dice_loss(positives)
        loss += mask_iou_loss(positives, says_one, 25)
    assert float(loss) == 0
    for gradient in tape.gradient(loss, [coefficients, prototypes]):
        assert_allclose(ops.convert_to_numpy(gradient), 0)
