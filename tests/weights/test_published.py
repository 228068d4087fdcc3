import logging

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from tests.weights.pth_writer import tensor, write_stream
from yolact_tf.model import build_yolact
from yolact_tf.recipes import load_config
from yolact_tf.weights.published import (
    load_reference,
    read_reference,
    reference_slots,
    warn_of_other_recipe,
)
from yolact_tf.weights.transfer import named_variables


def small_model(recipe, size=64):
    """A model of `recipe` at a small size, which no weight depends on."""
    return build_yolact(load_config(recipe, [f"data.image_size={size}", "model.backbone_weights=random"]))


def ones(model):
    """The original's state dict for `model`, every tensor all ones."""
    return {key: np.ones(slot.shape, "float32") for key, slot in reference_slots(model).items()}


def backbone_file(model):
    """What torchvision calls the tensors of `model`'s backbone, with its classifier."""
    tensors = {}
    for key, value in ones(model).items():
        if key.startswith("backbone.") and "conv_offset_mask" not in key and "conv2.bias" not in key:
            name = key.removeprefix("backbone.")
            if name.startswith("layers."):
                name = f"layer{int(name[7]) + 1}{name[8:]}"
            tensors[name] = value
    return {**tensors, "fc.weight": np.ones((1000, 2048)), "fc.bias": np.ones(1000)}


def stored(path, tensors):
    return write_stream(path, {name: tensor(value) for name, value in tensors.items()})


@pytest.fixture(scope="module")
def resnet50():
    return small_model("resnet50_550")


def test_leftovers_of_old_checkpoints_are_accounted_for(resnet50, tmp_path):
    leftovers = {
        "backbone.bn1.num_batches_tracked": np.ones(()),
        "backbone.layer1.0.conv1.weight": np.ones((1, 1, 1, 1)),
        "fpn.downsample_layers.2.weight": np.ones((1, 1, 1, 1)),
        "fpn.downsample_layers.3.bias": np.ones(1),
    }
    path = stored(tmp_path / "old.pth", {**ones(resnet50), **leftovers})
    result = load_reference(resnet50, read_reference(path), path)
    assert (result.loaded, result.fresh) == (len(resnet50.weights), ())
    for variable in resnet50.weights:
        assert (np.asarray(variable) == 1).all()


@pytest.mark.whole
@pytest.mark.parametrize(
    ("recipe", "size"), [("resnet50_550", 64), ("plus_resnet50_550", 256), ("darknet53_550", 64)]
)
def test_an_imagenet_backbone_fills_the_backbone_and_nothing_else(recipe, size, tmp_path):
    model = small_model(recipe, size)
    before = {name: np.array(v) for name, v in named_variables(model).items()}
    tensors = backbone_file(model)
    if recipe == "darknet53_550":  # the original's own file: our keys without their prefix
        tensors = {
            key.removeprefix("backbone."): value
            for key, value in ones(model).items()
            if key.startswith("backbone.")
        }
    path = stored(tmp_path / "backbone.pth", tensors)
    result = load_reference(model, read_reference(path), path)
    for (part, name), variable in named_variables(model).items():
        is_offset = "offset_modulation" in name or name.endswith("conv2/bias")
        if part == "backbone" and not is_offset:
            assert (np.asarray(variable) == 1).all(), name
        else:
            assert_array_equal(variable, before[part, name])
    assert "fpn/lateral_p5" in result.fresh and "backbone/stem_conv" not in result.fresh
    assert result.loaded == len(tensors) - 2 * ("fc.bias" in tensors)


def test_a_file_of_another_recipe_is_refused_with_the_first_mismatches(resnet50):
    tensors = ones(resnet50)
    tensors["prediction_layers.0.bbox_layer.weight"] = np.ones((36, 256, 3, 3))
    del tensors["fpn.lat_layers.0.bias"]
    with pytest.raises(ValueError) as caught:
        load_reference(resnet50, tensors, "plus.pth")
    assert str(caught.value) == (
        "plus.pth: 2 tensors do not fit the recipe: "
        "fpn.lat_layers.0.bias: expected (256,), received none; "
        "prediction_layers.0.bbox_layer.weight: expected (12, 256, 3, 3), received (36, 256, 3, 3)"
    )


def test_a_recipe_that_the_original_lacks_is_refused():
    settings = ["data.image_size=64", "model.backbone_weights=random"]
    model = build_yolact(load_config("mobilenetv2_320", settings))
    with pytest.raises(ValueError, match="The recipe must be one of the original's: .* mobilenetv2_320"):
        reference_slots(model)


@pytest.mark.parametrize(
    ("name", "warns"),
    [
        ("yolact_im700_54_800000.pth", True),
        ("yolact_base_54_800000.pth", False),
        ("yolact_base_3_1200_interrupt.pth", False),
        ("mine.pth", False),
    ],
)
def test_a_file_named_after_another_recipe_is_noticed(name, warns, caplog):
    with caplog.at_level(logging.WARNING):
        warn_of_other_recipe(f"weights/{name}", "resnet101_550")
    assert ("is named after resnet101_700" in caplog.text) == warns
