"""EfficientNet-Lite0 in artefacts: "same" padding at its strides, ReLU6, depthwise convolutions in int8."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter
from numpy.testing import assert_allclose

import yolact_tf
from tests.export.software_gpu import answers_on_gpu, read_answers, write_images
from yolact_tf.config import ExportRecipe
from yolact_tf.export import export_run, to_litert, to_saved_model
from yolact_tf.export.gpu_graph import cpu_only_because, gpu_faults
from yolact_tf.runs import Run

pytestmark = pytest.mark.whole

SIZES = (128, 150)  # the second meets strides with even and odd sides: 150, 75, 38, 19, 10, 5


@pytest.fixture(scope="module")
def runs(small_settings):
    """{image size: Run} of small networks whose batch norm has something to do."""
    made = {}
    for size in SIZES:
        settings = ["model.backbone=efficientnet_lite0", "model.num_classes=6", f"data.image_size={size}"]
        config = yolact_tf.load_config("tiny_256", [*small_settings, *settings])
        keras.utils.set_random_seed(size)
        model = yolact_tf.build_yolact(config)
        rng = np.random.default_rng(size)
        for variable in model.get_layer("backbone").variables:
            if variable.path.endswith("moving_mean"):
                variable.assign(rng.normal(0, 0.1, variable.shape))
            elif variable.path.endswith("moving_variance"):
                variable.assign(rng.uniform(0.05, 0.5, variable.shape))
        made[size] = Run(model, config, {i: f"class {i}" for i in range(6)})
    return made


@pytest.fixture(scope="module")
def heads(runs, tmp_path_factory):
    """Folder of SIZE.tflite with raw predictions, each with the image that it is asked."""
    folder = tmp_path_factory.mktemp("lite")
    for size, run in runs.items():
        to_litert(run, folder / f"{size}.tflite", "heads")
        write_images(folder / f"{size}.npz", [image_of(size)])
    return folder


def image_of(size):
    return np.random.default_rng(size).uniform(0, 255, (1, size, size, 3)).astype("float32")


def assert_equals_keras(answers, run, share=1e-4):
    """All outputs within `share` of their largest value."""
    expected = run.model(image_of(run.config.data.image_size))
    assert set(answers) <= set(expected) and len(answers) >= 4
    for name, value in answers.items():
        largest = np.abs(expected[name]).max()
        assert_allclose(value, expected[name], rtol=0, atol=share * largest, err_msg=name)


@pytest.mark.parametrize("size", SIZES)
def test_litert_pads_as_keras_does(size, runs, heads):
    runner = Interpreter(str(heads / f"{size}.tflite")).get_signature_runner("serving_default")
    assert_equals_keras(runner(image=image_of(size)), runs[size])


@pytest.mark.parametrize("driver", ["swiftshader", "lavapipe"])
def test_gpus_compute_it_rightly(driver, runs, heads):
    answers_on_gpu(heads, driver)
    for size, run in runs.items():
        assert_equals_keras(read_answers(heads / f"{size}.answers.npz")[0], run, 1e-3)


@pytest.mark.parametrize("size", SIZES)
def test_detections_are_no_less_for_gpus(size, runs, tmp_path):
    file = to_litert(runs[size], tmp_path / "detections.tflite")
    assert cpu_only_because(runs[size], "detections") == gpu_faults(file.read_bytes()) == []


@pytest.mark.parametrize(
    ("precision", "least"), [("float16", 0.99999), ("dynamic_int8", 0.98), ("int8", 0.98)]
)
def test_fewer_bits_keep_what_is_predicted(precision, least, runs, shapes_data, tmp_path):
    run = runs[128]
    recipe = ExportRecipe("litert", precision, calibration_images=8, outputs="heads")
    file = export_run(run, recipe, tmp_path / "small.tflite", shapes_data)
    answers = Interpreter(str(file)).get_signature_runner("serving_default")(image=image_of(128))
    expected = run.model(image_of(128))
    for name, value in answers.items():
        assert np.corrcoef(value.ravel(), np.asarray(expected[name]).ravel())[0, 1] >= least, name


def test_a_saved_model_of_it(runs, tmp_path):
    folder = to_saved_model(runs[150], tmp_path / "model")
    signatures = tf.saved_model.load(str(folder / "1")).signatures
    image = image_of(150).astype("uint8")
    expected = runs[150].model(image)
    for name, value in signatures["raw"](images=tf.constant(image)).items():
        assert_allclose(value, expected[name], atol=1e-5, err_msg=name)
