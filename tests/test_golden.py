"""The two ResNet-101 networks from input to losses and detections, against numbers of the original.

Weights, input and objects follow from formulas and the original's results are literals below, so that
nothing outside this file is needed.
"""

import zlib
from dataclasses import replace

import keras
import numpy as np
import pytest
from numpy.testing import assert_allclose

from tests.reference import first_alone
from yolact_tf.boxes import clip
from yolact_tf.detect.detection_model import DetectionModel
from yolact_tf.losses.objective import YolactLoss
from yolact_tf.losses.targets import match_anchors
from yolact_tf.mask_windows import upsample_to_image
from yolact_tf.model import build_yolact
from yolact_tf.preprocess import RGB_MEAN, RGB_STD
from yolact_tf.recipes import load_config
from yolact_tf.runs import untrained
from yolact_tf.weights.published import RECIPE_OF, load_reference, reference_slots

# mean, deviation: of the whole tensor.  [i]: of anchor 1000.
GOLDEN = {
    "yolact_base": {
        "c5": (0.411172, 0.492058),
        "p3": (1.147338, 1.731283),
        "p7": (0.035724, 1.545153),
        "box_deltas": (-0.350362, 3.541263),
        "class_logits": (-0.203605, 2.546811),
        "mask_coefficients": (-0.026127, 0.837491),
        "prototypes": (0.997644, 1.270574),
        "semantic_logits": (-0.123292, 2.768934),
        "box_deltas[1000]": (-5.936474, 1.930114, -6.753184, 4.062354),
        "class_logits[1000]": (3.633741, -2.080887, -3.392337),
        "mask_coefficients[1000]": (-0.999982, -0.978213, -0.814221),
        "prototypes[10, 20]": (0, 0.186640, 0.830187, 1.823106),
        "losses": (8.349210, 46.104351, 24.710011, 99.732666),
        "scores": (0.973342, 0.969928, 0.965542),
        "classes": (79, 79, 79),
        "box": (0.614328, 0.871191, 0.712331, 0.920698),
        "sum of scores": 95.21523,
        "mask pixels": 231_884,
        "across classes": (165, 156.55855, 377_523),
    },
    "yolact_plus_base": {
        "c5": (0.369314, 0.440450),
        "p3": (1.041966, 1.584550),
        "p7": (0.062862, 1.520328),
        "box_deltas": (-0.159695, 2.266186),
        "class_logits": (-0.072685, 2.323748),
        "mask_coefficients": (-0.043924, 0.817775),
        "prototypes": (0.857188, 1.101313),
        "semantic_logits": (-0.169546, 2.550602),
        "box_deltas[1000]": (-5.041086, 2.139830, -5.464719, 2.419856),
        "class_logits[1000]": (1.985385, -0.433204, -1.776495),
        "mask_coefficients[1000]": (-0.999792, -0.943768, -0.963627),
        "prototypes[10, 20]": (0, 0.914367, 0.954228, 1.356168),
        "losses": (7.616065, 41.198299, 17.623449, 92.399529, 0.769438),
        "scores": (0.974894, 0.972013, 0.970070),
        "mask_scores": (0.124152, 0.122032, 0.121788),
        "classes": (65, 65, 65),
        "box": (0.732804, 0.159133, 0.769056, 0.228155),
        "sum of scores": 96.07121,
        "mask pixels": 110,
        "across classes": (187, 178.96817, 248),
    },
}


def formula_tensor(key, shape):
    """Standard normal numbers of a seed that the name gives, scaled by what they are."""
    numbers = np.random.RandomState(zlib.crc32(key.encode())).standard_normal(shape)
    if len(shape) == 4:
        scale = 0.1 if "conv_offset_mask" in key else 1.0
        numbers *= scale * np.sqrt(2 / np.prod(shape[1:]))
    elif key.endswith("running_var"):
        numbers = 1 + 0.2 * np.abs(numbers)
    elif key.endswith(".weight"):
        numbers = 0.6 + 0.05 * numbers
    else:
        numbers *= 0.1
    return numbers.astype("float32")


@pytest.fixture(scope="module", params=first_alone(GOLDEN))
def golden(request):
    """(config, model, its Predictions of the formula's input, the original's numbers)."""
    config = untrained(load_config(RECIPE_OF[request.param]))
    model = build_yolact(config)
    tensors = {key: formula_tensor(key, slot.shape) for key, slot in reference_slots(model).items()}
    load_reference(model, tensors, "formula")
    normalised = np.random.RandomState(0).standard_normal((1, 3, 550, 550)).transpose(0, 2, 3, 1)
    image = (normalised * RGB_STD + RGB_MEAN).astype("float32")
    predictions = {name: np.asarray(value) for name, value in model(image).items()}
    return config, model, image, predictions, GOLDEN[request.param]


