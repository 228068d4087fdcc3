import dataclasses

import keras
import numpy as np
import pytest
from numpy.testing import assert_allclose

from yolact_tf.config import ModelConfig
from yolact_tf.model.batch_norm import BatchNormalization
from yolact_tf.model.inference import inference_network
from yolact_tf.model.places import places
from yolact_tf.recipes import load_config
from yolact_tf.runs import untrained
from yolact_tf.weights.initial import build_yolact


def network(backbone, size=96, **options):
    """A narrow YOLACT whose batch norms and biases have something to say."""
    keras.utils.set_random_seed(1)
    config = untrained(load_config("tiny_256", [f"data.image_size={size}"]))
    model = ModelConfig(
        backbone=backbone,
        backbone_weights="random",
        num_classes=3,
        pyramid_channels=8,
        prototype_channels=8,
        head_channels=8,
        num_prototypes=4,
        **options,
    )
    built = build_yolact(dataclasses.replace(config, model=model))
    rng = np.random.default_rng(3)
    for variable in built.variables:
        name = variable.path.rsplit("/", 1)[-1]
        if name in ("gamma", "moving_variance"):
            variable.assign(rng.uniform(0.5, 1.5, variable.shape))
        elif name in ("beta", "moving_mean", "bias"):
            variable.assign(rng.normal(0, 0.1, variable.shape))
    return built


def norms_of(model):
    return [layer for _, layer in places(model) if isinstance(layer, keras.layers.BatchNormalization)]


def images(count=2):
    return np.random.default_rng(0).uniform(0, 255, (count, 96, 96, 3)).astype("float32")


@pytest.mark.parametrize(
    "backbone",
    [
        "slim_resnet",
        "efficientnet_lite0",
        pytest.param("mobilenetv2", marks=pytest.mark.whole),
        pytest.param("darknet53", marks=pytest.mark.whole),
        pytest.param("resnet50_deformable", marks=pytest.mark.whole),
    ],
)
def test_all_batch_norms_are_folded_and_outputs_stay(backbone):
    model = network(backbone)
    folded = inference_network(model)
    assert norms_of(model) and not norms_of(folded)
    expected, received = model(images(), training=False), folded(images(), training=False)
    for name, values in expected.items():
        scale = np.abs(values).max()
        assert scale > 0
        assert_allclose(received[name], values, atol=1e-4 * scale, err_msg=name)


def test_what_else_a_network_has_is_copied():
    model = network("slim_resnet", size=256, mask_rescoring=True)
    folded = inference_network(model)
    assert folded.anchor_settings == model.anchor_settings
    assert folded.input_shape == model.input_shape and folded.output_shape == model.output_shape
    rescorers = [m.mask_rescorer.get_weights() for m in (model, folded)]
    assert rescorers[0]
    for ours, copied in zip(*rescorers, strict=True):
        assert (ours == copied).all()


def test_a_network_without_batch_norm_is_a_copy():
    model = network("resnet101_gn")
    folded = inference_network(model)
    for ours, copied in zip(model.get_weights(), folded.get_weights(), strict=True):
        assert (ours == copied).all()


def test_a_model_is_copied_without_what_trains_it():
    model = network("slim_resnet")
    model.compile("adam", loss=lambda truth, predictions: 0.0)  # which nothing could copy
    model.optimizer.build(model.trainable_variables)
    copy = inference_network(model)
    assert model.compiled and not copy.compiled
    expected, received = model(images(), training=False), copy(images(), training=False)
    assert_allclose(received["prototypes"], expected["prototypes"], atol=1e-4)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_what_trained_in_halves_is_copied_in_the_precision_asked_for(precision):
    keras.config.set_dtype_policy("mixed_float16")
    try:
        model = network("slim_resnet", size=256, mask_rescoring=True)
        copy = inference_network(model, precision)
    finally:
        keras.config.set_dtype_policy("float32")
    of = {path: layer.compute_dtype for path, layer in ((p.path, layer) for p, layer in places(copy))}
    assert of["backbone/normalise"] == of["prototypes"] == "float32"
    assert of["backbone/stem_conv"] == of["prediction_head/class_logits_conv"] == precision
    assert {layer.compute_dtype for layer in copy.mask_rescorer.layers if layer.weights} == {"float32"}


def test_neither_follows_the_other():
    model = network("slim_resnet")
    before = [w.copy() for w in model.get_weights()]
    folded = inference_network(model)
    expected = folded(images(), training=False)["class_logits"]
    for value, old in zip(model.get_weights(), before, strict=True):
        assert (value == old).all()
    model.set_weights([w * 2 for w in before])
    assert_allclose(folded(images(), training=False)["class_logits"], expected)


def test_a_batch_norm_stays_where_folding_would_change_what_others_read():
    features = keras.Input((8, 8, 3))
    conv, shared = keras.layers.Conv2D(3, 1), BatchNormalization()
    of_no_convolution = BatchNormalization()(keras.layers.ReLU()(features))
    read_twice = keras.layers.Conv2D(3, 1)(features)
    told = keras.layers.Conv2D(3, 1)(features)
    outputs = [
        of_no_convolution,
        BatchNormalization()(read_twice) + read_twice,
        told,
        BatchNormalization()(told),
        shared(conv(features)) + shared(keras.layers.Conv2D(3, 1)(features)),
        BatchNormalization()(keras.layers.Conv2D(3, 1, activation="relu")(features)),
    ]
    assert len(norms_of(inference_network(keras.Model(features, outputs)))) == 5
    folded = keras.Model(
        features, BatchNormalization(scale=False, center=False)(keras.layers.Conv2D(3, 1)(features))
    )
    assert not norms_of(inference_network(folded))


@pytest.mark.parametrize("backbone", ["slim_resnet", "efficientnet_lite0"])
def test_bfloat16_is_of_maps_and_weights_not_of_pixels_and_outputs(backbone):
    model = network(backbone)
    coarse = inference_network(model, "bfloat16")
    assert {str(v.dtype) for v in coarse.trainable_variables} == {"bfloat16"}
    normalise = coarse.get_layer("backbone").get_layer("normalise")
    assert normalise.compute_dtype == "float32"
    expected, received = model(images(), training=False), coarse(images(), training=False)
    for name, values in expected.items():
        assert keras.backend.standardize_dtype(received[name].dtype) == "float32"
        difference = np.abs(received[name] - values)
        # Eight bits of mantissa, through some dozens of layers; and not the float32 network after all.
        assert 1e-4 < difference.mean() / np.abs(values).mean() < 0.05, name
