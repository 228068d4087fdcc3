"""The SavedModel in bfloat16, and the run itself, against float32, where this processor computes it."""

import keras
import numpy as np
import pytest

import yolact_tf
from yolact_tf.config import ExportRecipe
from yolact_tf.detect.engines.bfloat16 import require_bfloat16
from yolact_tf.export import export_run
from yolact_tf.export.verify import verify
from yolact_tf.export.verify.artefact import sample_images

pytestmark = pytest.mark.whole


@pytest.fixture(scope="module", autouse=True)
def processor():
    try:
        require_bfloat16()
    except ValueError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def run(shapes_run):
    return yolact_tf.load_run(shapes_run)


@pytest.fixture(scope="module")
def artefacts(run, tmp_path_factory):
    folder = tmp_path_factory.mktemp("bfloat16")
    return {
        precision: export_run(
            run, ExportRecipe("saved_model", precision, max_pixels=1_000_000), folder / precision
        )
        for precision in ("float32", "bfloat16")
    }


def test_it_finds_what_the_run_does(run, artefacts, shapes_data):
    rows, count = verify(artefacts["bfloat16"], run, sample_images(shapes_data, 8))
    assert count > 8 and all(row.passes for row in rows), rows
    network = {row.output: row.largest for row in rows if row.output.startswith("raw: ")}
    assert network and max(network.values()) > 1e-4, "float32, in truth"


def test_weights_are_written_once_and_take_half_of_the_space(run, artefacts):
    count = run.model.count_params()
    for precision, width in (("float32", 4), ("bfloat16", 2)):
        written = artefacts[precision] / "1" / "variables" / "variables.data-00000-of-00001"
        assert 0.9 < written.stat().st_size / (width * count) < 1.1


def test_an_artefact_tells_its_precision_and_a_run_has_that_of_its_config(run, artefacts, shapes_run):
    for precision, path in artefacts.items():
        assert yolact_tf.Detector.from_artefact(path).engine.precision == precision
    assert yolact_tf.Detector(run).engine.precision == "float32"
    asked = yolact_tf.Detector(run, precision="bfloat16")
    configured = yolact_tf.Detector(yolact_tf.load_run(shapes_run, ["detect.precision=bfloat16"]))
    image = np.random.default_rng(0).integers(0, 256, (90, 120, 3), "uint8")
    for detector in (asked, configured):
        assert detector.engine.precision == "bfloat16"
        dtypes = {v.dtype for v in detector.engine.detection_model.network.trainable_variables}
        assert {keras.backend.standardize_dtype(dtype) for dtype in dtypes} == {"bfloat16"}
    np.testing.assert_array_equal(asked(image).scores, configured(image).scores)
