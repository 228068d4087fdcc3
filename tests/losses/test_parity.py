"""The losses and their gradients against the original's numbers."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from numpy.testing import assert_allclose

from tests.reference import formula_run
from yolact_tf.boxes import centers_to_corners
from yolact_tf.losses import class_losses
from yolact_tf.losses.box_losses import box_loss
from yolact_tf.losses.mask_losses import (
    assemble_positives,
    dice_loss,
    mask_iou_loss,
    mask_loss,
    semantic_loss,
)
from yolact_tf.losses.targets import count_positives, match_anchors
from yolact_tf.weights.reference_names import reference_key, to_keras_layout

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
    return assemble_positives(coefficients, prototypes, targets, truth, max_masks, SEED)


def reference_losses(numbers, case, predictions, mask_rescorer=None):
    """Our losses, weighted and divided as the reference's B, C, M, S and I."""
    truth, targets = matched(numbers, case)
    count = count_positives(targets)
    positives = positive_masks(predictions, targets, truth)
    images = predictions["semantic_logits"].shape[0]
    values = {
        "B": 1.5 * box_loss(predictions["box_deltas"], targets) / count,
        "C": class_losses.ohem_loss(predictions["class_logits"], targets, 3) / count,
        "M": 6.125 * mask_loss(positives) / count,
        "S": semantic_loss(predictions["semantic_logits"], truth) / images,
    }
    if mask_rescorer is not None:
        values["I"] = 25 * mask_iou_loss(positives, mask_rescorer, 25) / count
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


@pytest.mark.whole
def test_losses_are_equal_under_xla(parity):
    numbers = parity("loss")
    predictions = reference_predictions(numbers, "plus")
    rescorer = formula_run("yolact_plus_resnet50").model.mask_rescorer
    compiled = tf.function(lambda p: reference_losses(numbers, "plus", p, rescorer), jit_compile=True)
    for name, value in compiled(predictions).items():
        assert_allclose(value, numbers[f"plus/loss/{name}"], rtol=1e-5, err_msg=name)


def test_mask_losses_do_not_depend_on_padding(parity):
    numbers = parity("loss")
    predictions = reference_predictions(numbers, "base")
    totals = []
    for slots in (9, 30):
        truth, targets = matched(numbers, "base", slots)
        positives = positive_masks(predictions, targets, truth)
        totals.append((mask_loss(positives), dice_loss(positives)))
    assert_allclose(totals[0], totals[1], rtol=1e-6)


def test_subsampled_masks_keep_their_scale(parity):
    """With fewer masks than positives the expected loss stays: the mean of draws comes near it."""
    numbers = parity("loss")
    predictions = reference_predictions(numbers, "base")
    truth, targets = matched(numbers, "base")
    whole = mask_loss(positive_masks(predictions, targets, truth))
    draws = [mask_loss(positive_masks(predictions, targets, truth, 5)) for _ in range(40)]
    assert len({float(draw) for draw in draws}) > 1
    assert_allclose(np.mean(draws), whole, rtol=0.1)
