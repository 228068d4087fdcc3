import re
import sys
import zipfile

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter
from numpy.testing import assert_allclose

import yolact_tf
from yolact_tf.config import ExportRecipe
from yolact_tf.export import export_run
from yolact_tf.export.calibration import CalibrationImages
from yolact_tf.export.quantization import _IN_INT8, Quantization

PRECISIONS = ("float16", "dynamic_int8", "int8")


@pytest.fixture(scope="module")
def settings(shapes_run):
    return yolact_tf.load_config("tiny_256", ["data.image_size=128"]).data


@pytest.fixture(scope="module")
def images(shapes_data, settings):
    return CalibrationImages(shapes_data, settings, 6)


@pytest.fixture(scope="module")
def content(litert_file):
    """Of the float32 file, without its metadata."""
    with zipfile.ZipFile(litert_file) as appended:
        end = min(entry.header_offset for entry in appended.infolist())
    return litert_file.read_bytes()[:end]


@pytest.fixture(scope="module")
def quantized(content, images):
    """{precision: content}."""
    return {
        name: Quantization(name, images if name == "int8" else None)(content)
        for name in ("float32", *PRECISIONS)
    }


def opened(content):
    # Without XNNPACK, which would take the operations out of sight.
    from ai_edge_litert.interpreter import OpResolverType

    resolver = OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    return Interpreter(model_content=content, experimental_op_resolver_type=resolver)


def operations(content):
    """(kind, input tensors, output tensors) of every operation."""
    interpreter = opened(content)
    tensors = {x["index"]: x for x in interpreter.get_tensor_details()}
    for operation in interpreter._get_ops_details():
        sides = ([tensors[i] for i in operation[side] if i in tensors] for side in ("inputs", "outputs"))
        yield operation["op_name"], *sides


def signature(content):
    run = opened(content).get_signature_runner()
    return {
        name: (x["dtype"], tuple(x["shape"]))
        for name, x in (run.get_input_details() | run.get_output_details()).items()
    }


def answers(content, images):
    run = Interpreter(model_content=content).get_signature_runner()
    return [run(image=image) for image in images]


def test_float32_is_left_as_it_is(content):
    assert Quantization()(content) is content


@pytest.mark.parametrize("precision", PRECISIONS)
def test_inputs_and_outputs_are_those_of_float32(precision, quantized):
    assert signature(quantized[precision]) == signature(quantized["float32"])


@pytest.mark.parametrize(("precision", "share"), [("float16", 0.5), ("dynamic_int8", 0.25), ("int8", 0.25)])
def test_the_share_of_the_size_that_is_left(precision, share, quantized):
    weights = sum(
        int(np.prod(tensors[1]["shape"])) * 4
        for kind, tensors, _ in operations(quantized["float32"])
        if kind == "CONV_2D"
    )
    # The prediction head's are there once for all levels.
    size = len(quantized["float32"])
    assert weights > 0.9 * size
    assert len(quantized[precision]) < (share + 0.12) * size


def test_float16_answers_within_rounding(quantized, images):
    for exact, rounded in zip(*(answers(quantized[name], images) for name in ("float32", "float16"))):
        assert_allclose(rounded["scores"], exact["scores"], atol=2e-3)
        assert exact["scores"].max() > 0


def test_weights_of_a_dynamic_range_are_int8_and_nothing_else(quantized):
    for kind, inputs, outputs in operations(quantized["dynamic_int8"]):
        if kind != "DEQUANTIZE":
            assert all(x["dtype"] != np.int8 for x in [inputs[0], *outputs]), kind


def test_a_dynamic_range_makes_floats_of_weights_that_gpus_would_misread(quantized):
    pointwise = [
        inputs[1]["dtype"]
        for kind, inputs, outputs in operations(quantized["dynamic_int8"])
        if kind == "CONV_2D" and "shortcut" in outputs[0]["name"]
    ]
    others = [
        inputs[1]["dtype"]
        for kind, inputs, outputs in operations(quantized["dynamic_int8"])
        if kind == "CONV_2D" and "shortcut" not in outputs[0]["name"]
    ]
    assert len(pointwise) == 3 and set(pointwise) == {np.float32}
    assert set(others) == {np.int8}