def test_features_and_predictions(golden):
    _, model, image, predictions, expected = golden
    features = model.get_layer("backbone")(image)
    levels = model.get_layer("fpn")(features)
    tensors = {**predictions, "c5": features[2], "p3": levels[0], "p7": levels[4]}
    for name, tensor in tensors.items():
        tensor = np.asarray(tensor, "float64")
        assert_allclose((tensor.mean(), tensor.std(ddof=1)), expected[name], atol=1e-4, err_msg=name)
    for name in ("box_deltas", "class_logits", "mask_coefficients"):
        row = expected[f"{name}[1000]"]
        assert_allclose(predictions[name][0, 1000, : len(row)], row, atol=1e-3, err_msg=name)
    assert_allclose(predictions["prototypes"][0, 10, 20, :4], expected["prototypes[10, 20]"], atol=1e-3)


def objects():
    """Three ellipses of classes 0, 15 and 56, and a crowd."""
    boxes = [(0.10, 0.15, 0.45, 0.60), (0.50, 0.20, 0.90, 0.50), (0.30, 0.62, 0.42, 0.80)]
    boxes = np.array([*boxes, (0.60, 0.60, 0.95, 0.95)], "float32")
    places = np.arange(550) + 0.5
    masks = []
    for x1, y1, x2, y2 in boxes * 550:
        across = (places - (x1 + x2) / 2) / ((x2 - x1) / 2)
        down = (places - (y1 + y2) / 2) / ((y2 - y1) / 2)
        masks.append(across**2 + down[:, None] ** 2 <= 1)
    return {
        "boxes": boxes[None],
        "classes": np.array([[0, 15, 56, 0]], "int32"),
        "masks": np.array([masks], "uint8"),
        "is_crowd": np.array([[False, False, False, True]]),
        "num_objects": np.array([4], "int32"),
    }


def test_losses(golden):
    config, model, _, predictions, expected = golden
    truth = {name: keras.ops.convert_to_tensor(value) for name, value in objects().items()}
    parts = YolactLoss(config).parts(truth, predictions, model.mask_rescorer)
    assert_allclose([float(value) for value in parts.values()], expected["losses"], rtol=1e-4)


def detect(model, image, config):
    """Detections of the only image as arrays, and the pixels of their masks at 640x480."""
    found = {name: np.asarray(value)[0] for name, value in DetectionModel(model, config)(image).items()}
    boxes = zip(found["masks"], np.asarray(clip(found["boxes"])), strict=True)
    return found, sum(upsample_to_image(mask, box, (480, 640))[2].sum() for mask, box in boxes)


def test_detections_across_classes(golden):
    config, model, image, _, expected = golden
    settings = replace(config.detect, nms="cross_class", max_detections=200)
    found, pixels = detect(model, image, replace(config, detect=settings))
    count, total, expected_pixels = expected["across classes"]
    assert found["num_detections"] == count
    assert_allclose(found["scores"].sum(), total, rtol=1e-5)
    assert pixels == pytest.approx(expected_pixels, rel=1e-3, abs=2)


def test_detections(golden):
    config, model, image, _, expected = golden
    found, pixels = detect(model, image, config)
    assert pixels == pytest.approx(expected["mask pixels"], rel=1e-3, abs=2)
    assert found["num_detections"] == 100
    assert_allclose(found["scores"][:3], expected["scores"], atol=1e-5)
    assert found["classes"][:3].tolist() == list(expected["classes"])
    assert_allclose(found["boxes"][0], expected["box"], atol=1e-4)
    assert_allclose(found["scores"].sum(), expected["sum of scores"], rtol=1e-5)
    if "mask_scores" in expected:
        assert_allclose(found["mask_scores"][:3], expected["mask_scores"], atol=1e-4)


@pytest.mark.parametrize(
    ("recipe", "positives", "neutrals", "per_class", "sum_of_indices", "sum_of_deltas"),
    [
        ("resnet101_550", 20, 2049, {1: 7, 16: 6, 57: 7}, 368_819, 11.01745),
        ("resnet50_550_pascal", 15, 1901, {1: 7, 16: 2, 57: 6}, 272_271, -2.25641),
        ("plus_resnet101_550", 58, 5870, {1: 15, 16: 22, 57: 21}, 3_161_831, 22.81992),
    ],
)
def test_matching(recipe, positives, neutrals, per_class, sum_of_indices, sum_of_deltas):
    anchors = YolactLoss(load_config(recipe)).anchors
    targets = match_anchors(objects(), anchors, positive_iou=0.5, negative_iou=0.4, crowd_overlap=0.7)
    classes = np.asarray(targets["classes"])[0]
    found = np.flatnonzero(classes > 0)
    assert (len(found), (classes == -1).sum(), found.sum()) == (positives, neutrals, sum_of_indices)
    assert {c: (classes == c).sum() for c in per_class} == per_class
    assert_allclose(np.asarray(targets["box_deltas"])[0, found].sum(), sum_of_deltas, rtol=1e-5)
