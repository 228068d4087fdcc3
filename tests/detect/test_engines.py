"""Artefacts that are damaged or of others, and detectors that threads share."""

import json
import shutil
import threading
import zipfile
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import yolact_tf
from yolact_tf.cores import usable_cores
from yolact_tf.images.decoding import read_image

KINDS = ["shapes_run", "saved_model", "litert_file"]


def open_kind(kind, request):
    path = request.getfixturevalue(kind)
    return yolact_tf.Detector(yolact_tf.load_run(path)) if kind == "shapes_run" else open_artefact(path)


def open_artefact(path, **options):
    return yolact_tf.Detector.from_artefact(path, **options)


@pytest.mark.whole
@pytest.mark.parametrize("kind", KINDS)
def test_threads_share_a_detector(kind, request, shapes_data):
    detector = open_kind(kind, request)
    images = [read_image(path) for path in sorted((shapes_data / "images").glob("val_*"))]
    together = threading.Barrier(8)

    def detect(number):
        together.wait()
        return [detector(images[(number + i) % len(images)]) for i in range(4)]

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(detect, range(8)))  # the detector's first calls are among them
    expected = [detector(image) for image in images]
    for number, found in enumerate(answers):
        for i, one in enumerate(found):
            alone = expected[(number + i) % len(images)]
            assert_array_equal(one.class_ids, alone.class_ids)
            assert_allclose(one.scores, alone.scores, atol=1e-5)
            assert_allclose(one.boxes, alone.boxes, atol=1e-3)


def test_the_number_of_threads_is_set_for_litert_alone(litert_file, saved_model, shapes_data):
    image = read_image(next((shapes_data / "images").glob("val_*")))
    found = [open_artefact(litert_file, threads=threads)(image) for threads in (1, 3, None)]
    assert_allclose(found[0].scores, found[1].scores, atol=1e-5)
    assert_allclose(found[0].scores, found[2].scores, atol=1e-5)
    with pytest.raises(ValueError, match="`threads` is not for SavedModels"):
        open_artefact(saved_model, threads=2)
    for threads in (0, "2", 1.5):
        with pytest.raises(ValueError, match=f"`threads` must be a whole .* 1. Received: {threads!r}"):
            open_artefact(litert_file, threads=threads)


def test_cores_are_counted_by_affinity(monkeypatch):
    monkeypatch.setattr("os.sched_getaffinity", lambda process: {3}, raising=False)
    assert usable_cores() == 1


def append(path, **files):
    with zipfile.ZipFile(path, "a") as appended:
        for name, text in files.items():
            appended.writestr(f"{name}.json", text)