def test_int8_computes_the_network_and_leaves_the_rest_float32(quantized):
    kinds = {}
    for kind, inputs, outputs in operations(quantized["int8"]):
        for x in [*inputs[:1], *outputs]:
            kinds.setdefault(kind, set()).add(x["dtype"])
    network = {"CONV_2D", "PAD", "RESIZE_BILINEAR"}
    for kind in network:
        assert kinds[kind] == {np.int8}
    assert np.int8 in kinds["ADD"]
    for kind in set(kinds) - network - {"ADD", "QUANTIZE", "DEQUANTIZE", "DELEGATE"}:
        assert np.int8 not in kinds[kind], kind


def test_scales_of_weights_are_one_a_channel(quantized):
    for kind, inputs, _ in operations(quantized["int8"]):
        if kind == "CONV_2D":
            scales = inputs[1]["quantization_parameters"]["scales"]
            assert len(scales) == inputs[1]["shape"][0]


def test_int8_comes_near_the_best_score_of_float32(quantized, images):
    for exact, rounded in zip(*(answers(quantized[name], images) for name in ("float32", "int8"))):
        assert_allclose(rounded["scores"][0, 0], exact["scores"][0, 0], atol=0.1)


@pytest.mark.parametrize(
    ("operation", "name", "is_taken"),
    [
        ("CONV_2D", "detection_model_1/net_1/backbone_1/stage0_block0_conv1_1/convolution", True),
        ("CONV_2D", "StatefulPartitionedCall:3", True),  # prototypes of a file that ends with heads
        ("CONV_2D", "net_1/backbone_1/stage1_block0_conv2_1/offset_modulation_1/convolution", False),
        ("CONV_2D", "detection_model_1/mask_rescorer_1/conv0_1/Relu", False),
        ("ADD", "detection_model_1/net_1/backbone_1/block_2_add_1/add", True),
        ("ADD", "net_1/backbone_1/stage0_block0_out_1/Relu;net_1/backbone_1/stage0_block0_add_1/Add", True),
        ("ADD", "detection_model_1/net_1/fpn_1/sum_p4_1/Add", True),
        ("ADD", "detection_model_1/net_1/backbone_1/normalise_1/add", False),
        ("ADD", "detection_model_1/add_10", False),
        ("ADD", "net_1/backbone_1/stage0_block0_norm1_1/batchnorm/add_1", False),
        ("PAD", "net_1/backbone_1/zero_padding2d_1/Pad", True),
        ("PAD", "net_1/fpn_1/downsample_p6_pad_1/Pad", True),
        ("PAD", "net_1/backbone_1/stage1_block0_conv2_1/Pad", False),
    ],
)
def test_which_layers_int8_takes(operation, name, is_taken):
    assert bool(re.search(_IN_INT8[operation], name)) == is_taken


def test_only_int8_is_for_cpus_alone():
    reasons = {name: Quantization(name).cpu_only_because for name in ("float32", *PRECISIONS)}
    assert [name for name, lines in reasons.items() if lines] == ["int8"]
    assert "int8" in reasons["int8"][0]


def test_metadata_tell_the_precision_and_the_calibration(images):
    assert Quantization("float16").describe() == {"precision": "float16"}
    calibration = {"data": "shapes", "split": "train", "images": 6}
    assert Quantization("int8", images).describe() == {"precision": "int8", "calibration": calibration}


def test_a_missing_quantizer_is_named_before_anything_is_done(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "ai_edge_quantizer", None)
    recipe = ExportRecipe(format="litert", precision="float16")
    with pytest.raises(ValueError, match=r"pip install 'yolact_tf\[quantize\]'"):
        export_run(None, recipe, tmp_path / "model.tflite")
    assert not list(tmp_path.iterdir())


def test_int8_without_images_says_what_to_pass(tmp_path):
    with pytest.raises(ValueError, match="expected --data DATA"):
        export_run(None, ExportRecipe(format="litert", precision="int8"), tmp_path / "model.tflite")
