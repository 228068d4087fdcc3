"""Backbones of KerasHub: a preset's features, and all that a recipe does with a backbone."""

import re
import shutil
import sys
import warnings

import keras
import numpy as np
import pytest
from numpy.testing import assert_allclose

import yolact_tf
from tests.model.hub_presets import OFFSET, SCALE, csp_darknet, densenet, efficientnet, resnet, save
from yolact_tf.anchors import pyramid_sizes
from yolact_tf.model.backbones import build_backbone
from yolact_tf.model.batch_norm import BatchNormalization
from yolact_tf.model.inference import inference_network
from yolact_tf.model.places import place_of
from yolact_tf.train.freezing import freeze
from yolact_tf.train.trainer import train

pytestmark = pytest.mark.whole


def small(preset, weights="imagenet"):
    """(Config, image batch) of a small network on a preset."""
    backbone = [f"model.backbone=keras_hub:{preset}", f"model.backbone_weights={weights}"]
    images = np.random.default_rng(0).uniform(0, 255, (2, 96, 96, 3)).astype("float32")
    return yolact_tf.load_config("tiny_256", ["data.image_size=96", *backbone]), images


def places(model):
    """The place of each variable of the backbone."""
    return [place_of(variable) for variable in model.get_layer("backbone").variables]


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


def test_maps_are_found_by_stride_where_their_names_are_wrong(tmp_path):
    pytest.importorskip("keras_hub")
    save(csp_darknet(), tmp_path)
    backbone = build_backbone(f"keras_hub:{tmp_path}", 96, "random")
    assert backbone.output_shape == [(None, 12, 12, 16), (None, 6, 6, 24), (None, 3, 3, 32)]


def test_random_weights_are_not_those_of_the_preset(hub_preset):
    kernels = [
        build_backbone(f"keras_hub:{hub_preset}", 96, word).get_layer("preset").get_layer("conv1_conv").kernel
        for word in ("imagenet", "random")
    ]
    assert not np.allclose(*kernels)


def test_a_run_comes_back_without_its_preset(hub_preset, tmp_path):
    shutil.copytree(hub_preset, tmp_path / "preset")
    config, images = small(tmp_path / "preset")
    model = yolact_tf.build_yolact(config)
    yolact_tf.save_run(tmp_path / "run", model, config, {1: "a"})
    shutil.rmtree(tmp_path / "preset")
    again = yolact_tf.load_run(tmp_path / "run")
    for name, value in model(images).items():
        assert_allclose(again.model(images)[name], value, atol=1e-6)
    yolact_tf.save_run(tmp_path / "copy", again.model, again.config, again.labels)
    assert yolact_tf.load_run(tmp_path / "copy").config == again.config


def test_training_goes_on_without_preset(hub_preset, shapes_data, small_settings, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    shutil.copytree(hub_preset, tmp_path / "preset")
    settings = ["model.backbone=keras_hub:~/preset", "train.freeze=backbone:2", "train.epochs=1"]
    config = yolact_tf.load_config("tiny_256", [*small_settings, *settings, "train.images_per_epoch=8"])
    trained = train(config, shapes_data, tmp_path / "run")
    shutil.rmtree(tmp_path / "preset")
    again = train(config, shapes_data, tmp_path / "run", resume=True)
    for value, expected in zip(again.model.get_weights(), trained.model.get_weights(), strict=True):
        assert_allclose(value, expected)


@pytest.mark.parametrize("family", [resnet, efficientnet, csp_darknet, densenet])
def test_inference_computes_the_same(family, tmp_path):
    pytest.importorskip("keras_hub")
    save(family(), tmp_path)
    config, images = small(tmp_path)
    model = yolact_tf.build_yolact(config)
    for name, value in inference_network(model)(images).items():
        assert_allclose(value, model(images)[name], rtol=1e-3, atol=1e-3)


def test_halves_are_those_of_the_training(hub_preset):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        backbone = build_backbone(f"keras_hub:{hub_preset}", 96, "random")
    finally:
        keras.config.set_dtype_policy(before)
    assert backbone.get_layer("preset").get_layer("conv1_conv").compute_dtype == "bfloat16"


def test_stages_are_those_of_strides(hub_preset):
    model = yolact_tf.build_yolact(small(hub_preset)[0])
    stages = {place.path.rpartition("/")[2]: place.stage for place in places(model)}
    assert stages["conv1_conv"] == 1
    assert [stages[f"stack{n}_block0_1_conv"] for n in range(4)] == [2, 3, 4, 5]
    freeze(model, ["backbone:2"], "never")
    assert {place_of(v).stage for v in model.get_layer("backbone").trainable_variables} == {3, 4, 5}


def test_squeeze_and_excitation_is_of_the_stage_of_its_block(tmp_path):
    pytest.importorskip("keras_hub")
    save(efficientnet(), tmp_path)
    model = yolact_tf.build_yolact(small(tmp_path, "random")[0])
    stages = {}
    for place in places(model):
        block = re.search(r"block\d+", place.path)
        stages.setdefault(block and block[0], set()).add(place.stage)
    assert any("_se_" in place.path for place in places(model))
    assert [stages[f"block{n}"] for n in (1, 2, 3, 4)] == [{2}, {3}, {4}, {5}]


def test_what_is_no_such_preset_is_told_in_a_line(hub_preset, tmp_path, monkeypatch):
    save(efficientnet("unfused"), tmp_path / "composite")
    save(resnet(stages=3), tmp_path / "shallow")
    shutil.copytree(tmp_path / "shallow", tmp_path / "mixed")
    shutil.copy(hub_preset / "config.json", tmp_path / "mixed")
    for name, weights, received in (
        ("ResNet_18_imagenet", "random", r"Unknown preset identifier\. Nearest: resnet_18_imagenet, .*"),
        (tmp_path, "random", ".* has no config.json."),
        (tmp_path / "mixed", "imagenet", ".*objects could not be loaded.*"),
        (tmp_path / "composite", "random", ".*, a MBConvBlock that is made of others"),
        (tmp_path / "shallow", "random", r"\[\(24, 24\), \(12, 12\), \(6, 6\)\]"),
    ):
        with pytest.raises(ValueError) as caught, warnings.catch_warnings():
            warnings.simplefilter("error")
            build_backbone(f"keras_hub:{name}", 96, weights)
        assert re.fullmatch(f"keras_hub:{name}: expected .* Received: {received}", str(caught.value))
    monkeypatch.setitem(sys.modules, "keras_hub", None)
    with pytest.raises(ImportError, match=r"^.* needs KerasHub: pip install 'yolact_tf\[hub\]'$"):
        build_backbone(f"keras_hub:{hub_preset}", 96, "imagenet")
