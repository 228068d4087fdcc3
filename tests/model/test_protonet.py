"""Prototypes from P3 alone, and from P3 with the levels after it."""

import keras
import numpy as np
import pytest
from numpy.testing import assert_allclose

from yolact_tf.model import build_yolact
from yolact_tf.model.protonet import build_protonet
from yolact_tf.recipes import load_config

SHAPES = [(9, 9, 6), (5, 5, 6), (3, 3, 6)]  # halves, rounded up, as the pyramid has them


def maps(seed=0):
    draws = np.random.default_rng(seed)
    return [draws.normal(size=(2, *shape)).astype("float32") for shape in SHAPES]


def protonet(num_levels):
    keras.utils.set_random_seed(1)
    return build_protonet(SHAPES[:num_levels], channels=4, num_convs=1, num_prototypes=3)


def share_weights(source, target):
    for layer in source.layers:
        if layer.weights:
            target.get_layer(layer.name).set_weights(layer.get_weights())


def as_a_sum(network):
    """The same network where each further level is added as it is."""
    for layer in network.layers:
        if layer.name.startswith("from_"):
            layer.set_weights([np.eye(6)[None, None], np.zeros(6)])
    return network


@pytest.mark.parametrize("num_levels", [1, 2, 3])
def test_prototypes_have_twice_the_size_of_p3_and_are_not_negative(num_levels):
    prototypes = protonet(num_levels)(maps()[:num_levels])
    assert prototypes.shape == (2, 18, 18, 3) and np.min(prototypes) >= 0 < np.max(prototypes)


def test_further_levels_have_no_say_at_first():
    alone, together = protonet(1), protonet(3)
    share_weights(alone, together)
    assert_allclose(together(maps()), alone(maps()[:1]), atol=1e-6)


def test_levels_are_summed_at_the_size_of_p3():
    """Of maps that are the same all over, no resizing shows."""
    alone, together = protonet(1), as_a_sum(protonet(3))
    share_weights(alone, together)
    levels = [np.full((1, *shape), value, "float32") for shape, value in zip(SHAPES, (1, 2, 4), strict=True)]
    assert_allclose(together(levels), alone([np.full((1, *SHAPES[0]), 7, "float32")]), rtol=1e-5)


def test_a_level_is_enlarged_between_its_pixels():
    """5 to 9 pixels: the third of nine lies at 2.5 · 5/9 - .5 = .889 of the five."""
    alone, together = protonet(1), as_a_sum(protonet(2))
    share_weights(alone, together)
    row = np.array([1, 2, 4, 8, 16], "float32")
    expected = np.interp((np.arange(9) + 0.5) * 5 / 9 - 0.5, np.arange(5), row)
    assert expected[2] == pytest.approx(1 + 0.888889)
    spread = lambda values: np.broadcast_to(values[None, None, :, None], (1, len(values), len(values), 6))
    zeros = np.zeros((1, *SHAPES[0]), "float32")
    found = together([zeros, spread(row)])
    assert_allclose(found, alone([spread(expected.astype("float32"))]), rtol=1e-4, atol=1e-5)


def test_every_level_teaches_its_weights():
    network = protonet(3)
    network.compile("sgd", "mse")
    network.train_on_batch(maps(), np.ones((2, 18, 18, 3), "float32"))
    for name in ("from_p4", "from_p5"):
        assert np.abs(network.get_layer(name).kernel).max() > 0


@pytest.mark.whole
def test_a_model_of_all_levels_reloads(small_settings, tmp_path):
    config = load_config("tiny_256", [*small_settings, "model.num_classes=3", "model.prototype_levels=3"])
    model = build_yolact(config)
    model.get_layer("protonet").get_layer("from_p5").bias.assign(np.ones(32))
    images = np.random.default_rng(0).integers(0, 256, (1, 128, 128, 3), dtype="uint8")
    model.save(tmp_path / "model.keras")
    reloaded = keras.models.load_model(tmp_path / "model.keras")
    assert_allclose(reloaded(images)["prototypes"], model(images)["prototypes"], atol=1e-5)


@pytest.mark.parametrize("received", ["0", "4"])
def test_one_to_three_levels_are_expected(received):
    with pytest.raises(ValueError) as caught:
        load_config("tiny_256", [f"model.prototype_levels={received}"])
    assert str(caught.value) == f"`model.prototype_levels` must be one of [1, 2, 3]. Received: {received}"
