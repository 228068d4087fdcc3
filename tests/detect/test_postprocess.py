import numpy as np
import pytest
import tensorflow as tf
from keras import ops
from numpy.testing import assert_allclose, assert_array_equal

from tests.reference import formula_run
from yolact_tf.boxes import centers_to_corners
from yolact_tf.detect.postprocess import FEW_ANCHORS, postprocess
from yolact_tf.mask_windows import place_window, upsample_to_image


def reference_predictions(numbers, case):
    probabilities = numbers[f"{case}/in/conf"].astype("float64")
    # Softmax of log-probabilities gives them back if they sum to one; where the fixture's planted
    # rows do not, the background, which detection never reads, takes the rest.
    probabilities[..., 0] = 1 - probabilities[..., 1:].sum(-1)
    return {
        "class_logits": np.log(np.maximum(probabilities, 1e-37)).astype("float32"),
        "box_deltas": numbers[f"{case}/in/loc"],
        "mask_coefficients": numbers[f"{case}/in/mask"],
        "prototypes": numbers[f"{case}/in/proto"],
    }


def detect(numbers, case, **options):
    anchors = centers_to_corners(numbers[f"{case}/in/priors"])
    found = postprocess(reference_predictions(numbers, case), anchors, **options)
    found = {name: ops.convert_to_numpy(value)[0] for name, value in found.items()}
    return found, int(found["num_detections"])


OPTIONS = {
    "fast": {},
    "cc": {"nms": "cross_class", "max_detections": 200},
    "fast_topk15": {"max_candidates": 15},
    "trad": {"nms": "traditional", "image_size": 550},
}


@pytest.mark.whole
@pytest.mark.parametrize(
    ("case", "option"),
    [
        ("main", "fast"),
        ("main", "cc"),
        ("main", "fast_topk15"),
        ("main", "trad"),
        ("single", "fast"),
        ("single", "cc"),
        ("single", "trad"),
    ],
)
def test_detections_equal_the_reference(parity, case, option):
    numbers = parity("detect")
    found, count = detect(numbers, case, **OPTIONS[option])
    expected = {name: numbers[f"{case}/{option}/{name}"] for name in ("box", "score", "class", "mask")}
    assert count == len(expected["score"])
    # As sets: order them by class and score, since equal scores may change places.
    ours = np.lexsort([found["scores"][:count], found["classes"][:count]])
    theirs = np.lexsort([expected["score"], expected["class"]])
    assert_array_equal(found["classes"][ours], expected["class"][theirs])
    assert_allclose(found["scores"][ours], expected["score"][theirs], atol=1e-5)
    assert_allclose(found["boxes"][ours], expected["box"][theirs], atol=1e-5)
    assert_allclose(found["coefficients"][ours], expected["mask"][theirs], atol=1e-6)


@pytest.mark.parametrize(
    ("case", "option"), [("main", "fast"), ("single", "fast"), ("main", "cc"), ("main", "trad")]
)
def test_masks_at_image_size_equal_the_reference(parity, case, option):
    numbers = parity("detect")
    found, count = detect(numbers, case, **OPTIONS[option])
    prefix = f"{case}/{option}/post_crop_t0"
    allowed = numbers[f"{prefix}/pixels_within_1e-4_of_half"]
    for i in range(count):
        expected = np.unpackbits(numbers[f"{prefix}/mask_packed"][i])[: 480 * 640].reshape(480, 640)
        window = upsample_to_image(found["masks"][i], found["boxes"][i], (480, 640))
        mask = place_window(*window, (480, 640))
        # Equal scores share a rank, so the class at this rank must agree before masks can.
        assert found["classes"][i] == numbers[f"{prefix}/class"][i]
        assert (mask != expected).sum() <= allowed[i]


def test_mask_scores_equal_the_reference(parity):
    numbers = parity("detect_plus")
    rescorer = formula_run("yolact_plus_resnet50").model.mask_rescorer
    found, count = detect(numbers, "main", mask_rescorer=rescorer)
    prefix = "main/fast/post_crop_t0"
    assert_array_equal(found["classes"][:count], numbers[f"{prefix}/class"])
    assert_allclose(found["scores"][:count], numbers[f"{prefix}/score"], atol=1e-5)
    assert_allclose(found["mask_scores"][:count], numbers[f"{prefix}/mask_score"], atol=1e-4)
    assert (np.abs(found["mask_scores"] - found["scores"]) > 1e-3).any()


def test_traditional_nms_needs_the_size_of_a_pixel():
    with pytest.raises(ValueError, match="Traditional NMS needs `image_size` in pixels. Received: None"):
        postprocess(random_predictions(1), random_anchors(), nms="traditional")


@pytest.mark.parametrize("option", ["fast", "cc", "trad"])
def test_no_detections(parity, option):
    found, count = detect(parity("detect"), "zero", **OPTIONS[option])
    assert count == 0
    assert (found["classes"] == -1).all()
    for name in ("scores", "boxes", "coefficients", "masks"):
        assert not found[name].any()


def random_predictions(batch, anchors=60, classes=4):
    rng = np.random.default_rng(1)
    normal = lambda *shape: rng.normal(size=shape).astype("float32")
    return {
        "class_logits": 3 * normal(batch, anchors, classes + 1),
        "box_deltas": normal(batch, anchors, 4),
        "mask_coefficients": np.tanh(normal(batch, anchors, 8)),
        "prototypes": np.maximum(normal(batch, 16, 16, 8), 0),
    }


