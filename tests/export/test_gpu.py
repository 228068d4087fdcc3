"""Whole corridors on LiteRT's GPU accelerator against the same files on the CPU, image by image."""

import dataclasses
import os
import subprocess
import sys

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter
from ai_edge_quantizer import qtyping
from ai_edge_quantizer.quantizer import Quantizer
from numpy.testing import assert_allclose

import yolact_tf
from tests.export.software_gpu import answers_on_gpu, read_answers, require_driver, write_images
from tests.reference import formula_run
from yolact_tf.data.synthetic.shapes import Options, draw_scene
from yolact_tf.detect.engines import open_artefact
from yolact_tf.export import to_litert
from yolact_tf.export.quantization import Quantization
from yolact_tf.preprocess import resize_images
from yolact_tf.train.trainer import train

pytestmark = pytest.mark.whole

IMAGES = 8


def scenes(size, count=IMAGES):
    """`count` drawn images as the network takes them, [1, S, S, 3]."""
    options = Options(height=size, width=size, min_objects=3, max_objects=8, seed=0)
    drawn = [draw_scene(np.random.default_rng(number), options)[0] for number in range(count)]
    return [np.asarray(resize_images(image[None], size)) for image in drawn]


@pytest.fixture(scope="module")
def one_class_run(shapes_data, small_settings, build_once):
    """A run of another size, with one class for all shapes and one anchor a cell: 538 anchors."""
    import json
    import shutil

    def make(folder):
        data = folder.parent / "one_class_data"
        shutil.copytree(shapes_data, data)
        for split in ("train", "val"):
            content = json.loads((data / f"{split}.json").read_text())
            content["categories"] = [{"id": 7, "name": "shape"}]
            for annotation in content["annotations"]:
                annotation["category_id"] = 7
            (data / f"{split}.json").write_text(json.dumps(content))
        settings = [
            *small_settings,
            *("data.image_size=160", "anchors.ratios=1", "train.epochs=2", "train.images_per_epoch=160"),
        ]
        return train(yolact_tf.load_config("tiny_256", settings), data, folder)

    return build_once("one_class_run", make)


@pytest.fixture(scope="module")
def files(shapes_run, plus_run, one_class_run, tmp_path_factory):
    """Folder of exports by name, each with the images that it is asked."""
    folder = tmp_path_factory.mktemp("corridors")
    shapes = yolact_tf.load_run(shapes_run)
    detect = dataclasses.replace(shapes.config.detect, nms="cross_class", max_candidates=51)
    runs = {
        "shapes": shapes,
        "across classes": dataclasses.replace(
            shapes, config=dataclasses.replace(shapes.config, detect=detect)
        ),
        "rescored": yolact_tf.load_run(plus_run),
        "one class": yolact_tf.load_run(one_class_run),
    }
    for name, run in runs.items():
        to_litert(run, folder / f"{name}.tflite")
        write_images(folder / f"{name}.npz", scenes(run.config.data.image_size))
    assert len(runs["one class"].model.anchors) % 4 == 2 and len(shapes.model.anchors) % 4 == 3
    return folder


@pytest.mark.parametrize("driver", ["swiftshader", "lavapipe"])
def test_float32_on_a_gpu_answers_what_the_cpu_does(driver, files):
    answers_on_gpu(files, driver)
    for file in files.glob("*.tflite"):
        assert_answers_equal(file)


def test_float16_on_a_gpu_finds_the_same_objects(files):
    answers_on_gpu(files, "lavapipe", float16=True)
    for file in files.glob("*.tflite"):
        pairs = [
            (on_cpu, on_gpu, found)
            for on_cpu, on_gpu in zip(on_the_cpu(file), on_the_gpu(file), strict=True)
            for found in partners(on_cpu, on_gpu)
        ]
        matched = [(a["masks"][0, i], b["masks"][0, j]) for a, b, (i, j) in pairs if j is not None]
        assert len(pairs) >= IMAGES and len(matched) >= 0.98 * len(pairs), file
        changed = np.mean([(mine > 0.5) != (theirs > 0.5) for mine, theirs in matched])
        assert changed <= 1e-3, file


@pytest.fixture(scope="module")
def small_files(litert_file, tmp_path_factory):
    """Folder of files with weights of fewer bits, and what the CPU answers with these weights made floats:
    {name: answers of each image}."""
    folder = tmp_path_factory.mktemp("small")
    content, images = litert_file.read_bytes(), scenes(open_artefact(litert_file).image_size, 4)
    files = {name: Quantization(name)(content) for name in ("float16", "dynamic_int8")}
    # A CPU makes int8 of the activations, too, unless the file says that weights are floats.
    in_floats = files | {"dynamic_int8": with_int8_weights_alone(content)}
    expected = {}
    for name in files:
        (folder / f"{name}.tflite").write_bytes(files[name])
        write_images(folder / f"{name}.npz", images)
        expected[name] = on_the_cpu(folder / f"{name}.tflite", in_floats[name])
    return folder, expected


