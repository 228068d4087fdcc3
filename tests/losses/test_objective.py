import h5py
import numpy as np
import pytest
import tensorflow as tf
from numpy.testing import assert_allclose

from yolact_tf.losses.objective import YolactLoss
from yolact_tf.model import build_yolact
from yolact_tf.recipes import load_config

SMALL = (
    *("data.image_size=64", "anchors.sizes=8,16,24,32,64", "model.num_classes=3", "model.num_prototypes=4"),
    *("model.pyramid_channels=8", "model.prototype_channels=8", "model.head_channels=8"),
)
OTHER_LOSSES = ("loss.class_loss=balanced", "loss.box_loss=giou", "loss.dice_weight=2")

MODERN = (
    *("loss.class_loss=sigmoid_focal", "loss.box_loss=giou"),
    *("data.mask_scale=2", "loss.masks_per_image=100"),
)


def config_of(*settings):
    return load_config("tiny_256", [*SMALL, *settings])


def ground_truth():
    """Two images of three objects each, ellipses in their boxes."""
    boxes = np.array([[0.1, 0.1, 0.5, 0.6], [0.5, 0.4, 0.9, 0.9], [0.2, 0.6, 0.4, 0.9]], "float32")
    y, x = (np.mgrid[:16, :16] + 0.5) / 16
    masks = []
    for x1, y1, x2, y2 in boxes:
        across, down = (2 * x - x1 - x2) / (x2 - x1), (2 * y - y1 - y2) / (y2 - y1)
        masks.append(across**2 + down**2 <= 1)
    return {
        "boxes": tf.constant([boxes] * 2),
        "classes": tf.constant([[0, 1, 2], [2, 2, 1]]),
        "masks": tf.constant(np.array([masks] * 2, "uint8")),
        "is_crowd": tf.zeros((2, 3), "bool"),
        "num_objects": tf.constant([3, 3]),
    }


def predictions_for(loss):
    rng = np.random.default_rng(0)
    normal = lambda *shape: tf.constant(rng.normal(size=shape), "float32")
    return {
        "class_logits": normal(2, len(loss.anchors), 4),
        "box_deltas": normal(2, len(loss.anchors), 4),
        "mask_coefficients": tf.tanh(normal(2, len(loss.anchors), 4)),
        "prototypes": tf.nn.relu(normal(2, 16, 16, 4)),
        "semantic_logits": normal(2, 8, 8, 3),
    }


def test_dice_is_a_part_of_its_own_where_it_weighs_anything():
    plain, diced = YolactLoss(config_of()), YolactLoss(config_of("loss.dice_weight=2"))
    predictions = predictions_for(plain)
    parts = diced.parts(ground_truth(), predictions)
    assert tuple(parts) == diced.part_names == (*plain.part_names, "dice_loss")
    assert tuple(plain.parts(ground_truth(), predictions)) == plain.part_names
    once = YolactLoss(config_of("loss.dice_weight=1")).parts(ground_truth(), predictions)["dice_loss"]
    assert 0 < once < 1  # an average over positives of what lies in 0..1
    assert_allclose(parts["dice_loss"], 2 * once, rtol=1e-6)


def test_the_box_loss_is_the_one_of_the_config():
    smooth = YolactLoss(config_of())
    other = YolactLoss(config_of("loss.box_loss=giou", "loss.box_weight=1"))
    predictions = predictions_for(smooth)
    first, second = (loss.parts(ground_truth(), predictions) for loss in (smooth, other))
    assert 0 < second["box_loss"] < 2  # an average over positives of what lies in 0..2
    assert second["box_loss"] != first["box_loss"]
    assert_allclose(second["class_loss"], first["class_loss"])


def test_masks_may_be_compared_at_twice_the_size_of_prototypes():
    """Truths that differ only there, by an edge between pixels of the prototypes."""
    usual, double = YolactLoss(config_of()), YolactLoss(config_of("data.mask_scale=2"))
    predictions, values = predictions_for(usual), {}
    for edge in (8, 9):  # of 32 columns, 16 of prototypes
        masks = np.zeros((2, 3, 32, 32), "uint8")
        masks[..., :edge] = 1
        truth = {**ground_truth(), "masks": tf.constant(masks)}
        values[edge] = [float(loss.parts(truth, predictions)["mask_loss"]) for loss in (usual, double)]
    assert values[8][0] == values[9][0] and values[8][1] != values[9][1]


def test_where_prototypes_say_nothing_the_size_of_masks_does_not_matter():
    """ln 2 a pixel, over an area of as many pixels, of objects that fill the image."""
    truth = {**ground_truth(), "boxes": tf.constant([[[0.0, 0, 1, 1]] * 3] * 2)}
    for scale in (1, 2, 3):
        loss = YolactLoss(config_of(f"data.mask_scale={scale}", "loss.mask_weight=1"))
        silent = {**predictions_for(loss), "prototypes": tf.zeros((2, 16, 16, 4))}
        assert_allclose(loss.parts(truth, silent)["mask_loss"], np.log(2), rtol=1e-5)


