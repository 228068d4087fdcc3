import base64
import contextlib
import http.client
import io
import json
import re
import shutil
import subprocess
import sys
import zipfile
from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter
from numpy.testing import assert_allclose, assert_array_equal
from PIL import Image, ImageOps
from pycocotools import mask as coco_mask

import yolact_tf
from tests.export.saved_model_ops import OPS_OF_2_20, assert_server_has_ops
from tests.image_bombs import gif, png_header
from yolact_tf.export import to_litert, to_saved_model
from yolact_tf.export.gpu_graph import gpu_faults
from yolact_tf.export.metadata import metadata_files
from yolact_tf.export.serving import Serving
from yolact_tf.export.signature_outputs import from_bytes
from yolact_tf.export.verify import compare
from yolact_tf.images.decoding import decode_image, read_image
from yolact_tf.model_folder import find_versions


@pytest.fixture(scope="module")
def run(shapes_run):
    return yolact_tf.load_run(shapes_run)


@pytest.fixture(scope="module")
def loaded(saved_model):
    return tf.saved_model.load(str(saved_model / "1"))


@pytest.fixture(scope="module")
def images(shapes_data):
    return [read_image(path) for path in sorted((shapes_data / "images").glob("val_*"))]


@pytest.fixture(scope="module")
def detector(run):
    return yolact_tf.Detector(run)


def jpeg(image):
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "JPEG")
    return buffer.getvalue()


def test_signatures_are_those_of_the_contract(loaded):
    shapes = {
        name: {key: (value.dtype.name, value.shape.as_list()) for key, value in s.structured_outputs.items()}
        for name, s in loaded.signatures.items()
    }
    common = {
        "num_detections": ("int32", [None]),
        "boxes": ("float32", [None, 20, 4]),
        "scores": ("float32", [None, 20]),
        "classes": ("int32", [None, 20]),
    }
    described = {
        **common,
        "class_names": ("string", [None, 20]),
        "image_size": ("int32", [None, 2]),
    }
    assert set(shapes) == {"serving_default", "png", "tensors", "raw", "evaluation", "explore"}
    assert shapes["serving_default"] == {**described, "masks_rle": ("string", [None, 20])}
    assert shapes["explore"] == {
        **shapes["serving_default"],
        "coefficients": ("float32", [None, 20, 8]),
        "prototypes_bytes": ("string", [None]),
        "prototypes_shape": ("int32", [None, 3]),
    }
    assert shapes["png"] == {**described, "masks_png_bytes": ("string", [None, 20])}
    assert shapes["tensors"] == {**common, "masks": ("float32", [None, 20, 32, 32])} == shapes["evaluation"]
    assert set(shapes["raw"]) == {
        "class_logits",
        "box_deltas",
        "mask_coefficients",
        "prototypes",
        "semantic_logits",
    }


def test_only_ops_of_tensorflow_2_20(saved_model):
    assert_server_has_ops(saved_model)


@pytest.mark.skipif(not tf.__version__.startswith("2.20."), reason="the list is of TensorFlow 2.20")
def test_the_list_of_ops_is_what_2_20_registers():
    from tensorflow.python.framework import op_def_registry

    assert [op for op in sorted(OPS_OF_2_20) if op_def_registry.get(op) is None] == []
    assert not {op for op in OPS_OF_2_20 if re.search("PyFunc|XlaLaunch|XlaMustCompile|Numpy", op)}


def test_each_image_of_a_batch_has_its_own_size(loaded, images):
    wide = np.asarray(Image.fromarray(images[0]).resize((200, 90)))
    batch = tf.constant([jpeg(images[0]), jpeg(wide), jpeg(images[1])])
    found = loaded.signatures["serving_default"](image_bytes=batch)
    assert_array_equal(found["image_size"], [[128, 128], [90, 200], [128, 128]])
    alone = loaded.signatures["serving_default"](image_bytes=batch[1:2])
    for name, value in alone.items():
        if value.dtype == tf.float32:
            assert_allclose(found[name][1], value[0], atol=1e-3)
        else:
            assert_array_equal(found[name][1], value[0])


