"""One wrong number in a real file is found: a weight, an anchor or a class id that no detection shows."""

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter, OpResolverType

import yolact_tf
from tests.export.verify.spoilt_files import one_changed, with_constant
from yolact_tf.boxes import corners_to_centers
from yolact_tf.export import to_litert
from yolact_tf.export.quantization import Quantization
from yolact_tf.export.verify import Reference, differences
from yolact_tf.images.decoding import read_image


@pytest.fixture(scope="module")
def run(shapes_run):
    return yolact_tf.load_run(shapes_run)


@pytest.fixture(scope="module")
def reference(run):
    return Reference(run)


@pytest.fixture(scope="module")
def image(shapes_data):
    return read_image(sorted((shapes_data / "images").glob("val_*"))[0])


def spoil_weight(run, layer):
    """(values as the file has them, one of them changed)."""
    kernel = np.asarray(run.model.get_layer("prediction_head").get_layer(layer).kernel)
    of_file = np.ascontiguousarray(kernel.transpose(3, 0, 1, 2))  # LiteRT has the outputs first
    return of_file, one_changed(of_file, (0, 1, 1, 3), of_file[0, 1, 1, 3] + 0.5)


def spoil_anchor(run, _):
    centers = np.asarray(corners_to_centers(run.model.anchors))[:, :2]
    return centers, one_changed(centers, (len(centers) // 2, 0), 0.0)


def spoil_class_id(run, _):
    ids = np.array([*run.labels, -1], "int32")
    return ids, one_changed(ids, 1, 77)


FAULTS = {
    "a weight of the class scores": (spoil_weight, "class_logits_conv", "raw: class_logits (relative)"),
    "a weight of the boxes": (spoil_weight, "box_deltas_conv", "raw: box_deltas (relative)"),
    "a weight of the mask coefficients": (
        spoil_weight,
        "coefficients_conv",
        "raw: mask_coefficients (relative)",
    ),
    "an anchor": (spoil_anchor, "", "raw: boxes of all anchors (relative)"),
    "a class id": (spoil_class_id, "", "raw: category ids"),
}


@pytest.mark.whole
def test_one_wrong_channel_of_int8_weights_is_found(run, reference, image, tmp_path):
    right = to_litert(run, tmp_path / "right.tflite", quantization=Quantization("dynamic_int8"))
    kernel = weights_of(right, "lateral_p5")
    turned = one_changed(kernel, 0, -kernel[0])
    spoilt = with_constant(right, tmp_path / "spoilt.tflite", kernel, turned)
    failed = {}
    for path in (right, spoilt):
        rows, _ = differences(reference, yolact_tf.Detector.from_artefact(path), [image])
        failed[path] = [row.output for row in rows if row.output.startswith("raw: ") and not row.passes]
    assert failed[spoilt] and not failed[right]


def weights_of(path, layer):
    """The int8 kernel of a layer in a `.tflite`."""
    interpreter = Interpreter(
        str(path), experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    )
    interpreter.allocate_tensors()
    names = {x["index"]: x["name"] for x in interpreter.get_tensor_details()}
    (kernel,) = (
        operation["inputs"][1]
        for operation in interpreter._get_ops_details()
        if operation["op_name"] == "CONV_2D" and layer in names[operation["outputs"][0]]
    )
    return interpreter.get_tensor(kernel)


@pytest.mark.parametrize("case", FAULTS)
def test_one_wrong_number_is_found(case, run, reference, image, litert_file, tmp_path):
    spoil, layer, output = FAULTS[case]
    path = with_constant(litert_file, tmp_path / "spoilt.tflite", *spoil(run, layer))
    rows, _ = differences(reference, yolact_tf.Detector.from_artefact(path), [image])
    assert output in [row.output for row in rows if not row.passes]
