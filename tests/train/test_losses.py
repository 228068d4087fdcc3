import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops
from numpy.testing import assert_allclose

from yolact_tf.boxes import centers_to_corners
from yolact_tf.train import class_losses, losses
from yolact_tf.train.targets import match_anchors
from yolact_tf.weights.reference_names import reference_key, to_keras_layout

from ..reference import formula_run

MATCHING = {"positive_iou": 0.5, "negative_iou": 0.4, "crowd_overlap": 0.7}


# A case stores only the inputs in which it differs from the one it builds on.
BUILDS_ON = {"plus": "base", "mask_leak": "mask_plain", "mask_saturated": "mask_plain"}
IMAGES = {"base": 3, "plus": 2}


def stored(numbers, case, name):
    key = f"{case}/in/{name}"
    array = numbers[key if key in numbers else f"{BUILDS_ON[case]}/in/{name}"]
    return array if name.startswith("gt") else array[: IMAGES.get(case, 1)]


def reference_ground_truth(numbers, case, num_slots=12):
    """The fixture's per-image objects as one padded batch."""
    images = IMAGES.get(case, 1)
    truth = {
        "boxes": np.zeros((images, num_slots, 4), "float32"),
        "classes": np.zeros((images, num_slots), "int32"),
        "masks": np.zeros((images, num_slots, 138, 138), "uint8"),
        "is_crowd": np.zeros((images, num_slots), bool),
        "num_objects": np.zeros(images, "int32"),
    }
    for b in range(images):
        rows = stored(numbers, case, f"gt{b}")
        packed = stored(numbers, case, f"gtmask{b}_packed")
        masks = np.unpackbits(packed, axis=1)[:, : 138 * 138].reshape(-1, 138, 138)
        truth["boxes"][b, : len(rows)] = rows[:, :4]
        truth["classes"][b, : len(rows)] = np.maximum(rows[:, 4], 0)
        truth["is_crowd"][b, : len(rows)] = rows[:, 4] < 0
        truth["masks"][b, : len(rows)] = masks
        truth["num_objects"][b] = len(rows)
    return {name: tf.constant(value) for name, value in truth.items()}


def reference_predictions(numbers, case):
    return {
        "class_logits": tf.constant(stored(numbers, case, "conf")),
        "box_deltas": tf.constant(stored(numbers, case, "loc")),
        "mask_coefficients": tf.constant(stored(numbers, case, "mask")),
        "prototypes": tf.constant(stored(numbers, case, "proto")),
        "semantic_logits": tf.transpose(tf.constant(stored(numbers, case, "segm")), (0, 2, 3, 1)),
    }


def matched(numbers, case, num_slots=12):
    """The fixture's ground truth and its targets."""
    truth = reference_ground_truth(numbers, case, num_slots)
    return truth, match_anchors(truth, centers_to_corners(numbers["priors"]), **MATCHING)


def positive_masks(predictions, targets, truth, max_masks=100):
    coefficients, prototypes = predictions["mask_coefficients"], predictions["prototypes"]
    return losses.assemble_positives(coefficients, prototypes, targets, truth, max_masks, SEED)


def reference_losses(numbers, case, predictions, mask_rescorer=None):
    """Our losses, weighted and divided as the reference's B, C, M, S and I."""
    truth, targets = matched(numbers, case)
    count = losses.count_positives(targets)
    positives = positive_masks(predictions, targets, truth)
    images = predictions["semantic_logits"].shape[0]
    values = {
        "B": 1.5 * losses.box_loss(predictions["box_deltas"], targets) / count,
        "C": class_losses.ohem_loss(predictions["class_logits"], targets, 3) / count,
        "M": 6.125 * losses.mask_loss(positives) / count,
        "S": losses.semantic_loss(predictions["semantic_logits"], truth) / images,
    }
    if mask_rescorer is not None:
        values["I"] = 25 * losses.mask_iou_loss(positives, mask_rescorer, 25) / count
    return values


SEED = keras.random.SeedGenerator(0)
GRADIENTS = [
    ("B", "loc", "box_deltas"),
    ("C", "conf", "class_logits"),
    ("M", "mask", "mask_coefficients"),
    ("M", "proto", "prototypes"),
    ("S", "segm", "semantic_logits"),
]


@pytest.mark.parametrize("case", ["base", "plus", "mask_plain", "mask_leak", "mask_saturated"])
def test_losses_and_gradients_equal_the_reference(parity, case):
    numbers = parity("loss")
    predictions = reference_predictions(numbers, case)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(predictions)
        values = reference_losses(numbers, case, predictions)
    for name, value in values.items():
        assert_allclose(value, numbers[f"{case}/loss/{name}"], rtol=1e-5, err_msg=name)
    for name, theirs, ours in GRADIENTS:
        if f"{case}/grad/{name}/{theirs}" not in numbers:
            continue
        expected = numbers[f"{case}/grad/{name}/{theirs}"]
        if theirs == "segm":
            expected = expected.transpose(0, 2, 3, 1)
        gradient = tape.gradient(values[name], predictions[ours])
        assert_allclose(gradient, expected, rtol=1e-4, atol=1e-6, err_msg=f"{name} {ours}")


