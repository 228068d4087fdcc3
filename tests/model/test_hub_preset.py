"""Backbones of KerasHub: a preset's features, and all that a recipe does with a backbone."""

import sys

import keras
import numpy as np
import pytest
from numpy.testing import assert_allclose

import yolact_tf
from tests.model.hub_presets import OFFSET, SCALE, resnet, save
from yolact_tf.anchors import pyramid_sizes
from yolact_tf.model.backbones import build_backbone
from yolact_tf.model.batch_norm import BatchNormalization
from yolact_tf.model.inference import inference_network
from yolact_tf.model.places import place_of
from yolact_tf.train.freezing import freeze


@pytest.fixture
def recipe(hub_preset):
    """(Config, image batch) of a small network on that backbone."""
    config = yolact_tf.load_config(
        "tiny_256",
        ["data.image_size=96", f"model.backbone=keras_hub:{hub_preset}", "model.backbone_weights=imagenet"],
    )
    return config, np.random.default_rng(0).uniform(0, 255, (2, 96, 96, 3)).astype("float32")


@pytest.mark.whole
@pytest.mark.parametrize("size", [96, 70])
def test_features_are_those_of_the_preset(hub_preset, size):
    import keras_hub

    backbone = build_backbone(f"keras_hub:{hub_preset}", size, "imagenet")
    images = np.random.default_rng(0).uniform(0, 255, (2, size, size, 3)).astype("float32")
    theirs = keras_hub.models.Backbone.from_preset(str(hub_preset))
    pyramid = keras.Model(theirs.inputs[0], theirs.pyramid_outputs)
    expected = pyramid(images * np.float32(SCALE) + np.float32(OFFSET))
    for found, level in zip(backbone(images), ("P3", "P4", "P5"), strict=True):
        assert_allclose(found, expected[level], rtol=1e-4, atol=1e-5)
    assert [shape[1] for shape in backbone.output_shape] == pyramid_sizes(size)[:3]
    norms = [layer for layer in backbone.get_layer("preset").layers if "bn" in layer.name]
    assert norms and all(isinstance(norm, BatchNormalization) for norm in norms)


@pytest.mark.whole
def test_maps_are_found_by_stride_where_their_names_are_wrong(tmp_path):
    hub = pytest.importorskip("keras_hub")
    network = hub.models.CSPNetBackbone(
        stem_filters=8,
        stem_kernel_size=3,
        stem_strides=1,
        stem_padding="same",
        stackwise_depth=[1] * 5,
        stackwise_strides=[2] * 5,
        stackwise_num_filters=[8, 8, 16, 24, 32],
        stage_type="dark",
        block_type="dark_block",
        bottle_ratio=[0.5],
        block_ratio=[1.0],
        expand_ratio=[1.0],
    )
    save(network, tmp_path)
    backbone = build_backbone(f"keras_hub:{tmp_path}", 96, "random")
    assert backbone.output_shape == [(None, 12, 12, 16), (None, 6, 6, 24), (None, 3, 3, 32)]


@pytest.mark.whole
def test_random_weights_are_not_those_of_the_preset(hub_preset):
    kernels = [
        build_backbone(f"keras_hub:{hub_preset}", 96, word).get_layer("preset").get_layer("conv1_conv").kernel
        for word in ("imagenet", "random")
    ]
    assert not np.allclose(*kernels)


@pytest.mark.whole
def test_a_run_comes_back(recipe, tmp_path):
    config, images = recipe
    model = yolact_tf.build_yolact(config)
    yolact_tf.save_run(tmp_path, model, config, {1: "a"})
    again = yolact_tf.load_run(tmp_path).model
    for name, value in model(images).items():
        assert_allclose(again(images)[name], value, atol=1e-6)


@pytest.mark.whole
def test_inference_computes_the_same(recipe):
    config, images = recipe
    model = yolact_tf.build_yolact(config)
    for name, value in inference_network(model)(images).items():
        assert_allclose(value, model(images)[name], rtol=1e-3, atol=1e-3)


