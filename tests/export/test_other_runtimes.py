"""ONNX and OpenVINO: the same traced function in another file, opened by the same Detector."""

import json
import sys

import numpy as np
import pytest
from numpy.testing import assert_allclose

import yolact_tf
from tests.export.verify.spoilt_files import one_changed, with_constant
from yolact_tf.boxes import corners_to_centers
from yolact_tf.config import ExportRecipe
from yolact_tf.export import export_run
from yolact_tf.export.verify import Reference, verification
from yolact_tf.images.decoding import read_image

NAMES = {"onnx": "shapes.onnx", "openvino": "openvino"}
WEIGHTS = {"onnx": "", "openvino": "model.bin"}
formats = pytest.mark.parametrize("form", NAMES)


@pytest.fixture(scope="module")
def run(shapes_run):
    return yolact_tf.load_run(shapes_run)


@pytest.fixture(scope="module")
def images(shapes_data):
    return [read_image(path) for path in sorted((shapes_data / "images").glob("val_*"))[:2]]


@pytest.mark.whole
@formats
def test_it_answers_as_the_run_does(form, exported, run, images):
    found = verification(exported(form), Reference(run), images)
    assert found.passes and found.num_detections, found
    assert found.operations["CPU"] > 100 and found.operations["custom"] == 0
    assert "raw: boxes of all anchors (relative)" in {row.output for row in found.differences}


@pytest.mark.whole
@formats
def test_one_wrong_anchor_is_found(form, exported, run, images, tmp_path):
    source, target = exported(form), tmp_path / NAMES[form]
    if source.is_dir():
        target.mkdir()
        for file in source.iterdir():
            (target / file.name).write_bytes(file.read_bytes())
    centers = np.asarray(corners_to_centers(run.model.anchors))[:, :2]
    spoilt = one_changed(centers, (len(centers) // 2, 0), 0.0)
    with_constant(source / WEIGHTS[form], target / WEIGHTS[form], centers, spoilt)
    found = verification(target, Reference(run), images[:1])
    assert "raw: boxes of all anchors (relative)" in [r.output for r in found.differences if not r.passes]


@pytest.mark.whole
@formats
def test_the_number_of_threads_changes_no_answer(form, exported, images):
    one, two = (yolact_tf.Detector.from_artefact(exported(form), threads=n) for n in (1, 2))
    assert one.labels == {1: "circle", 2: "square", 3: "triangle", 4: "star", 5: "cross", 6: "ring"}
    for image in images:
        assert_allclose(one(image).boxes, two(image).boxes, atol=1e-3)
    with pytest.raises(ValueError, match="at least 1"):
        yolact_tf.Detector.from_artefact(exported(form), threads=0)
    with pytest.raises(ValueError, match="`accelerator` is for .tflite files"):
        yolact_tf.Detector.from_artefact(exported(form), accelerator="gpu")


@pytest.mark.whole
def test_one_onnx_file_has_the_metadata_and_no_operation_beyond_onnx(exported):
    onnx = pytest.importorskip("onnx")
    model = onnx.load(exported("onnx"))
    onnx.checker.check_model(model, full_check=True)
    metadata = {entry.key: entry.value for entry in model.metadata_props}
    assert json.loads(metadata["metadata.json"])["num_classes"] == 6
    assert metadata["labels.txt"].splitlines()[:2] == ["???", "circle"]
    assert [value.name for value in model.graph.input] == ["image"]
    assert {value.name for value in model.graph.output} == {
        *("num_detections", "boxes", "scores", "classes", "masks")
    }


@pytest.mark.whole
def test_what_an_export_may_replace(exported, run, tmp_path):
    other = tmp_path / "other.onnx"
    other.write_bytes(b"not ours")
    exported("onnx")
    with pytest.raises(ValueError, match=r"other.onnx: expected an .onnx of `yolact export`"):
        export_run(run, ExportRecipe(format="onnx"), other)
    with pytest.raises(ValueError, match="--output must be a new or an empty folder"):
        export_run(run, ExportRecipe(format="openvino"), tmp_path)
    with pytest.raises(ValueError, match="--output must end in .onnx"):
        export_run(run, ExportRecipe(format="onnx"), tmp_path / "x.tflite")
    assert other.read_bytes() == b"not ours"


@pytest.mark.parametrize("content", [b"", b"no model", b"\x08\x09" * 40])
def test_a_file_that_is_no_onnx_is_refused_in_one_line(content, tmp_path):
    pytest.importorskip("onnxruntime")
    path = tmp_path / "bad.onnx"
    path.write_bytes(content)
    with pytest.raises(
        ValueError, match=r"bad.onnx: expected an .onnx of `yolact export`. Received: ."
    ) as error:
        yolact_tf.Detector.from_artefact(path)
    assert "\n" not in str(error.value)


METADATA = {"labels": {"1": "x"}, "detect": {}, "anchors": {}, "num_classes": 1}


@pytest.mark.parametrize(
    ("metadata", "said"),
    [
        (None, "without metadata"),
        ("{", "without metadata"),
        ("{}", "metadata lack"),
        (json.dumps(METADATA), "Received: "),
        (json.dumps({**METADATA, "num_classes": 2}), "a name for each"),
    ],
)
def test_a_folder_that_is_no_openvino_is_refused_in_one_line(metadata, said, tmp_path):
    pytest.importorskip("openvino")
    (tmp_path / "model.xml").write_text("<net")
    if metadata is not None:
        (tmp_path / "metadata.json").write_text(metadata)
    with pytest.raises(ValueError, match=said) as error:
        yolact_tf.Detector.from_artefact(tmp_path)
    assert str(tmp_path) in str(error.value) and "\n" not in str(error.value)


@formats
def test_a_missing_extra_is_said_with_its_command(form, tmp_path, run, monkeypatch):
    for name in ("onnx", "tf2onnx", "onnxruntime", "openvino"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ImportError, match=rf"pip install 'yolact_tf\[{form}\]'"):
        export_run(run, ExportRecipe(format=form), tmp_path / NAMES[form])
    assert not list(tmp_path.iterdir())


def test_heads_are_for_litert():
    with pytest.raises(ValueError, match="`recipe.outputs` of 'heads' is for LiteRT"):
        ExportRecipe(format="onnx", outputs="heads")