@pytest.mark.parametrize("driver", ["swiftshader", "lavapipe"])
def test_weights_of_fewer_bits_are_computed_in_floats(driver, small_files):
    folder, expected = small_files
    answers_on_gpu(folder, driver)
    for name, answers in expected.items():
        assert_answers_equal(folder / f"{name}.tflite", answers)


@pytest.mark.parametrize("driver", ["lavapipe"])
def test_a_published_network_on_a_gpu_answers_what_the_cpu_does(driver, parity, tmp_path):
    image = parity("forward_yolact_resnet50")["image_rgb"][None].astype("float32")
    file = to_litert(formula_run("yolact_resnet50"), tmp_path / "resnet50_550.tflite")
    write_images(tmp_path / "resnet50_550.npz", [image])
    answers_on_gpu(tmp_path, driver)
    assert_answers_equal(file)


def test_a_file_for_cpus_is_refused_with_its_reason(shapes_run, tmp_path):
    run = yolact_tf.load_run(shapes_run)
    detect = dataclasses.replace(run.config.detect, nms="traditional")
    greedy = dataclasses.replace(run, config=dataclasses.replace(run.config, detect=detect))
    file = to_litert(greedy, tmp_path / "greedy.tflite")
    with pytest.raises(ValueError, match="greedy.tflite: .* one for CPUs: .'traditional NMS is a loop"):
        open_artefact(file, accelerator="gpu")


def test_a_machine_without_a_gpu_is_told_so(litert_file, tmp_path):
    # A process of its own, since LiteRT looks for a GPU once.
    script = (
        "from yolact_tf.detect.engines import MissingGpu, open_artefact\n"
        f"try: open_artefact({str(litert_file)!r}, accelerator='gpu')\n"
        "except MissingGpu as error: print(error)"
    )
    variables = {**os.environ, "VK_ICD_FILENAMES": str(tmp_path / "none.json")}
    done = subprocess.run([sys.executable, "-c", script], env=variables, capture_output=True, text=True)
    assert "Expected a GPU with a driver that LiteRT can use" in done.stdout
    assert "DestroyAccelerator" not in done.stderr  # nor anything else of what LiteRT tells of itself


def test_a_detector_on_a_gpu_finds_what_one_on_the_cpu_does(litert_file, monkeypatch):
    for name, value in require_driver("swiftshader").items():
        monkeypatch.setenv(name, value)
    image = scenes(200, 1)[0][0].astype("uint8")
    expected = yolact_tf.Detector.from_artefact(litert_file)(image)
    received = yolact_tf.Detector.from_artefact(litert_file, accelerator="gpu")(image)
    assert len(expected) and expected.class_names == received.class_names
    assert_allclose(received.boxes, expected.boxes, atol=1e-3)
    assert (received.masks != expected.masks).mean() < 1e-4


def with_int8_weights_alone(content):
    """A float32 file with the weights of dynamic_int8, of which CPUs, too, make floats."""
    quantizer = Quantizer(bytearray(content))
    for operation in ("CONV_2D", "DEPTHWISE_CONV_2D"):
        quantizer.add_weight_only_config(".", qtyping.TFLOperationName(operation), num_bits=8)
    return bytes(quantizer.quantize(enable_progress_bar=False, enable_progress_report=False).quantized_model)


def assert_answers_equal(file, answers=None):
    """The same detections in the same order, all numbers within 1e-3, as `answers`, by default the CPU's."""
    for expected, received in zip(answers or on_the_cpu(file), on_the_gpu(file), strict=True):
        assert expected["num_detections"][0] > 0, file
        assert expected.keys() == received.keys()
        for name, value in expected.items():
            if name != "masks":
                assert_allclose(received[name], value, atol=1e-3, rtol=0, err_msg=f"{file.stem}: {name}")
        # An edge of a crop that lies on a pixel may fall on its other side.
        strays = np.abs(received["masks"] - expected["masks"]) > 1e-3
        assert strays.mean() <= 1e-3, file


def on_the_cpu(file, content=None):
    """Answers of a file, or of another's content, to the images beside the file."""
    content = content or file.read_bytes()
    run = Interpreter(model_content=content).get_signature_runner("serving_default")
    with np.load(file.with_suffix(".npz")) as images:
        return [
            {name: x.copy() for name, x in run(image=images[str(i)]).items()}
            for i in range(len(images.files))
        ]


def on_the_gpu(file):
    return read_answers(file.with_suffix(".answers.npz"))


def partners(expected, received):
    """(i, j) of each detection that the CPU is not all unsure of and the GPU's of the same class and box;
    None where there is none."""
    free = list(range(received["num_detections"][0]))
    for i in range(expected["num_detections"][0]):
        if expected["scores"][0, i] <= 0.1:
            continue
        gaps = {
            j: np.abs(received["boxes"][0, j] - expected["boxes"][0, i]).max()
            for j in free
            if received["classes"][0, j] == expected["classes"][0, i]
        }
        j = min(gaps, key=gaps.get, default=None)
        if j is not None and gaps[j] <= 0.05:
            free.remove(j)
        else:
            j = None
        yield i, j