def test_slots_past_the_last_detection_are_blank(loaded, images):
    found = loaded.signatures["serving_default"](image_bytes=tf.constant([jpeg(images[0])]))
    found = {name: value.numpy()[0] for name, value in found.items()}
    count = found["num_detections"]
    assert (found["scores"][:count] > 0).all() and (found["scores"][count:] == 0).all()
    assert (found["classes"][count:] == -1).all()
    assert not found["boxes"][count:].any()
    assert all(name == b"" for name in found["class_names"][count:])
    assert all(code == b"" for code in found["masks_rle"][count:])


def test_a_blank_image_gives_blank_detections(loaded):
    found = loaded.signatures["tensors"](images=tf.zeros([2, 50, 40, 3], tf.uint8))
    for i in range(2):
        count = int(found["num_detections"][i])
        assert not found["masks"].numpy()[i, count:].any()


def test_all_signatures_count_the_same_detections(run, images):
    """Those above the threshold; `evaluation` also has the tail, as the run's own Detector."""
    threshold = float(yolact_tf.Detector(run)(images[0]).scores[3])  # few anchors pass, in six classes each
    detect = replace(run.config.detect, score_threshold=threshold)
    strict = replace(run, config=replace(run.config, detect=detect))
    scores = yolact_tf.Detector(strict)(images[0]).scores
    count = int((scores > threshold).sum())
    assert 0 < count < len(scores)

    serving, pixels = Serving(strict), tf.constant(images[0][None])
    encoded = tf.io.encode_png(images[0])[None]
    tensors, tail = serving.tensors(pixels), serving.evaluation(pixels)
    for found in (tensors, serving.rle(encoded), serving.png(encoded)):
        assert int(found["num_detections"][0]) == count
        assert_allclose(found["boxes"], tensors["boxes"], atol=1e-3)
        assert_array_equal(found["classes"], tensors["classes"])
        assert not found["scores"][0, count:].numpy().any()
    assert not tensors["masks"][0, count:].numpy().any()
    assert int(tail["num_detections"][0]) == len(scores)
    assert_allclose(tail["scores"][0, : len(scores)], scores, atol=1e-4)


@pytest.mark.parametrize("name", ["serving_default", "png", "tensors", "raw", "evaluation", "explore"])
def test_an_empty_batch_is_answered(loaded, name):
    signature = loaded.signatures[name]
    if "image_bytes" in signature.structured_input_signature[1]:
        found = signature(image_bytes=tf.zeros([0], tf.string))
    else:
        found = signature(images=tf.zeros([0, 50, 40, 3], tf.uint8))
    for key, spec in signature.structured_outputs.items():
        assert found[key].shape == [0, *spec.shape[1:]], key


@pytest.mark.parametrize("name", ["serving_default", "png", "explore"])
@pytest.mark.parametrize(
    ("bomb", "pixels"), [(png_header(1000, 1001), 1_001_000), (gif(500, 500, frames=5), 1_250_000)]
)
def test_more_pixels_than_the_recipe_allows_are_refused_undecoded(loaded, images, name, bomb, pixels):
    batch = tf.constant([jpeg(images[0]), bomb])
    with pytest.raises(tf.errors.InvalidArgumentError, match=f"at most 1000000 pixels. Received: {pixels}"):
        loaded.signatures[name](image_bytes=batch)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_turned_photograph_has_the_detections_of_the_upright_one(
    orientation, loaded, run, images, detector
):
    stored, exif = io.BytesIO(), Image.Exif()
    exif[0x0112] = orientation
    # Neither square nor symmetric, so that each orientation is another picture.
    Image.fromarray(images[0][:112]).save(stored, "JPEG", exif=exif, quality=95)
    upright = np.asarray(ImageOps.exif_transpose(Image.open(stored)))
    expected = detector(upright)
    expected = expected[expected.scores > run.config.detect.score_threshold]
    signature = loaded.signatures["serving_default"]
    encoded = tf.constant(stored.getvalue())
    received = from_bytes(signature, "serving_default", encoded, upright.shape[:2])
    rows = compare(expected, received)
    assert len(expected) and all(row.passes for row in rows), rows


def test_labels_and_server_files(saved_model, run):
    assets = saved_model / "1" / "assets" / "labels.json"
    assert json.loads(assets.read_text()) == {str(k): v for k, v in run.labels.items()}
    for name in ("models.config", "batching.config", "monitoring.config", "docker_run.sh"):
        assert (saved_model.parent / name).is_file()
    assert f"/models/{saved_model.name}" in (saved_model.parent / "models.config").read_text()


