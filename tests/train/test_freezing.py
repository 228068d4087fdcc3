import keras
import numpy as np
import pytest

import yolact_tf
from yolact_tf.train.freezing import batch_norm_freezing, freeze
from yolact_tf.train.trainer import train


@pytest.fixture
def model(small_settings):
    return yolact_tf.build_yolact(yolact_tf.load_config("tiny_256", small_settings))


def norms(model):
    backbone = model.get_layer("backbone")
    return [layer for layer in backbone.layers if isinstance(layer, keras.layers.BatchNormalization)]


def test_nothing_is_frozen_unless_asked(model):
    count = len(model.trainable_variables)
    assert freeze(model, (), "never") == []
    assert len(model.trainable_variables) == count


@pytest.mark.parametrize(
    ("setting", "images", "expected"),
    [("auto", 5, "always"), ("auto", 6, "never"), ("always", 8, "always"), ("never", 1, "never")],
)
def test_batch_norm_freezes_where_batches_are_small(setting, images, expected):
    assert batch_norm_freezing(setting, images) == expected


def test_a_frozen_batch_norm_keeps_its_statistics_while_convolutions_learn(model):
    assert freeze(model, (), "always") == ["batch norm"]
    assert norms(model) and not any(layer.trainable for layer in norms(model))
    layer = norms(model)[0]
    before = np.array(layer.moving_mean)
    layer(np.random.default_rng(0).normal(size=(2, 4, 4, layer.gamma.shape[0])), training=True)
    np.testing.assert_array_equal(layer.moving_mean, before)
    assert any("stem_conv" in v.path for v in model.trainable_variables)


def test_named_layers_freeze_with_all_that_is_in_them(model):
    before = len(model.trainable_variables)
    inside = len(model.get_layer("backbone").trainable_variables)
    assert freeze(model, ("backbone",), "never") == ["backbone"]
    assert len(model.trainable_variables) == before - inside


def test_a_layer_within_a_part_freezes_alone(model):
    before = len(model.trainable_variables)
    freeze(model, ("backbone/stem_conv", "protonet"), "never")
    assert not model.get_layer("protonet").trainable_variables
    assert model.get_layer("backbone").get_layer("stem_conv").trainable_variables == []
    assert model.get_layer("backbone").trainable_variables and len(model.trainable_variables) < before


def test_the_first_stages_of_the_backbone_freeze_by_number(model):
    """Of the slim ResNet: the stem, of stride 4, and the stage of stride 8."""
    assert freeze(model, ("backbone:3",), "never") == ["backbone:3"]
    frozen = {
        layer.name for layer in model.get_layer("backbone").layers if layer.variables and not layer.trainable
    }
    assert {name.partition("_")[0] for name in frozen} == {"stem", "stage0"}
    assert len(frozen) == 12


@pytest.mark.parametrize("name", ["backbone:1", "backbone:x", "fpn:2"])
def test_stages_without_layers_are_refused_with_those_that_have_some(model, name):
    message = f"Received: '{name}'. Nearest: backbone:2, backbone:3, backbone:4, backbone:5$"
    with pytest.raises(ValueError, match=message):
        freeze(model, (name,), "never")


def test_a_name_that_no_layer_has_is_refused(model):
    with pytest.raises(
        ValueError, match="must name layers of the model. Received: 'backbon'. Nearest: backbone"
    ):
        freeze(model, ("backbon",), "never")


def test_what_thaws_must_be_frozen_first(shapes_data, small_settings, tmp_path):
    config = yolact_tf.load_config("tiny_256", [*small_settings, "train.thaw_at=0.5"])
    with pytest.raises(
        ValueError, match="`train.freeze` must name what `train.thaw_at` thaws. Received: nothing"
    ):
        train(config, shapes_data, tmp_path / "run")
    assert not (tmp_path / "run").exists()