def test_mask_iou_loss_and_its_gradients_equal_the_reference(parity):
    numbers = parity("loss")
    predictions = reference_predictions(numbers, "plus")
    rescorer = formula_run("yolact_plus_resnet50").model.mask_rescorer
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(predictions)
        loss = reference_losses(numbers, "plus", predictions, rescorer)["I"]
    assert_allclose(loss, numbers["plus/loss/I"], rtol=1e-5)
    close = {"rtol": 1e-4, "atol": 1e-6}
    coefficients = tape.gradient(loss, predictions["mask_coefficients"])
    assert_allclose(coefficients, numbers["plus/grad/I/mask"], **close)
    prototypes = tape.gradient(loss, predictions["prototypes"])[:, ::6, ::6]
    assert_allclose(prototypes, numbers["plus/grad/I/proto_sub6"], **close)
    stored = [name for name in numbers.files if name.startswith("plus/grad/I/net:")]
    assert stored
    variables = {reference_key("mask_rescorer", v.path): v for v in rescorer.trainable_variables}
    for name in stored:
        gradient = tape.gradient(loss, variables[name.partition("net:")[2]].value)
        assert_allclose(gradient, to_keras_layout(numbers[name]), **close, err_msg=name)


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
    assert_allclose(losses.mask_iou_loss(positives, says_half, 25), 1 / 72, rtol=1e-5)
    # Area counts when it is above the limit, not at it.
    assert float(losses.mask_iou_loss(positives, says_half, 50)) == 0


def test_losses_are_equal_under_xla(parity):
    numbers = parity("loss")
    predictions = reference_predictions(numbers, "plus")
    rescorer = formula_run("yolact_plus_resnet50").model.mask_rescorer
    compiled = tf.function(lambda p: reference_losses(numbers, "plus", p, rescorer), jit_compile=True)
    for name, value in compiled(predictions).items():
        assert_allclose(value, numbers[f"plus/loss/{name}"], rtol=1e-5, err_msg=name)


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
    loss = losses.box_loss(deltas, toy_targets([1, 2, 0]))
    assert_allclose(loss, 0.5 * 0.16 + (3 - 0.5), rtol=1e-6)


TWO_ANCHORS = np.array([[0, 0, 0.5, 0.5], [0.5, 0.5, 1, 1]], "float32")


def test_giou_loss_worked_by_hand():
    # A centre delta of 5 moves a box by half its anchor: overlap .125, union .375, hull .375. The
    # generalised IoU is the plain one, 1/3. The second anchor is background.
    deltas = np.array([[[5, 0, 0, 0], [3, 3, 3, 3]]], "float32")
    assert_allclose(losses.giou_loss(deltas, toy_targets([1, 0]), TWO_ANCHORS), 1 - 1 / 3, rtol=1e-5)
    # One width and a half away, nothing is shared: union .5, hull .25 by .5 · 2.5 = .625, so 1 + .2.
    deltas = np.array([[[15, 0, 0, 0]]], "float32")
    assert_allclose(losses.giou_loss(deltas, toy_targets([1]), TWO_ANCHORS[:1]), 1.2, rtol=1e-5)


def test_giou_loss_of_the_truth_is_zero():
    targets = toy_targets([1, 2])
    targets["box_deltas"] += np.random.default_rng(0).normal(size=(1, 2, 4)).astype("float32")
    loss = losses.giou_loss(targets["box_deltas"], targets, TWO_ANCHORS)
    assert_allclose(loss, 0, atol=1e-6)


def test_giou_gradients_stay_finite_at_extreme_deltas():
    # Among them boxes without area, since exp(-2000) is zero.
    patterns = np.array(np.meshgrid(*[[-1e4, 0, 1e4]] * 4), "float32").reshape(4, -1).T[None]
    deltas = tf.Variable(patterns)
    anchors = np.tile(TWO_ANCHORS[:1], (patterns.shape[1], 1))
    for classes in ([1] * len(anchors), [0] * len(anchors)):
        with tf.GradientTape() as tape:
            loss = losses.giou_loss(deltas, toy_targets(classes), anchors)
        assert 0 <= float(loss) <= 2 * len(anchors)
        assert np.isfinite(tape.gradient(loss, deltas)).all()


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
    assert_allclose(losses.dice_loss(toy_positives(masks, truth)), 2 * 0.6, rtol=1e-6)
    one_of_three = {"is_chosen": tf.constant([[True, False]]), "scale": tf.constant([[3.0]])}
    assert_allclose(losses.dice_loss(toy_positives(masks, truth, **one_of_three)), 3 * 0.6, rtol=1e-6)


def test_dice_loss_looks_at_the_box_alone():
    # The box takes rows 0 to 4, and the crop pads a row: truth below is no longer asked for.
    masks = np.zeros((1, 10, 10))
    masks[0, :6] = 1
    box = tf.constant([[[0.0, 0, 1, 0.5]]])
    assert_allclose(losses.dice_loss(toy_positives(masks, np.ones((1, 10, 10)), boxes=box)), 0, atol=1e-6)


