import numpy as np
import pytest
import tensorflow as tf
from numpy.testing import assert_allclose, assert_array_equal

from yolact_tf.losses.class_losses import (
    _hard_anchors,
    balanced_loss,
    focal_loss,
    ohem_loss,
    sigmoid_focal_loss,
)

LOSSES = {
    "ohem": lambda logits, targets: ohem_loss(logits, targets, 3),
    "balanced": lambda logits, targets: balanced_loss(logits, targets, 3, tf.constant([9.0, 1, 2, 0]))[0],
    "focal": lambda logits, targets: focal_loss(logits, targets, 2.0, 0.25),
    "sigmoid_focal": lambda logits, targets: sigmoid_focal_loss(logits, targets, 2.0, 0.25),
}
every_loss = pytest.mark.parametrize("name", sorted(LOSSES))

# Four anchors of the specification's appendix A.4: background, class 1, neutral, class 3.
LOGITS = np.array([[[2, 0.5, -1, 0], [0.1, 1.2, 0.3, -0.4], [0, 0, 1, 2], [3, -1, 0, 1]]], "float32")
CLASSES = [[0, 1, -1, 3]]


def targets_of(classes):
    return {"classes": tf.constant(classes, "int32")}


def random_batch(anchors=40):
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(2, anchors, 4)).astype("float32")
    return logits, rng.choice([-1, 0, 0, 0, 0, 1, 2, 3], (2, anchors)).astype("int32")


@pytest.mark.parametrize(
    ("name", "expected"), [("ohem", 3.190909), ("focal", 0.490907), ("sigmoid_focal", 0.859576)]
)
def test_losses_equal_the_reference(name, expected):
    # OHEM: two positives allow six negatives, but only the one background anchor exists.
    assert_allclose(LOSSES[name](LOGITS, targets_of(CLASSES)), expected, rtol=2e-6)


def test_balanced_weights_worked_by_hand():
    # One anchor each of background, class 1 and class 3: all weigh (1 - 1/3) / (3/4) = 8/9.
    loss, counts = balanced_loss(LOGITS, targets_of(CLASSES), 3, tf.zeros(4))
    assert_allclose(counts, [1, 1, 0, 1])
    assert_allclose(loss, 3.190909 * 8 / 9, rtol=1e-6)
    # After ten more of background: 1 - 11/13 is less than 1/4, which over 3/4 is 1/3; the others weigh
    # (1 - 1/13) / (3/4) = 16/13. The background's own cross-entropy is ln(e²+e^.5+e^-1+1) - 2 = .342342.
    loss, counts = balanced_loss(LOGITS, targets_of(CLASSES), 3, tf.constant([10.0, 0, 0, 0]))
    assert_allclose(counts, [11, 1, 0, 1])
    assert_allclose(loss, 0.342342 / 3 + (3.190909 - 0.342342) * 16 / 13, rtol=1e-5)


def test_balanced_counts_are_of_all_batches_and_of_chosen_anchors_only():
    logits, classes = random_batch()
    targets, counts = targets_of(classes), tf.zeros(4)
    for _ in range(3):
        _, counts = balanced_loss(logits, targets, 1, counts)
    positives = [(classes == c).sum() for c in (1, 2, 3)]
    assert_allclose(counts, np.multiply(3, [sum(positives), *positives]))


def test_without_gamma_focal_losses_are_cross_entropies():
    logits, classes = random_batch()
    targets, counts = targets_of(classes), classes != -1
    softmax = tf.nn.sparse_softmax_cross_entropy_with_logits(np.maximum(classes, 0), logits)
    assert_allclose(focal_loss(logits, targets, 0.0, 0.5), 0.5 * softmax.numpy()[counts].sum(), rtol=1e-5)
    truth = np.eye(4, dtype="float32")[np.maximum(classes, 0)][..., 1:]
    binary = tf.nn.sigmoid_cross_entropy_with_logits(truth, logits[..., 1:]).numpy()[counts]
    assert_allclose(sigmoid_focal_loss(logits, targets, 0.0, 0.5), 0.5 * binary.sum(), rtol=1e-5)


def test_gamma_lets_easy_anchors_weigh_less_and_alpha_tells_objects_from_background():
    # p_t = 1/2 of two logits: alpha_t · (1/2)^gamma · ln 2.
    even = np.zeros((1, 1, 2), "float32")
    for of_class, alpha in ((1, 0.3), (0, 0.7)):
        expected = alpha * 0.5**3 * np.log(2)
        assert_allclose(focal_loss(even, targets_of([[of_class]]), 3.0, 0.3), expected, rtol=1e-5)
        assert_allclose(sigmoid_focal_loss(even, targets_of([[of_class]]), 3.0, 0.3), expected, rtol=1e-5)