@pytest.mark.whole
def test_stages_are_frozen_by_their_strides(recipe):
    model = yolact_tf.build_yolact(recipe[0])
    stages = {
        place_of(variable).path.removeprefix("backbone/preset/"): place_of(variable).stage
        for variable in model.get_layer("backbone").variables
    }
    assert stages["conv1_conv"] == 1 and stages["stack0_block0_1_conv"] == 2
    assert [stages[f"stack{n}_block0_1_conv"] for n in (1, 2, 3)] == [3, 4, 5]
    freeze(model, ["backbone:2"], "never")
    learning = {place_of(v).stage for v in model.get_layer("backbone").trainable_variables}
    assert learning == {3, 4, 5}


@pytest.mark.whole
def test_batch_norm_within_blocks_freezes_too(tmp_path):
    hub = pytest.importorskip("keras_hub")
    network = hub.models.EfficientNetBackbone(
        stackwise_width_coefficients=[1.0] * 4,
        stackwise_depth_coefficients=[1.0] * 4,
        stackwise_squeeze_and_excite_ratios=[0.25] * 4,
        stackwise_kernel_sizes=[3] * 4,
        stackwise_num_repeats=[1] * 4,
        stackwise_input_filters=[8, 8, 16, 24],
        stackwise_output_filters=[8, 16, 24, 32],
        stackwise_expansion_ratios=[1, 2, 2, 2],
        stackwise_strides=[2, 2, 2, 2],
        stackwise_block_types=["v1"] * 4,
        include_initial_padding=True,
        input_shape=(None, None, 3),
    )
    save(network, tmp_path)
    config = yolact_tf.load_config("tiny_256", ["data.image_size=96", f"model.backbone=keras_hub:{tmp_path}"])
    model = yolact_tf.build_yolact(config)
    before = len(model.get_layer("backbone").trainable_variables)
    freeze(model, [], "always")
    left = [variable.path for variable in model.get_layer("backbone").trainable_variables]
    assert len(left) < before and not any("bn" in path or "gamma" in path for path in left)


@pytest.mark.whole
def test_what_is_no_such_preset_is_told_in_a_line(hub_preset, tmp_path, monkeypatch):
    hub = pytest.importorskip("keras_hub")
    for name, expected in (
        ("resnet_nonsense", "keras_hub:resnet_nonsense: .* Received: Unknown preset identifier$"),
        (str(tmp_path), "has no config.json$"),
    ):
        with pytest.raises((ValueError, OSError), match=expected) as caught:
            build_backbone(f"keras_hub:{name}", 96, "random")
        assert "\n" not in str(caught.value)
    tokens = hub.models.MiTBackbone(
        layerwise_num_heads=[1, 1, 1, 1],
        layerwise_patch_sizes=[7, 3, 3, 3],
        layerwise_strides=[4, 2, 2, 2],
        layerwise_sr_ratios=[8, 4, 2, 1],
        max_drop_path_rate=0.1,
        layerwise_depths=[1, 1, 1, 1],
        num_layers=4,
        hidden_dims=[8, 8, 8, 8],
        image_shape=(96, 96, 3),
    )
    save(tokens, tmp_path / "mit")
    with pytest.raises(ValueError, match="its layers cannot be copied. Received: Error when .*") as caught:
        build_backbone(f"keras_hub:{tmp_path / 'mit'}", 96, "random")
    assert "\n" not in str(caught.value)
    save(resnet(stages=3), tmp_path / "shallow")
    with pytest.raises(ValueError, match=r"expected maps of .*\(3, 3\)\]. Received: \[\(24, 24\)") as caught:
        build_backbone(f"keras_hub:{tmp_path / 'shallow'}", 96, "random")
    assert "\n" not in str(caught.value)
    monkeypatch.setitem(sys.modules, "keras_hub", None)
    with pytest.raises(ImportError, match=r"pip install 'yolact_tf\[hub\]'") as caught:
        build_backbone(f"keras_hub:{hub_preset}", 96, "imagenet")
    assert "\n" not in str(caught.value)
