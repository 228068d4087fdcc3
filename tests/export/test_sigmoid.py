"""A model of the sigmoid focal loss: its scores are sigmoids, wherever it runs."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

import yolact_tf
from yolact_tf.export import to_litert
from yolact_tf.export.serving import Serving
from yolact_tf.export.verify import verify
from yolact_tf.images.decoding import read_image
from yolact_tf.preprocess import resize_images
from yolact_tf.runs import Run

SETTINGS = ("model.num_classes=3", "loss.class_loss=sigmoid_focal", "detect.score_threshold=0.001")


@pytest.fixture(scope="module")
def run(small_settings):
    config = yolact_tf.load_config("tiny_256", [*small_settings, *SETTINGS])
    return Run(yolact_tf.build_yolact(config), config, {1: "circle", 2: "square", 4: "star"})


@pytest.fixture(scope="module")
def image(shapes_data):
    return read_image(sorted((shapes_data / "images").glob("val_*"))[0])


@pytest.fixture(scope="module")
def best(run, image):
    """The sigmoid of the largest class logit, which the softmax of an untrained model is far from."""
    logits = np.asarray(run.model(resize_images(image[None], 128))["class_logits"])[0]
    best = 1 / (1 + np.exp(-logits[:, 1:].max()))
    softmax = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    assert abs(softmax[:, 1:].max() - best) > 1e-3
    return best


def test_the_best_score_of_a_detector(run, image, best):
    assert_allclose(yolact_tf.Detector(run)(image).scores[0], best, rtol=1e-5)


def test_the_best_score_of_what_saved_models_and_litert_files_trace(run, image, best):
    serving = Serving(run)
    assert_allclose(serving.tensors(image[None])["scores"][0, 0], best, rtol=1e-5)
    assert_allclose(serving.detect(resize_images(image[None], 128))["scores"][0, 0], best, rtol=1e-5)


@pytest.mark.whole
def test_the_best_score_of_litert_heads(run, image, best, tmp_path):
    path = to_litert(run, tmp_path / "heads.tflite", "heads")
    assert_allclose(yolact_tf.Detector.from_artefact(path)(image).scores[0], best, rtol=1e-4)
    differences, compared = verify(path, run, [image])
    assert compared and all(row.passes for row in differences), differences
