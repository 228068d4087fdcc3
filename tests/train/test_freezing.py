import keras
import numpy as np
import pytest

import yolact_tf
from yolact_tf.train.freezing import freeze


@pytest.fixture
def model(small_settings):
    return yolact_tf.build_yolact(yolact_tf.load_config("tiny_256", small_settings))


def norms(model):
    backbone = model.get_layer("backbone")
    return [layer for layer in backbone.layers if isinstance(layer, keras.layers.BatchNormalization)]


def test_nothing_is_frozen_unless_asked(model):
    count = len(model.trainable_variables)
    assert freeze(model, (), "never", 1) == [] and freeze(model, (), "auto", 6) == []
    assert len(model.trainable_variables) == count


@pytest.mark.parametrize(
    "batch_norm, images, frozen", [("auto", 5, True), ("auto", 6, False), ("always", 8, True)]
)
def test_batch_norm_freezes_where_batches_are_small(model, batch_norm, images, frozen):
    assert freeze(model, (), batch_norm, images) == (["batch norm"] if frozen else [])
    assert norms(model) and all(layer.trainable != frozen for layer in norms(model))
    if frozen:  # it then keeps its running statistics, and convolutions still learn
        layer = norms(model)[0]
        before = np.array(layer.moving_mean)
        layer(np.random.default_rng(0).normal(size=(2, 4, 4, layer.gamma.shape[0])), training=True)
        np.testing.assert_array_equal(layer.moving_mean, before)
        assert any("stem_conv" in v.path for v in model.trainable_variables)


def test_named_layers_freeze_with_all_that_is_in_them(model):
    before = len(model.trainable_variables)
    inside = len(model.get_layer("backbone").trainable_variables)
    assert freeze(model, ("backbone",), "never", 8) == ["backbone"]
    assert len(model.trainable_variables) == before - inside


def test_a_layer_within_a_part_freezes_alone(model):
    before = len(model.trainable_variables)
    freeze(model, ("backbone/stem_conv", "protonet"), "never", 8)
    assert not model.get_layer("protonet").trainable_variables
    assert model.get_layer("backbone").get_layer("stem_conv").trainable_variables == []
    assert model.get_layer("backbone").trainable_variables and len(model.trainable_variables) < before


def test_a_name_that_no_layer_has_is_refused(model):
    with pytest.raises(
        ValueError, match="must name layers of the model. Received: 'backbon'. Nearest: backbone"
    ):
        freeze(model, ("backbon",), "never", 8)