def test_masks_are_rescored_at_the_size_of_prototypes_whatever_size_teaches_them():
    seen = []

    def rescorer(masks):
        seen.append(masks.shape[1:3])
        return tf.zeros((masks.shape[0], 3))

    found = []
    for scale in (1, 2):
        settings = ("loss.mask_iou_min_area=1", "model.mask_rescoring=true", f"data.mask_scale={scale}")
        loss = YolactLoss(config_of(*settings))
        found.append(loss.parts(ground_truth(), predictions_for(loss), rescorer)["mask_iou_loss"])
    assert seen == [(16, 16), (16, 16)]
    assert found[0] > 0
    assert_allclose(found[1], found[0], rtol=1e-5)


@pytest.mark.whole
@pytest.mark.parametrize("settings", [OTHER_LOSSES, MODERN], ids=["other", "modern"])
def test_the_other_losses_are_the_same_under_xla(settings):
    found = []
    for compiled in (False, True):
        loss = YolactLoss(config_of(*settings))
        predictions, truth = predictions_for(loss), ground_truth()

        def step(predictions, loss=loss, truth=truth):
            with tf.GradientTape() as tape:
                tape.watch(predictions)
                parts = loss.parts(truth, predictions)
                total = loss.total(parts, predictions)
            return parts, tape.gradient(total, predictions)

        parts, gradients = tf.function(step, jit_compile=compiled)(predictions)
        found.append((parts, gradients, [np.array(v) for v in loss.variables[1:]]))
    for ours, plain in zip(*map(tf.nest.flatten, reversed(found)), strict=True):
        assert_allclose(ours, plain, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("class_loss", ["balanced", "focal", "sigmoid_focal"])
def test_a_step_against_the_gradient_lowers_the_loss_by_what_the_gradient_says(class_loss):
    loss = YolactLoss(config_of(f"loss.class_loss={class_loss}", *OTHER_LOSSES[1:]))
    predictions, truth = predictions_for(loss), ground_truth()
    total = lambda predictions: sum(loss.parts(truth, predictions, training=False).values())
    with tf.GradientTape() as tape:
        tape.watch(predictions)
        before = total(predictions)
    gradients = tape.gradient(before, predictions)
    rate = 1e-3
    after = total({name: value - rate * gradients[name] for name, value in predictions.items()})
    expected = rate * sum(float(tf.reduce_sum(gradient**2)) for gradient in gradients.values())
    assert_allclose(before - after, expected, rtol=0.1)


def test_class_counts_grow_in_training_alone():
    loss = YolactLoss(config_of(*OTHER_LOSSES))
    predictions, truth = predictions_for(loss), ground_truth()
    loss.parts(truth, predictions, training=False)
    assert_allclose(loss.class_counts, 0)
    first = loss.parts(truth, predictions)
    once = np.array(loss.class_counts)
    assert once[0] == 3 * once[1:].sum() and (once[1:] > 0).all()
    # The same batch again, in a graph: the same shares, so the same loss.
    traced = tf.function(lambda predictions: loss.parts(truth, predictions))
    for name, value in traced(predictions).items():
        assert_allclose(value, first[name], rtol=1e-5, err_msg=name)
    assert_allclose(loss.class_counts, 2 * once)


def test_the_model_carries_what_the_loss_remembers_but_saves_none_of_it(tmp_path):
    model, loss = build_yolact(config_of()), YolactLoss(config_of(*OTHER_LOSSES))
    for name, used in (("plain", YolactLoss(config_of())), ("balanced", loss)):
        model.compile("sgd", used)
        model.save_weights(tmp_path / f"{name}.weights.h5")
    assert tensors(tmp_path / "balanced.weights.h5") == tensors(tmp_path / "plain.weights.h5")

    # As in a stateless train step (JAX): what changes is handed back, not written.
    state = [[v.value for v in variables] for variables in state_of(model)]
    images = np.zeros((2, 64, 64, 3), "float32")
    _, (_, remembered, _) = model.stateless_compute_loss(
        *state, x=images, y=ground_truth(), y_pred=model(images)
    )
    index = [v.path for v in model.non_trainable_variables].index(loss.class_counts.path)
    assert remembered[index][0] == 3 * tf.reduce_sum(remembered[index][1:]) > 0
    assert_allclose(loss.class_counts, 0)


def state_of(model):
    return model.trainable_variables, model.non_trainable_variables, model.metrics_variables


def tensors(path):
    names = []
    with h5py.File(path) as file:
        file.visititems(lambda name, item: names.append(name) if hasattr(item, "shape") else None)
    return names