def test_explore_tells_what_its_masks_are_made_of(loaded, images, detector, run):
    batch = [jpeg(images[0]), jpeg(images[1])]
    for encoded in batch:
        expected = detector(decode_image(encoded).numpy())
        expected = expected[expected.scores > run.config.detect.score_threshold]
        found = from_bytes(loaded.signatures["explore"], "explore", tf.constant(encoded), (128, 128))
        plain = from_bytes(
            loaded.signatures["serving_default"], "serving_default", tf.constant(encoded), (128, 128)
        )
        assert len(found) == len(expected) > 0
        assert_array_equal(found.masks, plain.masks)
        assert_allclose(found.coefficients, expected.coefficients, atol=1e-4)
        # Half precision has 11 bits.
        assert_allclose(found.prototypes, expected.prototypes, rtol=2**-11, atol=1e-3)
    together = loaded.signatures["explore"](image_bytes=tf.constant(batch))
    assert_array_equal(together["prototypes_shape"], [[32, 32, 8]] * 2)
    assert {len(content) for content in together["prototypes_bytes"].numpy()} == {2 * 32 * 32 * 8}


def test_a_litert_file_that_explores_adds_two_outputs(explore_file, litert_file, images, detector):
    assert gpu_faults(explore_file.read_bytes()) == []
    runner = Interpreter(str(explore_file)).get_signature_runner("serving_default")
    plain = Interpreter(str(litert_file)).get_signature_runner("serving_default")
    shapes = {name: list(output["shape"]) for name, output in runner.get_output_details().items()}
    assert set(shapes) - set(plain.get_output_details()) == {"coefficients", "prototypes"}
    assert shapes["coefficients"] == [1, 20, 8] and shapes["prototypes"] == [1, 32, 32, 8]
    found, expected = yolact_tf.Detector.from_artefact(explore_file)(images[0]), detector(images[0])
    assert found.prototypes.shape == (32, 32, 8) and found.coefficients.shape == (len(found), 8)
    assert_allclose(found.prototypes, expected.prototypes, atol=1e-3)
    assert_allclose(found.coefficients[:3], expected.coefficients[:3], atol=1e-3)


def test_litert_has_fixed_shapes_and_ops_that_gpus_run(litert_file):
    assert gpu_faults(litert_file.read_bytes()) == []


def test_litert_signature_is_that_of_the_contract(litert_file):
    runner = Interpreter(str(litert_file)).get_signature_runner("serving_default")
    inputs = {k: (v["dtype"], list(v["shape"])) for k, v in runner.get_input_details().items()}
    outputs = {k: (v["dtype"], list(v["shape"])) for k, v in runner.get_output_details().items()}
    assert inputs == {"image": (np.float32, [1, 128, 128, 3])}
    assert outputs == {
        "num_detections": (np.int32, [1]),
        "boxes": (np.float32, [1, 20, 4]),
        "scores": (np.float32, [1, 20]),
        "classes": (np.int32, [1, 20]),
        "masks": (np.float32, [1, 20, 32, 32]),
    }


def test_litert_metadata_is_a_zip(litert_file, run):
    with zipfile.ZipFile(litert_file) as appended:
        lines = appended.read("labels.txt").decode().splitlines()
        metadata = json.loads(appended.read("metadata.json"))
    assert {number: line for number, line in enumerate(lines) if line != "???"} == run.labels
    assert metadata["image_size"] == 128
    assert metadata["labels"] == {str(k): v for k, v in run.labels.items()}


def test_exports_overwrite_nothing_and_leave_nothing_half_written(run, saved_model, litert_file, tmp_path):
    with pytest.raises(ValueError, match="version that is free. Received: .*1', beside versions 1"):
        to_saved_model(run, saved_model / "1")
    with pytest.raises(ValueError, match=r"--output must end in .tflite. Received: .*model.bin"):
        to_litert(run, tmp_path / "model.bin")
    assert list(tmp_path.iterdir()) == []
    foreign = tmp_path / "model.tflite"
    foreign.write_bytes(b"somebody's")
    with pytest.raises(ValueError, match="expected a .tflite of `yolact export`"):
        to_litert(run, foreign)
    assert foreign.read_bytes() == b"somebody's"