@every_loss
def test_a_sure_and_right_network_costs_nothing(name):
    _, classes = random_batch()
    logits = 1e4 * (2 * np.eye(4, dtype="float32")[np.maximum(classes, 0)] - 1)
    assert float(LOSSES[name](logits, targets_of(classes))) == 0


@every_loss
def test_neutral_anchors_change_nothing(name):
    logits, classes = random_batch()
    noise = np.random.default_rng(1).normal(size=(2, 9, 4)).astype("float32")
    padded = LOSSES[name](
        np.concatenate([logits, noise], axis=1),
        targets_of(np.pad(classes, ((0, 0), (0, 9)), constant_values=-1)),
    )
    assert_allclose(padded, LOSSES[name](logits, targets_of(classes)), rtol=1e-6)


@every_loss
def test_the_order_of_anchors_does_not_matter(name):
    logits, classes = random_batch()
    turned = LOSSES[name](logits[:, ::-1], targets_of(classes[:, ::-1]))
    assert_allclose(turned, LOSSES[name](logits, targets_of(classes)), rtol=1e-6)


@pytest.mark.parametrize("name", ["ohem", "focal", "sigmoid_focal"])
def test_no_class_is_special(name):
    logits, classes = random_batch()
    renamed = np.array([0, 3, 1, 2, -1])[classes]
    loss = LOSSES[name](logits[..., [0, 2, 3, 1]], targets_of(renamed))
    assert_allclose(loss, LOSSES[name](logits, targets_of(classes)), rtol=1e-6)


@pytest.mark.parametrize("name", ["ohem", "balanced"])
def test_an_image_without_positives_costs_no_confidence(name):
    logits, _ = random_batch(6)
    assert float(LOSSES[name](logits, targets_of([[0] * 6] * 2))) == 0


@every_loss
def test_gradients_stay_finite_at_extreme_logits(name):
    # Every pattern of -1e4, 0 and 1e4 against every target.
    patterns = np.array(np.meshgrid(*[[-1e4, 0, 1e4]] * 4), "float32").reshape(4, -1).T
    logits = tf.Variable(np.tile(patterns, (5, 1))[None])
    targets = targets_of([np.repeat([-1, 0, 1, 2, 3], len(patterns))])
    with tf.GradientTape() as tape:
        loss = LOSSES[name](logits, targets)
    assert np.isfinite(loss) and np.isfinite(tape.gradient(loss, logits)).all()


@pytest.mark.parametrize("distinct", [2, 5, 1000])
def test_ohem_takes_the_hardest_and_of_equal_ones_the_first(distinct):
    """Many ties, sure anchors whose log is -0, and images with few, many and no positives."""
    rng = np.random.default_rng(distinct)
    background = (rng.integers(0, distinct, (4, 300)) * 5 / distinct).astype("float32")
    background[:, ::7] = 1e4
    logits = np.stack([background, np.zeros_like(background)], -1)
    classes = rng.choice([-1, 0, 1], (4, 300), p=[0.1, 0.85, 0.05])
    classes[0, classes[0] == 1], classes[1, :280] = 0, 1
    chosen = tf.function(_hard_anchors, jit_compile=True)(tf.nn.log_softmax(logits), targets_of(classes), 3)
    for row, values, found in zip(classes, background, np.array(chosen), strict=True):
        # As in the reference, what is no background stands in the row, too, as sure as can be.
        order = np.argsort(np.where(row == 0, values, 1e4), kind="stable")[: min(3 * (row == 1).sum(), 299)]
        expected = row == 1
        expected[order] |= row[order] == 0
        assert_array_equal(found, expected)


@pytest.mark.parametrize("loss", [focal_loss, sigmoid_focal_loss])
def test_gradients_stay_finite_where_the_slope_of_the_power_does_not(loss):
    logits = tf.Variable([[[1e4, -1e4], [-1e4, 1e4]]])
    with tf.GradientTape() as tape:
        value = loss(logits, targets_of([[0, 1]]), 0.5, 0.25)
    assert_allclose(tape.gradient(value, logits), np.zeros((1, 2, 2)), atol=1e-6)


def test_losses_and_gradients_are_equal_under_xla():
    """All but OHEM, which `test_losses` compiles with the other losses of the reference."""
    logits, classes = random_batch()
    logits, targets = tf.constant(logits), targets_of(classes)

    def values_and_gradients(logits):
        with tf.GradientTape(persistent=True) as tape:
            tape.watch(logits)
            values = {name: loss(logits, targets) for name, loss in LOSSES.items() if name != "ohem"}
        return {name: (value, tape.gradient(value, logits)) for name, value in values.items()}

    compiled = tf.function(values_and_gradients, jit_compile=True)(logits)
    for name, (value, gradient) in values_and_gradients(logits).items():
        assert_allclose(compiled[name][0], value, rtol=1e-5, err_msg=name)
        assert_allclose(compiled[name][1], gradient, rtol=1e-4, atol=1e-6, err_msg=name)
