"""Counts against published ones, and against the graph that LiteRT runs."""

from collections import Counter

import pytest

import yolact_tf
from yolact_tf.explain.network_parts import parts_of
from yolact_tf.explain.tflite_parts import parts_of_tflite
from yolact_tf.recipes import load_config
from yolact_tf.runs import untrained


def parts(recipe, *settings):
    config = untrained(load_config(recipe, settings))
    return {part.name: part for part in parts_of(yolact_tf.build_yolact(config), 100)}


@pytest.mark.whole
@pytest.mark.parametrize(
    "recipe, published",
    [
        # torchvision's table of classification models (GFLOPS there are multiply-adds), less the classifier.
        ("resnet50_550", 4.089e9 - 2048 * 1000),
        ("resnet101_550", 7.801e9 - 2048 * 1000),
        # Sandler et al. 2018, table 4, less the classifier.
        ("mobilenetv2_320", 0.300e9 - 1280 * 1000),
    ],
)
def test_multiply_adds_of_backbones_at_224_px(recipe, published):
    backbone = parts(recipe, "data.image_size=224")["backbone"]
    assert backbone.multiply_adds == pytest.approx(published, rel=5e-3)


@pytest.mark.whole
@pytest.mark.parametrize(
    "recipe, trainable",
    [
        ("resnet101_550", 50_157_071),
        ("resnet50_550", 31_164_943),
        ("darknet53_550", 47_783_087),
        ("resnet50_550_pascal", 30_734_623),
        ("plus_resnet101_550", 52_571_142),
        ("plus_resnet50_550", 33_766_460),
    ],
)
def test_parameters_are_those_of_the_original(recipe, trainable):
    assert sum(part.parameters for part in parts(recipe).values()) == trainable


@pytest.mark.whole
def test_resnet50_550_by_hand():
    """The protonet is four 3x3 and one 1x1 convolution, and all of it takes 118 GFLOPs."""
    found = parts("resnet50_550")
    at_69, at_138 = 69 * 69 * 9 * 256 * 256, 138 * 138 * (9 * 256 * 256 + 256 * 32)
    assert found["protonet"].multiply_adds == 3 * at_69 + at_138
    assert found["semantic head"].multiply_adds == 69 * 69 * 256 * 80
    assert found["masks"].multiply_adds == 138 * 138 * 32 * 100
    inference = [part for part in found.values() if not part.only_trains]
    assert 2 * sum(part.multiply_adds for part in inference) == pytest.approx(118.4e9, rel=1e-3)


def test_a_part_is_the_sum_of_its_layers(run):
    found = parts_of(run.model, 20)
    assert [part.name for part in found][:5] == ["backbone", "FPN", "protonet", "head", "semantic head"]
    for part in found:
        assert part.parameters == sum(layer.parameters for layer in part.layers)
        assert part.multiply_adds == sum(layer.multiply_adds for layer in part.layers)
    assert sum(part.parameters for part in found) == sum(
        weight.shape.num_elements() for weight in run.model.trainable_variables
    )


@pytest.mark.whole
def test_the_rescorer_looks_at_each_detection(plus_run):
    model = yolact_tf.load_run(plus_run).model
    once, ten = (parts_of(model, count)[-1] for count in (1, 10))
    assert once.name == "mask rescorer" and ten.multiply_adds == 10 * once.multiply_adds > 0
    assert once.parameters == ten.parameters == model.mask_rescorer.count_params()


def test_litert_computes_as_much_part_by_part(run, litert_file):
    of_file = {part.name: part for part in parts_of_tflite(litert_file.read_bytes())}
    ours = {part.name: part for part in parts_of(run.model, 20)}
    for name in ("backbone", "FPN", "protonet", "head"):
        assert of_file[name].multiply_adds == ours[name].multiply_adds, name
    kinds = Counter(layer.kind for part in of_file.values() for layer in part.layers)
    assert kinds["CONV_2D"] > 10
