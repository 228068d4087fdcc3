"""Exported artefacts against the original's numbers: a whole network each, from weights by formula.

LiteRT converts the operations of every network anew, so that each is compared. A SavedModel runs what the
Keras model runs, which equals the original's in `tests/model`: YOLACT and YOLACT++ stand for all. Heads are
the same conversion cut short: YOLACT stands for all.
"""

import numpy as np
import pytest
import tensorflow as tf

from tests.export.saved_model_ops import assert_server_has_ops
from tests.reference import (
    FORWARDS,
    WHOLE_IMAGES,
    assert_detections_equal,
    assert_found_in_image,
    assert_predictions_equal,
    formula_run,
)
from yolact_tf.detect.detector import Detector
from yolact_tf.export import to_litert, to_saved_model
from yolact_tf.export.gpu_graph import cpu_only_because, gpu_faults
from yolact_tf.weights.labels import COCO_LABELS

pytestmark = pytest.mark.whole

RANKS = {category: rank for rank, category in enumerate(COCO_LABELS)}


@pytest.fixture(scope="module", params=FORWARDS)
def reference(request, parity):
    """Name of a configuration of the original; the tests of one follow each other."""
    parity(f"forward_{request.param}")
    return request.param


@pytest.fixture(scope="module")
def saved_model(reference, tmp_path_factory):
    return to_saved_model(formula_run(reference), tmp_path_factory.mktemp("saved_model") / reference)


@pytest.fixture(scope="module")
def tflite(reference, tmp_path_factory):
    return to_litert(formula_run(reference), tmp_path_factory.mktemp("litert") / "detections.tflite")


def as_detections(found):
    """What a signature with `boxes` in 0..1 and category ids says, in the fixtures' terms."""
    found = {name: np.asarray(found[name])[0] for name in ("boxes", "scores", "classes")}
    return {**found, "classes": np.array([RANKS[category] for category in found["classes"].tolist()])}


def clipped(numbers):
    """The fixture with its boxes clipped to the image, as every artefact answers them."""
    return {**numbers, "det_box": np.clip(numbers["det_box"], 0, 1)}


@pytest.mark.parametrize("reference", WHOLE_IMAGES, indirect=True)
def test_saved_model_equals_the_reference(reference, saved_model, parity):
    numbers = parity(f"forward_{reference}")
    signatures = tf.saved_model.load(str(saved_model / "1")).signatures
    image = tf.constant(numbers["image_rgb"][None])
    assert_predictions_equal(signatures["raw"](images=image), numbers)
    found = signatures["tensors"](images=image)
    found["boxes"] /= image.shape[1]
    assert_detections_equal(as_detections(found), clipped(numbers))
    assert_server_has_ops(saved_model)


def test_litert_detections_equal_the_reference(reference, tflite, parity):
    from ai_edge_litert.interpreter import Interpreter

    numbers = parity(f"forward_{reference}")
    runner = Interpreter(str(tflite), num_threads=2).get_signature_runner("serving_default")
    found = runner(image=numbers["image_rgb"][None].astype("float32"))
    assert_detections_equal(as_detections(found), clipped(numbers))
    assert bool(gpu_faults(tflite.read_bytes())) == bool(
        cpu_only_because(formula_run(reference), "detections")
    )


@pytest.mark.parametrize("reference", ["yolact_resnet50"], indirect=True)
def test_litert_heads_equal_the_reference(reference, parity, tmp_path):
    from ai_edge_litert.interpreter import Interpreter

    numbers = parity(f"forward_{reference}")
    path = to_litert(formula_run(reference), tmp_path / "heads.tflite", "heads")
    runner = Interpreter(str(path), num_threads=2).get_signature_runner("serving_default")
    assert_predictions_equal(runner(image=numbers["image_rgb"][None].astype("float32")), numbers)


@pytest.mark.parametrize("artefact", ["saved_model", "tflite"])
@pytest.mark.parametrize("reference", WHOLE_IMAGES, indirect=True)
def test_artefacts_find_in_an_image_what_the_reference_finds(reference, artefact, parity, request):
    numbers = parity(f"e2e_{reference}")
    detector = Detector.from_artefact(request.getfixturevalue(artefact))
    assert_found_in_image(detector(numbers["image_rgb"]), numbers)
