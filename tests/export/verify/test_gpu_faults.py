"""What LiteRT's GPU accelerator computed wrongly without a word is found, put back into a real file."""

import numpy as np
import pytest
from keras import ops

import yolact_tf
from tests.export.software_gpu import require_driver
from yolact_tf.boxes import decode
from yolact_tf.export import to_litert
from yolact_tf.export.verify import BeyondTolerance, Reference, differences, require_verified
from yolact_tf.images.decoding import read_image

pytestmark = pytest.mark.whole


@pytest.fixture(scope="module")
def gpu():
    """Chromium's software GPU."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in require_driver("swiftshader").items():
            patch.setenv(name, value)
        yield


@pytest.fixture(scope="module")
def run(shapes_run):
    return yolact_tf.load_run(shapes_run)


@pytest.fixture(scope="module")
def images(shapes_data):
    return [read_image(path) for path in sorted((shapes_data / "images").glob("val_*"))[:2]]


def decode_without_batch(box_deltas, anchors):
    return ops.expand_dims(decode(ops.reshape(box_deltas, box_deltas.shape[1:]), anchors), 0)


def top_k_of_any_length(scores, k):
    best, slots = ops.top_k(scores, k)
    return best, ops.cast(slots, "int32")


FAULTS = {
    "anchors without a batch axis": ("yolact_tf.detect.postprocess.decode", decode_without_batch, "MUL"),
    "top-k of an odd length": ("yolact_tf.detect.nms.top_k", top_k_of_any_length, "TOPK_V2"),
}


@pytest.mark.parametrize("accelerator", ["gpu", "gpu_float16"])
def test_the_gpu_answers_as_the_run_does(accelerator, gpu, run, images, litert_file):
    detector = yolact_tf.Detector.from_artefact(litert_file, accelerator=accelerator)
    rows, compared = differences(Reference(run), detector, images)
    assert compared and all(row.passes for row in rows), rows


def test_images_without_objects_prove_nothing_of_a_gpu(gpu, run, images, litert_file):
    told, blank = [], np.zeros((90, 120, 3), np.uint8)
    require_verified(litert_file, run, [blank, blank, *images], told.append)
    assert [(found.accelerator, found.num_images) for found in told] == [("cpu", 4), ("gpu", 2)]
    assert told[1].num_detections


@pytest.mark.parametrize("case", FAULTS)
def test_an_export_is_refused_that_only_the_gpu_computes_wrongly(
    case, gpu, run, images, tmp_path, monkeypatch
):
    told = []
    *fault, operation = FAULTS[case]
    with monkeypatch.context() as patch:
        patch.setattr(*fault)
        with pytest.raises(ValueError, match=f"GPU accelerator computes rightly. Received: .*{operation} "):
            to_litert(run, tmp_path / "faulty.tflite")
        patch.setattr("yolact_tf.export.litert.gpu_faults", lambda content: [])
        with pytest.raises(BeyondTolerance, match=r"\(gpu\)"):
            to_litert(
                run,
                tmp_path / "faulty.tflite",
                check=lambda path: require_verified(path, run, images, told.append),
            )
    assert [(found.accelerator, found.passes) for found in told] == [("cpu", True), ("gpu", False)]
    assert not list(tmp_path.iterdir())
