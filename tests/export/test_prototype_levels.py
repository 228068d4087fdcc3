"""Prototypes of P3, P4 and P5 together, in each artefact as in Keras."""

import re

import numpy as np
import pytest
import tensorflow as tf
from numpy.testing import assert_allclose

import yolact_tf
from tests.export.software_gpu import answers_on_gpu, read_answers, write_images
from yolact_tf.export import to_litert, to_saved_model
from yolact_tf.export.calibration import CalibrationImages
from yolact_tf.export.gpu_graph import gpu_faults
from yolact_tf.export.quantization import Quantization
from yolact_tf.export.tflite_graph import read_operations
from yolact_tf.runs import Run

pytestmark = pytest.mark.whole


def run_of(small_settings, channels):
    settings = ["model.num_classes=6", "model.prototype_levels=3", f"data.channels={channels}"]
    config = yolact_tf.load_config("tiny_256", [*small_settings, *settings])
    model = yolact_tf.build_yolact(config)
    draws = np.random.default_rng(0)
    for name in ("from_p4", "from_p5"):
        kernel = model.get_layer("protonet").get_layer(name).kernel
        kernel.assign(draws.normal(0, 0.2, kernel.shape))
    return Run(model, config, {i: str(i) for i in range(1, 7)})


@pytest.fixture(scope="module")
def run(small_settings):
    return run_of(small_settings, 3)


@pytest.fixture(scope="module")
def image():
    return np.random.default_rng(1).integers(0, 256, (1, 128, 128, 3), dtype="uint8")


@pytest.fixture(scope="module")
def prototypes(run, image):
    found = np.asarray(run.model(image)["prototypes"])
    for name in ("from_p4", "from_p5"):  # so that a level that is lost would show
        kernel = run.model.get_layer("protonet").get_layer(name).kernel
        kept = np.array(kernel)
        kernel.assign(0 * kept)
        assert np.abs(np.asarray(run.model(image)["prototypes"]) - found).max() > 0.05 * found.max()
        kernel.assign(kept)
    return found


def answers(content, image):
    from ai_edge_litert.interpreter import Interpreter

    runner = Interpreter(model_content=content, num_threads=2).get_signature_runner("serving_default")
    return runner(image=image.astype("float32"))["prototypes"]


@pytest.fixture(scope="module")
def heads(run, tmp_path_factory):
    return to_litert(run, tmp_path_factory.mktemp("levels") / "heads.tflite", "heads").read_bytes()


def test_litert_computes_them_on_what_gpus_compute_rightly(heads, image, prototypes):
    assert_allclose(answers(heads, image), prototypes, atol=1e-4 * prototypes.max())
    assert gpu_faults(heads) == []


@pytest.mark.parametrize("channels", [1, 3])
def test_a_gpu_computes_them_of_grey_and_of_colours(channels, small_settings, image, tmp_path):
    file = to_litert(run_of(small_settings, channels), tmp_path / "heads.tflite", "heads")
    shown = image[..., :channels].astype("float32")
    write_images(file.with_suffix(".npz"), [shown])
    answers_on_gpu(tmp_path, "swiftshader")
    (found,) = read_answers(file.with_suffix(".answers.npz"))
    expected = answers(file.read_bytes(), shown)
    assert_allclose(found["prototypes"], expected, atol=1e-3 * expected.max())


def test_int8_sums_them_in_int8(run, heads, image, prototypes, shapes_data):
    quantized = Quantization("int8", CalibrationImages(shapes_data, run.config.data, 6))(heads)
    sums = {
        re.search(r"sum_p\d", operation.outputs[0].name)[0]: operation.outputs[0].type
        for operation in read_operations(quantized)
        if operation.kind == "ADD" and "protonet" in operation.outputs[0].name
    }
    assert sums == {"sum_p4": "INT8", "sum_p5": "INT8"}
    found = answers(quantized, image)
    assert np.corrcoef(found.ravel(), prototypes.ravel())[0, 1] > 0.98


def test_saved_models_compute_them(run, image, prototypes, tmp_path):
    path = to_saved_model(run, tmp_path / "saved")
    raw = tf.saved_model.load(str(path / "1")).signatures["raw"]
    assert_allclose(raw(images=image)["prototypes"], prototypes, atol=1e-4 * prototypes.max())