def test_a_model_gains_versions_and_a_folder_models(run, saved_model, tmp_path, monkeypatch):
    """The export itself is replaced by a copy of one, which takes no half minute."""
    monkeypatch.setattr(
        "yolact_tf.export.saved_model._write_version",
        lambda run, folder, *_: shutil.copytree(saved_model / "1", folder, dirs_exist_ok=True),
    )
    for path in ("one", "one", "two", "two/7", "two", "three/2"):
        assert to_saved_model(run, tmp_path / path) == (tmp_path / path.partition("/")[0])
    versions = {base: list(find_versions(tmp_path / base)) for base in ("one", "two", "three")}
    assert versions == {"one": [2, 1], "two": [8, 7, 1], "three": [2]}
    files = {"models.config", "batching.config", "monitoring.config", "docker_run.sh"}
    assert {path.name for path in tmp_path.iterdir()} == {"one", "two", "three"} | files
    assert sorted(path.name for path in (tmp_path / "two").iterdir()) == ["1", "7", "8"]
    config = (tmp_path / "models.config").read_text()
    assert re.findall('base_path: "/models/(.*)"', config) == ["one", "two", "three"]


@pytest.mark.parametrize(
    ("labels", "text"),
    [
        ({1: "date", 2: "fig", 5: "two\nlines"}, "???\ndate\nfig\n???\n???\ntwo lines\n"),
        ({0: "fig"}, "fig\n"),
        ({3: "fig", 2**31 - 1: "date"}, None),
        ({-1: "fig"}, None),
    ],
)
def test_a_line_of_labels_txt_is_a_category_id(labels, text):
    """What reads labels by line numbers calls a date a date; ids that are no lines have no such file."""
    assert metadata_files({}, labels).get("labels.txt") == text


@contextlib.contextmanager
def served(path):
    """`yolact serve` in a process of its own; yields the port, which the system chose."""
    command = [sys.executable, "-m", "yolact_tf", "serve", str(path), "--port", "0"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        lines, found = [], None
        while not found:
            lines.append(process.stderr.readline())
            assert lines[-1], "".join(lines)  # nothing more comes where the process has ended
            found = re.search(r"demo page http://127.0.0.1:(\d+)/", lines[-1])
        yield int(found.group(1))
    finally:
        process.terminate()
        process.communicate()


def ask(port, method, path, body=None):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request(method, path, body=body)
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    return answer.status, content


@pytest.mark.whole
def test_detection_over_http(saved_model, images, run):
    """`yolact serve`, a posted JPEG, masks decoded by pycocotools, equal to the Detector's."""
    encoded = jpeg(images[0])
    expected = yolact_tf.Detector(run)(decode_image(encoded).numpy())
    with served(saved_model) as port:
        body = json.dumps({"instances": [{"image_bytes": {"b64": base64.b64encode(encoded).decode()}}]})
        status, content = ask(port, "POST", "/v1/models/yolact:predict", body)
        assert status == 200, content
        (answer,) = json.loads(content)["predictions"]
        status, content = ask(port, "POST", "/v1/models/yolact:predict", "not json")
        assert status == 400 and "error" in json.loads(content)
        wrong = json.dumps({"signature_name": "nothing", "instances": [1]})
        status, content = ask(port, "POST", "/v1/models/yolact:predict", wrong)
        assert status == 400 and "nothing" in json.loads(content)["error"]
    count = answer["num_detections"]
    expected = expected.above(run.config.detect.score_threshold)
    assert count == len(expected) > 0
    rles = [{"size": answer["image_size"], "counts": code} for code in answer["masks_rle"][:count]]
    masks = coco_mask.decode(rles).transpose(2, 0, 1).astype(bool)
    boxes = np.array(answer["boxes"])[:count]
    for i in np.flatnonzero(expected.scores > 0.5 * expected.scores[0]):  # near-ties may change places
        same_class = np.array(answer["class_names"][:count]) == expected.class_names[i]
        gaps = np.where(same_class, np.abs(boxes - expected.boxes[i]).max(1), np.inf)
        j = int(gaps.argmin())
        assert gaps[j] < 0.05
        assert answer["scores"][j] == pytest.approx(expected.scores[i], abs=1e-3)
        assert (masks[j] != expected.masks[i]).mean() < 1e-3
