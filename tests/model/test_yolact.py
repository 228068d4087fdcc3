import keras
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from yolact_tf.losses.objective import YolactLoss
from yolact_tf.model import build_yolact
from yolact_tf.recipes import load_config
from yolact_tf.runs import untrained
from yolact_tf.train.optimizer import build_optimizer

SMALL = ("data.image_size=128", "model.num_classes=3")


def random_images(size, count=1):
    return np.random.default_rng(0).integers(0, 256, (count, size, size, 3), dtype="uint8")


def one_object(mask_size):
    """The truth of an image that one object nearly fills."""
    return {
        "boxes": np.array([[[0.1, 0.1, 0.9, 0.9]]], "float32"),
        "classes": np.array([[1]], "int32"),
        "masks": np.ones((1, 1, mask_size, mask_size), "uint8"),
        "is_crowd": np.array([[False]]),
        "num_objects": np.array([1], "int32"),
    }


@pytest.fixture(scope="module")
def small():
    return build_yolact(load_config("tiny_256", SMALL))


def test_predictions_have_the_shapes_of_the_contract(small):
    shapes = {name: tuple(value.shape) for name, value in small(random_images(128, 2)).items()}
    anchors = 3 * (16**2 + 8**2 + 4**2 + 2**2 + 1)
    assert shapes == {
        "class_logits": (2, anchors, 4),
        "box_deltas": (2, anchors, 4),
        "mask_coefficients": (2, anchors, 16),
        "prototypes": (2, 32, 32, 16),
        "semantic_logits": (2, 16, 16, 3),
    }
    assert small.anchors.shape == (anchors, 4)
    assert small.anchors.dtype == np.float32


def test_ranges_of_the_activations(small):
    predictions = small(random_images(128))
    assert np.abs(predictions["mask_coefficients"]).max() <= 1
    assert np.min(predictions["prototypes"]) >= 0


def test_uint8_and_float_images_are_the_same(small):
    images = random_images(128)
    for name, value in small(images).items():
        assert_allclose(value, small(images.astype("float32"))[name], atol=1e-6)


def test_saving_and_reloading_changes_nothing(small, tmp_path):
    small.save(tmp_path / "model.keras")
    reloaded = keras.models.load_model(tmp_path / "model.keras")
    images = random_images(128)
    for name, value in small(images).items():
        assert_allclose(reloaded(images)[name], value, atol=1e-6)
    assert_allclose(reloaded.anchors, small.anchors)


def test_weights_fit_a_model_built_anew(small, tmp_path):
    small.save_weights(tmp_path / "a.weights.h5")
    other = build_yolact(load_config("tiny_256", SMALL))
    other.load_weights(tmp_path / "a.weights.h5")
    images = random_images(128)
    for name, value in small(images).items():
        assert_allclose(other(images)[name], value, atol=1e-6)


# Keras says so of an optimizer that took no step.
@pytest.mark.filterwarnings("ignore:Skipping variable loading for optimizer")
def test_a_compiled_model_reloads_ready_to_train(tmp_path):
    config = load_config("tiny_256", SMALL)
    model = build_yolact(config)
    model.compile(optimizer=build_optimizer(config), loss=YolactLoss(config))
    model.save(tmp_path / "model.keras")
    reloaded = keras.models.load_model(tmp_path / "model.keras")
    assert isinstance(reloaded.loss, YolactLoss)
    assert reloaded.loss.config == config


def test_compiling_again_replaces_the_metrics():
    config = load_config("tiny_256", SMALL)
    model = build_yolact(config)
    expected = ["loss", *YolactLoss(config).part_names, "skipped_steps"]
    for _ in range(3):
        model.compile("sgd", YolactLoss(config))
        assert [metric.name for metric in model.metrics] == expected
    model.compile("sgd", "mse")
    assert [metric.name for metric in model.metrics] == ["loss"]


def test_a_clone_knows_its_anchors_and_rescorer_and_trains():
    channels = [f"model.{part}_channels=8" for part in ("pyramid", "prototype", "head")]
    config = load_config("tiny_256", ["model.num_classes=3", "model.mask_rescoring=true", *channels])
    model = build_yolact(config)
    model.compile(build_optimizer(config, 10), YolactLoss(config), run_eagerly=True)
    clone = keras.models.clone_model(model)
    assert_array_equal(clone.anchors, model.anchors)
    assert clone.mask_rescorer.output_shape == model.mask_rescorer.output_shape
    assert clone.count_params() == model.count_params()
    before = [np.array(v) for v in clone.mask_rescorer.trainable_variables]
    history = clone.fit(random_images(256), one_object(64), verbose=0).history
    assert np.isfinite(history["mask_iou_loss"]) and history["skipped_steps"] == [0]
    assert any((np.array(v) != b).any() for v, b in zip(clone.mask_rescorer.weights, before, strict=True))


@pytest.mark.parametrize(
    ("recipe", "parameters", "anchors"),
    # The reference's own counts, semantic head included (specification §1.9).
    [("resnet50_550", 31_164_943, 19_248), ("resnet101_550", 50_157_071, 19_248)],
)
def test_published_models_have_the_published_size(recipe, parameters, anchors):
    model = build_yolact(untrained(load_config(recipe)))
    assert sum(int(np.prod(w.shape)) for w in model.trainable_weights) == parameters
    assert model.output["class_logits"].shape == (None, anchors, 81)
    assert model.output["prototypes"].shape == (None, 138, 138, 32)
    assert model.output["semantic_logits"].shape == (None, 69, 69, 80)


def test_mobilenet_builds_and_predicts():
    model = build_yolact(untrained(load_config("mobilenetv2_320", ["data.image_size=96"])))
    predictions = model(random_images(96))
    assert predictions["prototypes"].shape == (1, 24, 24, 24)
    assert np.isfinite(predictions["class_logits"]).all()


def test_mixed_precision_keeps_outputs_in_float32():
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = build_yolact(load_config("tiny_256", SMALL))
    finally:
        keras.config.set_dtype_policy("float32")
    for name, value in model(random_images(128)).items():
        assert value.dtype == "float32", name


@pytest.mark.parametrize("class_loss", ["focal", "sigmoid_focal"])
def test_focal_losses_start_from_rare_objects(class_loss):
    """Every anchor, not the first of a cell alone: an object once in a hundred times."""
    config = load_config("tiny_256", [*SMALL, f"loss.class_loss={class_loss}"])
    model = build_yolact(config)
    bias = model.get_layer("prediction_head").get_layer("class_logits_conv").bias
    logits = np.reshape(bias, (3, 4))
    if config.score_activation == "sigmoid":
        assert_allclose(1 / (1 + np.exp(-logits[:, 1:])), 0.01, rtol=1e-5)
    else:
        share = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        assert_allclose(share, [[0.99] + [0.01 / 3] * 3] * 3, rtol=1e-5)


def test_zero_coefficients_ask_for_nothing_at_first_and_learn_all_the_same():
    config = load_config("tiny_256", [*SMALL, "model.zero_coefficients=true"])
    model = build_yolact(config)
    coefficients = lambda model: np.array(model(random_images(128))["mask_coefficients"])
    assert not coefficients(model).any() and coefficients(build_yolact(load_config("tiny_256", SMALL))).all()
    model.compile(build_optimizer(config, 10), YolactLoss(config))
    model.fit(random_images(128), one_object(32), verbose=0)
    assert coefficients(model).any()


def test_an_unknown_backbone_is_refused():
    with pytest.raises(ValueError, match="`model.backbone` must be one of .*resnet50.*'vgg'"):
        build_yolact(load_config("tiny_256", ["model.backbone=vgg"]))