FOREIGN = {
    "no model": lambda path, ours: path.write_bytes(b"no model"),
    "a model without metadata": lambda path, ours: path.write_bytes(stripped(ours)),
    "another's metadata": lambda path, ours: (
        path.write_bytes(stripped(ours)),
        append(path, metadata='{"task": "segment"}'),
    ),
    "metadata that are a list": lambda path, ours: append(path, metadata="[]"),
    "broken metadata": lambda path, ours: append(path, metadata="{"),
    "our metadata, no model": lambda path, ours: append(path, metadata=metadata_of(ours)),
    "half of ours": lambda path, ours: path.write_bytes(ours.read_bytes()[: ours.stat().st_size // 2]),
}


def metadata_of(path):
    with zipfile.ZipFile(path) as appended:
        return appended.read("metadata.json").decode()


def stripped(path):
    """The flatbuffer of a .tflite."""
    with zipfile.ZipFile(path) as appended:
        return path.read_bytes()[: appended.infolist()[0].header_offset]


@pytest.mark.parametrize("case", FOREIGN)
def test_a_tflite_of_others_is_refused_in_one_line(case, litert_file, tmp_path):
    path = tmp_path / "model.tflite"
    FOREIGN[case](path, litert_file)
    with pytest.raises(ValueError, match="model.tflite: expected a .tflite of `yolact export`") as refused:
        open_artefact(path)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("labels", [[], None, "cat", 7, {}, {"a": "cat"}, {"1": None}, {"1": ["cat"]}])
def test_metadata_without_names_of_classes_are_refused(labels, tmp_path):
    path = tmp_path / "model.tflite"
    append(path, metadata=json.dumps({"labels": labels, "detect": {}, "anchors": {}}))
    with pytest.raises(ValueError, match="model.tflite: .*(metadata lack .'labels'|their names. Received)"):
        open_artefact(path)


def test_a_tflite_with_too_few_names_is_refused(litert_file, tmp_path):
    path = shutil.copy(litert_file, tmp_path / "model.tflite")
    metadata = json.loads(metadata_of(path))
    metadata["labels"].popitem()
    path.write_bytes(stripped(path))
    append(path, metadata=json.dumps(metadata))
    with pytest.raises(ValueError, match=r"expected a name for each of the model's \d classes. Received: \d"):
        open_artefact(path)


def test_damage_that_shows_in_the_first_image_is_named(litert_file, monkeypatch):
    def fail(image):
        raise RuntimeError("Node number 3\n(CONV_2D) failed to prepare")

    detector = open_artefact(litert_file)
    monkeypatch.setattr(detector.engine.runner, "_run", fail)
    with pytest.raises(ValueError, match=r"shapes.tflite: expected .* Node number 3 \(CONV_2D\) failed"):
        detector(np.zeros((4, 4, 3), "uint8"))


@pytest.fixture
def copy(saved_model, tmp_path):
    """A copy of an export to damage."""
    return shutil.copytree(saved_model, tmp_path / "copy")


DAMAGES = {
    "truncated variables": (
        lambda version: truncate(version / "variables" / "variables.data-00000-of-00001"),
        "expected a SavedModel that loads",
    ),
    "no variables": (
        lambda version: shutil.rmtree(version / "variables"),
        "expected a SavedModel that loads",
    ),
    "half a graph": (
        lambda version: truncate(version / "saved_model.pb"),
        "expected a SavedModel that loads",
    ),
    "too few names": (
        lambda version: drop_name(version / "assets" / "labels.json"),
        r"labels.json: expected a name for each of the model's \d classes. Received: \d",
    ),
    "names that are a list": (
        lambda version: (version / "assets" / "labels.json").write_text("[]"),
        "labels.json: expected category ids and their names",
    ),
    "no names": (
        lambda version: (version / "assets" / "labels.json").unlink(),
        "labels.json: expected the names of an export's classes",
    ),
}


def truncate(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def drop_name(path):
    path.write_text(json.dumps(dict(list(json.loads(path.read_text()).items())[:-1])))


@pytest.mark.whole
@pytest.mark.parametrize("case", DAMAGES)
def test_a_damaged_saved_model_is_refused_in_one_line(case, copy):
    damage, message = DAMAGES[case]
    damage(copy / "1")
    with pytest.raises((ValueError, FileNotFoundError), match=message) as refused:
        open_artefact(copy)
    assert "\n" not in str(refused.value)


def test_a_saved_model_of_others_is_refused(tmp_path):
    import tensorflow as tf

    tf.saved_model.save(tf.Module(), str(tmp_path / "1"))
    with pytest.raises(ValueError, match="expected the signatures of `yolact export`.*Received: none"):
        open_artefact(tmp_path)


@pytest.mark.whole
def test_a_category_without_a_name_is_named(copy, shapes_data):
    path = copy / "1" / "assets" / "labels.json"
    names = json.loads(path.read_text())
    path.write_text(json.dumps({str(100 + int(key)): name for key, name in names.items()}))
    image = read_image(next((shapes_data / "images").glob("val_*")))
    with pytest.raises(ValueError, match=r"one of its categories \[101, .*for which its labels have no name"):
        open_artefact(copy)(image)


def test_the_newest_version_is_opened(copy, litert_file):
    (copy / "1").rename(copy / "10")
    (copy / "9" / "assets").mkdir(parents=True)
    (copy / "9" / "saved_model.pb").write_bytes(b"an older one, which does not load")
    (copy / "11" / "1").mkdir(parents=True)  # no version: it holds none
    assert open_artefact(copy).labels == open_artefact(litert_file).labels
