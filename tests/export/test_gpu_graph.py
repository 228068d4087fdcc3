"""The rules of what GPUs compute wrongly or refuse, each held against a GPU that does."""

import re

import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter

import yolact_tf
from tests.export.software_gpu import answers_on_gpu, read_answers, write_images
from yolact_tf.export.gpu_graph import cpu_only_because, gpu_faults
from yolact_tf.runs import Run

pytestmark = pytest.mark.whole


def numbers(*shape):
    return np.arange(1, np.prod(shape) + 1, dtype="float32").reshape(shape) / 8


def integers(x):
    return tf.cast(x, tf.int32)


# name -> (shape of the image, graph, what the fault says)
WRONG = {
    "constant of equal shape": (
        (8, 2),
        lambda x: x * numbers(8, 2),
        r"MUL .*constant \[8, 2\] beside \[8, 2\]",
    ),
    "constant of rank 1": ((8,), lambda x: x - numbers(8), r"SUB .*constant \[8\] beside \[8\]"),
    "constant of rank 3": ((2, 5, 4), lambda x: x * numbers(2, 5, 4), r"MUL .*constant \[2, 5, 4\]"),
    "constant column": ((3, 20), lambda x: x / numbers(3, 1), r"constant \[3, 1\] beside \[3, 20\]"),
    "constant first": ((8, 2), lambda x: numbers(8, 2) + x, r"ADD .*constant \[8, 2\]"),
    "constant of a higher rank": ((8,), lambda x: x + numbers(1, 8), r"constant \[1, 8\] beside \[8\]"),
    "constant of more rows": ((1, 8), lambda x: x + numbers(3, 8), r"constant \[3, 8\] beside \[1, 8\]"),
    "constant of integers": (
        (8,),
        lambda x: integers(x) + np.arange(8, dtype="int32")[None],
        r"ADD .*constant \[1, 8\] beside \[8\]",
    ),
    "top-k of 7": ((7,), lambda x: tf.math.top_k(x, 3)[0], r"TOPK_V2 .*best of 7, no multiple of 4"),
    "top-k of rows of 102": ((3, 102), lambda x: tf.math.top_k(x, 100)[0], r"best of 102, no multiple of 4"),
}
REFUSED = {
    "int64": ((3, 8), lambda x: tf.argmax(x, axis=1), r"ARG_MAX .*int64"),
    "rank 5": ((1, 2, 3, 4), lambda x: tf.transpose(x[..., None], (4, 3, 2, 1, 0)), r"rank 5"),
    "gather by two indices": (
        (8, 2),
        lambda x: tf.gather_nd(x, tf.minimum(integers(x), 1)),
        r"GATHER_ND .*computed positions",
    ),
    "gather by rows": (
        (3, 8),
        lambda x: tf.gather(x, tf.minimum(integers(x[:, :2]), 1), batch_dims=1),
        r"GATHER.* (of more than one axis|computed positions)",
    ),
    "loop": (
        (1, 8),
        lambda x: tf.while_loop(lambda i, y: i < 3, lambda i, y: (i + 1, tf.sin(y)), (0, x))[1],
        r"WHILE .*loop",
    ),
    "NMS": (
        (8, 4),
        lambda x: tf.gather(x, tf.image.non_max_suppression(x, x[:, 0], 4)),
        r"NON_MAX_SUPPRESSION_V4|of a size that is not known|drops an axis",
    ),
    "padding of rank 2": ((3, 8), lambda x: tf.pad(x, ((0, 0), (0, 4))), r"PAD.* rank 2"),
    "int32 taken apart": ((3, 8), lambda x: tf.unstack(integers(x * 3))[1], r"UNPACK .*int32"),
}
RIGHT = {
    "constant with a batch axis": ((1, 8, 2), lambda x: x * numbers(1, 8, 2)),
    "constant of a lower rank": ((1, 8, 2), lambda x: x * numbers(8, 2)),
    "constant row": ((3, 20), lambda x: x + numbers(20)),
    "constant of rank 4": ((2, 3, 4, 8), lambda x: x * numbers(2, 3, 4, 8)),
    "gather of a constant": ((8,), lambda x: tf.gather(numbers(9, 4), integers(x))),
    "concatenated constant": ((3, 8), lambda x: tf.concat([x, numbers(3, 2)], 1)),
    "top-k of rows of 104": ((3, 104), lambda x: tf.math.top_k(x, 100)[0]),
}
GRAPHS = {**WRONG, **REFUSED, **{name: (*graph, None) for name, graph in RIGHT.items()}}


def convert(shape, graph, *more_ops):
    module = tf.Module()
    spec = tf.TensorSpec(shape, tf.float32, name="image")
    module.serve = tf.function(lambda image: {"answer": graph(image)}, input_signature=[spec])
    concrete = module.serve.get_concrete_function()
    converter = tf.lite.TFLiteConverter.from_concrete_functions([concrete], module)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS, *more_ops]
    return converter.convert()


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Folder with each of GRAPHS as NAME.tflite."""
    folder = tmp_path_factory.mktemp("graphs")
    for name, (shape, graph, _) in GRAPHS.items():
        (folder / f"{name}.tflite").write_bytes(convert(shape, graph))
        write_images(folder / f"{name}.npz", [numbers(*shape)])
    return folder


@pytest.mark.parametrize("name", [*WRONG, *REFUSED])
def test_a_fault_is_named_with_its_operation(name, files):
    faults = gpu_faults((files / f"{name}.tflite").read_bytes())
    assert re.search(GRAPHS[name][2], " | ".join(faults)), faults


@pytest.mark.parametrize("name", RIGHT)
def test_what_gpus_compute_rightly_has_no_fault(name, files):
    assert gpu_faults((files / f"{name}.tflite").read_bytes()) == []


def test_flex_operations_are_faults():
    flex = convert((3, 3), tf.linalg.det, tf.lite.OpsSet.SELECT_TF_OPS)
    assert "CUSTOM" in " ".join(gpu_faults(flex)) and "no built-in operation" in " ".join(gpu_faults(flex))


def test_a_size_that_is_not_known_is_a_fault():
    assert "of a size that is not known" in " ".join(gpu_faults(convert((None, 4), lambda x: x + 1.0)))


@pytest.mark.parametrize("driver", ["swiftshader", "lavapipe"])
def test_a_gpu_answers_rightly_where_no_fault_is_named_and_only_there(driver, files):
    answers_on_gpu(files, driver)
    for name in GRAPHS:
        is_refused = (files / f"{name}.refusal").is_file()
        assert is_refused == (name in REFUSED), name
        if not is_refused:
            on_gpu = read_answers(files / f"{name}.answers.npz")[0]["answer"]
            is_equal = np.allclose(on_gpu, answer_on_cpu(files / f"{name}.tflite"), rtol=1e-5, atol=1e-6)
            assert is_equal == (name in RIGHT), name


def answer_on_cpu(path):
    with np.load(path.with_suffix(".npz")) as images:
        return Interpreter(str(path)).get_signature_runner("serving_default")(image=images["0"])["answer"]


def test_what_settings_keep_from_gpus_is_said(small_settings):
    def reasons(*settings, outputs="detections"):
        config = yolact_tf.load_config("tiny_256", [*small_settings, *settings])
        return cpu_only_because(Run(None, config, {}), outputs)

    assert reasons() == []
    assert "traditional NMS" in " ".join(reasons("detect.nms=traditional"))
    assert reasons("detect.nms=traditional", outputs="heads") == []
    (reason,) = reasons("model.backbone=resnet50_deformable")
    assert "deformable convolution" in reason and "UNPACK" in reason