def random_anchors(count=60):
    rng = np.random.default_rng(2)
    return np.sort(rng.uniform(0, 1, (count, 2, 2)), axis=1).reshape(count, 4).astype("float32")


def test_shapes_are_those_of_the_docstring():
    found = postprocess(random_predictions(2), random_anchors(), max_detections=7)
    shapes = {name: tuple(value.shape) for name, value in found.items()}
    assert shapes == {
        "num_detections": (2,),
        "boxes": (2, 7, 4),
        "scores": (2, 7),
        "classes": (2, 7),
        "coefficients": (2, 7, 8),
        "masks": (2, 7, 16, 16),
    }


def test_each_image_of_a_batch_is_on_its_own():
    batch = random_predictions(3)
    together = postprocess(batch, random_anchors(), max_detections=9)
    for i in range(3):
        alone = postprocess(
            {name: value[i : i + 1] for name, value in batch.items()},
            random_anchors(),
            max_detections=9,
        )
        for name, value in alone.items():
            assert_allclose(together[name][i], value[0], atol=1e-6, err_msg=name)


@pytest.mark.parametrize("rescorer", [None, lambda masks: ops.mean(masks, axis=(1, 2)) * np.ones(4, "f")])
@pytest.mark.parametrize("option", ["fast", "cc", pytest.param("trad", marks=pytest.mark.whole)])
def test_branches_change_nothing(option, rescorer):
    """Of images in which no, few, more and all anchors take part."""
    batch = random_predictions(4, anchors=1500)
    batch["class_logits"][:, :, 0] += np.array([40, 14, 9, -9], "f")[:, None]
    options = {**OPTIONS[option], "max_detections": 70, "mask_rescorer": rescorer}
    plain, branching = (
        postprocess(batch, random_anchors(1500), **options, branches=branches) for branches in (False, True)
    )
    part = (ops.convert_to_numpy(ops.softmax(batch["class_logits"]))[..., 1:].max(2) > 0.05).sum(1)
    assert [sum(few < taking for few in FEW_ANCHORS) for taking in part] == [0, 0, 1, 2]
    for name, value in plain.items():
        assert_array_equal(branching[name], value, err_msg=name)


@pytest.mark.parametrize("branches", [False, True])
def test_without_tail_nothing_scores_less_than_the_threshold(branches):
    rescorer = lambda masks: ops.mean(masks, axis=(1, 2)) * np.ones(4, "f")
    batch = random_predictions(2, anchors=200)
    options = {"score_threshold": 0.4, "max_detections": 400, "mask_rescorer": rescorer, "branches": branches}
    whole = postprocess(batch, random_anchors(200), **options)
    cut = postprocess(batch, random_anchors(200), **options, tail=False)
    is_kept = ops.convert_to_numpy(whole["scores"]) > 0.4
    counts = is_kept.sum(1)
    assert (counts > 0).all() and (counts < ops.convert_to_numpy(whole["num_detections"])).all()
    assert_array_equal(cut.pop("num_detections"), counts)
    for name, value in cut.items():
        expected = ops.convert_to_numpy(whole[name]).copy()
        expected[~is_kept] = -1 if name == "classes" else 0
        assert_array_equal(value, expected, err_msg=name)


def test_more_slots_than_candidates_are_padded():
    found = postprocess(random_predictions(1, anchors=3), random_anchors(3), max_detections=40)
    count = int(found["num_detections"][0])
    assert 0 < count <= 12
    assert not np.asarray(found["masks"])[0, count:].any()


def test_a_score_equal_to_the_threshold_is_dropped():
    even = {**random_predictions(1, anchors=1, classes=1), "class_logits": np.zeros((1, 1, 2), "f")}
    for threshold, count in ((0.5, 0), (0.49, 1)):
        found = postprocess(even, random_anchors(1), score_threshold=threshold)
        assert int(found["num_detections"][0]) == count


def test_scores_are_softmax_or_sigmoid_of_the_logits():
    batch = {**random_predictions(1, anchors=1, classes=2), "class_logits": np.array([[[1, 2, 0]]], "f")}
    expected = {"softmax": [np.e**2 / (np.e + np.e**2 + 1), 1 / (np.e + np.e**2 + 1)]}
    expected["sigmoid"] = [1 / (1 + np.e**-2), 0.5]
    for activation, scores in expected.items():
        found = postprocess(batch, random_anchors(1), score_activation=activation)
        assert_allclose(found["scores"][0, :2], scores, rtol=1e-5)


def test_it_compiles_under_xla():
    batch = {name: tf.constant(value) for name, value in random_predictions(1).items()}
    plain = postprocess(batch, random_anchors())
    compiled = tf.function(lambda b: postprocess(b, random_anchors()), jit_compile=True)(batch)
    for name, value in plain.items():
        assert_allclose(compiled[name], value, atol=1e-5, err_msg=name)


def test_an_unknown_nms_is_refused():
    with pytest.raises(ValueError, match="`nms` must be one of .*fast.*Received: 'slow'"):
        postprocess(random_predictions(1), random_anchors(), nms="slow")


def test_an_unknown_activation_is_refused():
    with pytest.raises(ValueError, match="`score_activation` must be one of .*Received: 'tanh'"):
        postprocess(random_predictions(1), random_anchors(), score_activation="tanh")
