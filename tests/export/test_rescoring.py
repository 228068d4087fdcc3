"""A YOLACT++: its artefacts carry the scores of masks beside those of boxes."""

import numpy as np
import pytest
import tensorflow as tf

import yolact_tf
from tests.export.saved_model_ops import assert_server_has_ops
from yolact_tf.export import to_litert, to_saved_model
from yolact_tf.export.verify import verify
from yolact_tf.images.decoding import read_image

pytestmark = pytest.mark.whole


@pytest.fixture(scope="module")
def run(plus_run):
    return yolact_tf.load_run(plus_run)


@pytest.fixture(scope="module")
def images(shapes_data):
    return [read_image(path) for path in sorted((shapes_data / "images").glob("val_*"))]


@pytest.fixture(scope="module")
def saved_model(run, tmp_path_factory):
    return to_saved_model(run, tmp_path_factory.mktemp("export") / "plus")


@pytest.fixture(scope="module")
def tflite(run, tmp_path_factory):
    return to_litert(run, tmp_path_factory.mktemp("export") / "plus.tflite")


@pytest.mark.parametrize("artefact", ["saved_model", "tflite"])
def test_artefacts_rescore_as_the_run_does(artefact, run, images, request):
    differences, compared = verify(request.getfixturevalue(artefact), run, images)
    assert compared
    assert {"saved_model": "tensors: mask scores", "tflite": "serving_default: mask scores"}[artefact] in [
        row.output for row in differences
    ]
    assert all(row.passes for row in differences), differences


def test_rescoring_needs_only_ops_of_tensorflow_2_20(saved_model):
    assert_server_has_ops(saved_model)


def test_heads_leave_rescoring_to_the_caller(run, images, tmp_path):
    path = to_litert(run, tmp_path / "heads.tflite", "heads")
    assert yolact_tf.Detector.from_artefact(path)(images[0]).rescored is None
    differences, compared = verify(path, run, images)
    assert compared and all(row.passes for row in differences), differences


@pytest.mark.parametrize("signature", ["serving_default", "png", "explore", "tensors"])
def test_every_signature_with_detections_has_mask_scores(signature, saved_model, run, images):
    function = tf.saved_model.load(str(saved_model / "1")).signatures[signature]
    image = images[0][None] if signature == "tensors" else [tf.io.encode_png(images[0]).numpy()]
    name = "images" if signature == "tensors" else "image_bytes"
    found = function(**{name: tf.constant(image)})
    count = int(found["num_detections"][0])
    scores, rescored = (found[name].numpy()[0] for name in ("scores", "mask_scores"))
    expected = yolact_tf.Detector(run)(images[0])
    np.testing.assert_allclose(rescored[:count], expected.mask_scores[:count], atol=1e-3)
    assert not rescored[count:].any()
    assert count and (np.abs(rescored - scores)[:count] > 1e-3).any()


def test_an_empty_batch_is_answered(saved_model):
    signatures = tf.saved_model.load(str(saved_model / "1")).signatures
    for name in ("serving_default", "png"):
        assert signatures[name](image_bytes=tf.zeros([0], tf.string))["mask_scores"].shape == (0, 20)
    found = signatures["tensors"](images=tf.zeros([0, 50, 40, 3], tf.uint8))
    assert found["mask_scores"].shape == (0, 20)