def test_dice_is_zero_at_the_truth_symmetric_and_without_size():
    rng = np.random.default_rng(0)
    first, second = (rng.uniform(size=(2, 3, 8, 8)) > 0.5).astype("float32")
    assert_allclose(losses.dice_loss(toy_positives(first, first)), 0, atol=1e-6)
    there, back = (losses.dice_loss(toy_positives(*pair)) for pair in ((first, second), (second, first)))
    assert_allclose(there, back, rtol=1e-6)
    larger = toy_positives(*(mask.repeat(2, 1).repeat(2, 2) for mask in (first, second)))
    assert_allclose(losses.dice_loss(larger), there, rtol=1e-6)


def test_a_truth_that_vanished_at_prototype_size_costs_no_dice():
    masks = tf.Variable(np.zeros((2, 4, 4), "float32"))
    with tf.GradientTape() as tape:
        loss = losses.dice_loss(toy_positives(masks, np.zeros((2, 4, 4))))
    assert float(loss) == 0
    assert_allclose(tape.gradient(loss, masks), np.zeros((2, 4, 4)))


def test_giou_and_dice_are_equal_under_xla():
    rng = np.random.default_rng(0)
    deltas, masks = rng.normal(size=(1, 2, 4)).astype("f"), rng.uniform(size=(2, 8, 8)).astype("f")
    both = lambda deltas, masks: (
        losses.giou_loss(deltas, toy_targets([1, 2]), TWO_ANCHORS),
        losses.dice_loss(toy_positives(masks, np.tril(np.ones((2, 8, 8))))),
    )
    assert_allclose(tf.function(both, jit_compile=True)(deltas, masks), both(deltas, masks), rtol=1e-5)


def test_mask_gradients_stay_finite_at_extreme_logits():
    coefficients = tf.Variable([[[1e4], [-1e4]]])
    truth = {
        "boxes": tf.constant([[[0, 0, 0.5, 0.5], [0.5, 0.5, 1, 1]]]),
        "classes": tf.zeros((1, 2), "int32"),
        "masks": tf.constant(np.random.default_rng(0).integers(0, 2, (1, 2, 8, 8)), "uint8"),
    }
    targets = {**toy_targets([1, 1]), "gt_index": tf.constant([[0, 1]])}
    with tf.GradientTape(persistent=True) as tape:
        positives = losses.assemble_positives(coefficients, tf.ones((1, 8, 8, 1)), targets, truth, 2, SEED)
        values = losses.mask_loss(positives), losses.dice_loss(positives)
    for value in values:
        assert value > 0 and np.isfinite(value)
        assert np.isfinite(tape.gradient(value, coefficients)).all()


def test_mask_losses_do_not_depend_on_padding(parity):
    numbers = parity("loss")
    predictions = reference_predictions(numbers, "base")
    totals = []
    for slots in (9, 30):
        truth, targets = matched(numbers, "base", slots)
        positives = positive_masks(predictions, targets, truth)
        totals.append((losses.mask_loss(positives), losses.dice_loss(positives)))
    assert_allclose(totals[0], totals[1], rtol=1e-6)


def test_subsampled_masks_keep_their_scale(parity):
    """With fewer masks than positives the expected loss stays: the mean of draws comes near it."""
    numbers = parity("loss")
    predictions = reference_predictions(numbers, "base")
    truth, targets = matched(numbers, "base")
    whole = losses.mask_loss(positive_masks(predictions, targets, truth))
    draws = [losses.mask_loss(positive_masks(predictions, targets, truth, 5)) for _ in range(40)]
    assert len({float(draw) for draw in draws}) > 1
    assert_allclose(np.mean(draws), whole, rtol=0.1)


def test_no_objects_at_all_give_finite_losses_and_gradients():
    truth = {
        "boxes": tf.zeros((2, 3, 4)),
        "classes": tf.zeros((2, 3), "int32"),
        "masks": tf.zeros((2, 3, 8, 8), "uint8"),
        "is_crowd": tf.zeros((2, 3), "bool"),
        "num_objects": tf.zeros((2,), "int32"),
    }
    targets = match_anchors(truth, np.array([[0, 0, 1, 1], [0, 0, 0.5, 0.5]], "f"), **MATCHING)
    coefficients, prototypes = tf.Variable(tf.ones((2, 2, 4))), tf.Variable(tf.ones((2, 8, 8, 4)))
    with tf.GradientTape() as tape:
        positives = losses.assemble_positives(coefficients, prototypes, targets, truth, 2, SEED)
        says_one = lambda masks: tf.reduce_max(masks, (1, 2))
        loss = losses.mask_loss(positives) + losses.dice_loss(positives)
        loss += losses.mask_iou_loss(positives, says_one, 25)
    assert float(loss) == 0
    for gradient in tape.gradient(loss, [coefficients, prototypes]):
        assert_allclose(ops.convert_to_numpy(gradient), 0)
