"""The fused layer against Keras' own, in all that training can see."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from numpy.testing import assert_allclose

from yolact_tf.model.backbones import build_backbone
from yolact_tf.model.batch_norm import BatchNormalization

SHAPE = (3, 5, 4, 6)


@pytest.fixture
def layers():
    """(ours, Keras'), with the same weights, none of them what they begin with."""
    values = np.random.default_rng(1).uniform(0.5, 2, (4, SHAPE[-1])).astype("float32")
    made = [
        kind(momentum=0.9, epsilon=1e-5) for kind in (BatchNormalization, keras.layers.BatchNormalization)
    ]
    for layer in made:
        layer.build(SHAPE)
        layer.set_weights(values)
    return made


def learn(layer, maps, training=True):
    """(output, gradients of maps and trainable weights, moving mean and variance) after one step."""
    maps = tf.convert_to_tensor(maps)
    with tf.GradientTape() as tape:
        tape.watch(maps)
        output = layer(maps, training=training)
        # Batch norm takes a mean and a spread out of gradients; of this something is left.
        loss = tf.reduce_sum(tf.sin(tf.cast(output, "float32") * tf.range(1.0, 5.0)[:, None]))
    gradients = tape.gradient(loss, [maps, *(v.value for v in layer.trainable_variables)])
    return output, gradients, [layer.moving_mean.numpy(), layer.moving_variance.numpy()]


def maps_of(dtype="float32"):
    return np.random.default_rng(0).normal(3, 5, SHAPE).astype(dtype)


@pytest.mark.parametrize("training", [True, False])
def test_output_gradients_and_statistics_are_those_of_keras(layers, training):
    (output, gradients, averages), expected = (learn(layer, maps_of(), training) for layer in layers)
    assert_allclose(output, expected[0], rtol=1e-5, atol=1e-5)
    assert len(gradients) == 3
    for received, wanted in zip(gradients, expected[1], strict=True):
        assert_allclose(received, wanted, rtol=1e-4, atol=1e-4)
    for received, wanted in zip(averages, expected[2], strict=True):
        assert_allclose(received, wanted, rtol=1e-6)


def test_it_is_fused_where_it_learns(layers):
    def operations(layer, training):
        call = tf.function(lambda maps: layer(maps, training=training))
        graph = call.get_concrete_function(tf.TensorSpec(SHAPE)).graph
        return {operation.type for operation in graph.get_operations()}

    ours, keras_own = layers
    assert "FusedBatchNormV3" in operations(ours, True)
    assert "FusedBatchNormV3" not in operations(keras_own, True)  # or Keras has come to do it itself
    ours.trainable = False
    assert "FusedBatchNormV3" not in operations(ours, True)


def test_frozen_it_is_a_constant_map(layers):
    ours, _ = layers
    ours.trainable = False
    before = [value.copy() for value in ours.get_weights()]
    assert_allclose(ours(maps_of(), training=True), ours(maps_of(), training=False), rtol=1e-6)
    for value, old in zip(ours.get_weights(), before, strict=True):
        assert (value == old).all()


def test_halves_keep_their_type_and_float32_statistics():
    layer = BatchNormalization(dtype="mixed_bfloat16")
    maps = tf.cast(maps_of() * 1e3, "bfloat16")
    output = layer(maps, training=True)
    assert output.dtype == tf.bfloat16
    seen = tf.cast(maps, "float32").numpy().reshape(-1, SHAPE[-1])
    assert_allclose(layer.moving_variance.numpy(), 0.99 + 0.01 * seen.var(axis=0), rtol=1e-5)


@pytest.mark.parametrize("name", ["slim_resnet", "mobilenetv2", "efficientnet_lite0"])
def test_backbones_are_made_of_it(name):
    norms = [
        layer
        for layer in build_backbone(name, 64, "random")._flatten_layers(include_self=False)
        if isinstance(layer, keras.layers.BatchNormalization)
    ]
    assert norms and all(isinstance(layer, BatchNormalization) for layer in norms)
