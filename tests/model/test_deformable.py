import importlib.util
import os
import re
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter
from keras import ops
from numpy.testing import assert_allclose, assert_array_equal
from tensorflow.python.eager import context

from yolact_tf.model.backbones.deformable import DeformableConv2D, deformable_convolution

CASES = {"op_s1": (1, 1), "op_s2": (2, 1), "op_d2": (1, 2)}  # strides, dilation
SETTINGS = [(1, 1), (2, 1), (1, 2), (2, 2), (3, 1)]
# Variables of a layer named "conv", and what the reference calls them.
WEIGHTS = {
    "conv/kernel": "weight",
    "conv/bias": "bias",
    "conv/offset_modulation/kernel": "conv_offset_mask.weight",
    "conv/offset_modulation/bias": "conv_offset_mask.bias",
}


def channels_last(array):
    return array.transpose(0, 2, 3, 1)


def to_kernel(array):
    return array.transpose(2, 3, 1, 0) if array.ndim == 4 else array


def inputs_of(case, numbers):
    maps = [channels_last(numbers[f"{case}/{name}"]) for name in ("x", "offset", "mask")]
    return [*maps, to_kernel(numbers[f"{case}/weight"])]


def random_inputs(strides, dilation, size=(8, 11)):
    """Features of two images, offsets of up to a few pixels, modulations and a kernel."""
    rng = np.random.default_rng(strides + 10 * dilation)
    batch, (height, width) = 2, size
    rows, columns = -(-height // strides), -(-width // strides)
    features = rng.normal(size=(batch, height, width, 3))
    offsets = rng.normal(scale=2, size=(batch, rows, columns, 18))
    modulation = rng.uniform(size=(batch, rows, columns, 9))
    kernel = rng.normal(size=(3, 3, 3, 4))
    return [array.astype("float32") for array in (features, offsets, modulation, kernel)]


def ordinary_convolution(features, kernel, strides=1, dilation=1):
    """Padded by `dilation` zeros on each side, in numpy."""
    _, height, width, _ = features.shape
    padded = np.pad(features, ((0, 0), (dilation, dilation), (dilation, dilation), (0, 0)))
    out = 0
    for i, j in np.ndindex(3, 3):
        part = padded[:, i * dilation :, j * dilation :][:, :height:strides, :width:strides]
        out = out + part @ kernel[i, j]
    return out


def functional(side=8, channels=3, **options):
    image = keras.Input((side, side, channels), name="image")
    return keras.Model(image, DeformableConv2D(4, name="conv", **options)(image))


def shaken(model):
    """`model` with all weights random and offsets of a pixel or so."""
    rng = np.random.default_rng(0)
    for weight in model.weights:
        weight.assign(rng.normal(scale=0.3, size=weight.shape))
    return model


@pytest.fixture(scope="module")
def trained():
    return shaken(functional())


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(1).normal(size=(3, 8, 8, 3)).astype("float32")


@pytest.mark.whole
@pytest.mark.parametrize("compiled", [False, True], ids=["graph", "xla"])
@pytest.mark.parametrize("case", CASES)
def test_operation_and_its_gradients_equal_the_reference(case, compiled, parity):
    numbers = parity("dcn")
    upstream = channels_last(numbers[f"{case}/grad_out"])

    @tf.function(jit_compile=compiled)
    def forward_backward(*inputs):
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            out = deformable_convolution(*inputs, *CASES[case])
        return out, tape.gradient(out, inputs, upstream)

    out, gradients = forward_backward(*map(tf.constant, inputs_of(case, numbers)))
    assert_allclose(out + numbers[f"{case}/bias"], channels_last(numbers[f"{case}/out"]), atol=1e-5)
    features, offsets, modulation, kernel = gradients
    smooth = ~np.repeat(channels_last(numbers[f"{case}/kink"]), 2, axis=-1)
    assert smooth.mean() > 0.8
    expected_offsets = channels_last(numbers[f"{case}/grad_offset"])
    assert_allclose(features, channels_last(numbers[f"{case}/grad_x"]), atol=1e-4)
    assert_allclose(offsets.numpy()[smooth], expected_offsets[smooth], atol=1e-4)
    assert_allclose(modulation, channels_last(numbers[f"{case}/grad_mask"]), atol=1e-4)
    assert_allclose(kernel, to_kernel(numbers[f"{case}/grad_weight"]), atol=1e-4)


def test_the_gradient_gathers_again_instead_of_keeping_what_was_gathered():
    inputs = [tf.constant(array) for array in random_inputs(1, 1)]

    @tf.function
    def forward_backward(*inputs):
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            out = deformable_convolution(*inputs, 1, 1)
        return tape.gradient(out, inputs)

    context.enable_run_metadata()
    forward_backward(*inputs)
    graphs = context.export_run_metadata().function_graphs
    context.disable_run_metadata()
    (operations,) = ([node.op for node in graph.post_optimization_graph.node] for graph in graphs)
    assert operations.count("GatherV2") == 2 * 9


@pytest.mark.parametrize("compiled", [False, True], ids=["graph", "xla"])
@pytest.mark.parametrize(("case", "strides"), [("module_s1", 1), ("module_s2", 2)])
def test_layer_equals_the_module_of_the_reference(case, strides, compiled, parity):
    numbers = parity("dcn")
    features = channels_last(numbers[f"{case}/x"])
    layer = DeformableConv2D(16, strides=strides, name="conv")
    layer.build(features.shape)
    for weight in layer.weights:
        weight.assign(to_kernel(numbers[f"{case}/{WEIGHTS[weight.path]}"]))
    out = tf.function(layer, jit_compile=compiled)(tf.constant(features))
    assert_allclose(out, channels_last(numbers[f"{case}/out"]), atol=1e-5)


def test_variables_have_the_names_that_weight_files_go_by(trained):
    assert [weight.path for weight in trained.weights] == list(WEIGHTS)


@pytest.mark.parametrize(("strides", "dilation"), SETTINGS)
def test_without_offsets_it_is_an_ordinary_convolution(strides, dilation):
    features, offsets, modulation, kernel = random_inputs(strides, dilation)
    out = deformable_convolution(features, 0 * offsets, 0 * modulation + 1, kernel, strides, dilation)
    assert_allclose(out, ordinary_convolution(features, kernel, strides, dilation), atol=1e-5)


@pytest.mark.parametrize("size", [(8, 11), (2, 1)], ids=str)
@pytest.mark.parametrize(("strides", "dilation"), SETTINGS)
def test_a_fresh_layer_is_half_of_an_ordinary_convolution(strides, dilation, size):
    features = random_inputs(strides, dilation, size)[0]
    layer = DeformableConv2D(4, strides=strides, dilation_rate=dilation)
    out = layer(features)
    assert tuple(out.shape) == layer.compute_output_shape(features.shape)
    expected = ordinary_convolution(features, np.asarray(layer.kernel), strides, dilation) / 2
    assert_allclose(out, expected, atol=1e-5)
    layer.bias.assign([1, 2, 3, 4])
    assert_allclose(layer(features), expected + [1, 2, 3, 4], atol=1e-5)


@pytest.mark.parametrize(("strides", "dilation"), SETTINGS)
def test_offsets_are_those_of_a_convolution_of_the_same_strides_and_dilation(strides, dilation):
    features = random_inputs(strides, dilation)[0]
    layer = DeformableConv2D(4, strides=strides, dilation_rate=dilation)
    layer.build(features.shape)
    kernel = np.random.default_rng(5).normal(scale=0.2, size=(3, 3, 3, 27)).astype("float32")
    layer.offset_modulation.kernel.assign(kernel)
    predicted = ordinary_convolution(features, kernel, strides, dilation).astype("float32")
    offsets, modulation = predicted[..., :18], 1 / (1 + np.exp(-predicted[..., 18:]))
    expected = deformable_convolution(features, offsets, modulation, layer.kernel, strides, dilation)
    assert_allclose(layer(features), expected, atol=1e-4)


def test_whole_offsets_shift_the_map():
    features, offsets, modulation, kernel = random_inputs(1, 1)
    offsets[:] = [2, -1] * 9  # down, right
    shifted = np.pad(features, ((0, 0), (0, 2), (1, 0), (0, 0)))[:, 2:, :-1]
    # At the border an ordinary convolution of the shifted map meets zeros where the map goes on.
    inner = (slice(None), slice(1, -1), slice(1, -1))
    out = deformable_convolution(features, offsets, 0 * modulation + 1, kernel, 1, 1)
    assert_allclose(out[inner], ordinary_convolution(shifted, kernel)[inner], atol=1e-5)


def test_one_tap_worked_by_hand():
    # Tap 5 is the right neighbour: pixel (0, 1), moved to y = 0 + 0.25, x = 1 - 0.5. Of the four
    # pixels 1 2 / 3 4: 0.75 · (0.5 · 1 + 0.5 · 2) + 0.25 · (0.5 · 3 + 0.5 · 4) = 2, half of it 1.
    features = np.array([[1.0, 2.0], [3.0, 4.0]], "float32").reshape(1, 2, 2, 1)
    kernel = np.zeros((3, 3, 1, 1), "float32")
    kernel[1, 2] = 1
    offsets = np.zeros((1, 2, 2, 18), "float32")
    offsets[0, 0, 0, 10:12] = 0.25, -0.5
    modulation = np.full((1, 2, 2, 9), 0.5, "float32")
    out = deformable_convolution(features, offsets, modulation, kernel, 1, 1)
    assert_allclose(np.reshape(out, (2, 2)), [[1, 0], [2, 0]], atol=1e-6)


def test_a_tap_fades_out_over_the_border():
    # Half a pixel above the first row half of the pixel is left; a whole pixel above, nothing.
    features = np.full((1, 1, 1, 1), 4, "float32")
    kernel = np.zeros((3, 3, 1, 1), "float32")
    kernel[1, 1] = 1
    for offset, expected in [(-0.5, 2), (0.75, 1), (-1, 0), (1, 0), (-1.5, 0)]:
        offsets = np.full((1, 1, 1, 18), [offset, 0] * 9, "float32")
        out = deformable_convolution(features, offsets, np.ones((1, 1, 1, 9), "float32"), kernel, 1, 1)
        assert_allclose(np.ravel(out), [expected], atol=1e-6)


@pytest.mark.parametrize("offset", [30, -1e6, np.inf, -np.inf])
def test_far_outside_there_is_only_the_bias(images, offset):
    layer = DeformableConv2D(2)
    layer.build(images.shape)
    layer.offset_modulation.bias.assign([offset] * 18 + [0] * 9)
    layer.bias.assign([0.5, -3])
    assert_array_equal(layer(images), np.broadcast_to([0.5, -3], (3, 8, 8, 2)))


def test_an_offset_of_nan_spoils_its_own_output_only():
    features, offsets, modulation, kernel = random_inputs(1, 1)
    clean = np.asarray(deformable_convolution(features, offsets, modulation, kernel, 1, 1))
    offsets[1, 7, 10, 4] = np.nan
    for compiled in (False, True):
        function = tf.function(deformable_convolution, jit_compile=compiled)
        out = function(features, offsets, modulation, kernel, 1, 1).numpy()
        assert np.isnan(out[1, 7, 10]).all()
        out[1, 7, 10] = clean[1, 7, 10]
        assert_allclose(out, clean, atol=1e-5)


def test_gradients_of_nan_do_not_raise():
    inputs = [tf.constant(array) for array in random_inputs(1, 1)]
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        loss = tf.reduce_sum(deformable_convolution(*inputs, 1, 1)) * np.nan
    assert all(np.isnan(gradient).any() for gradient in tape.gradient(loss, inputs))


def test_each_image_of_a_batch_is_on_its_own(trained, images):
    together = trained(images)
    for i in range(3):
        assert_allclose(together[i], trained(images[i : i + 1])[0], atol=1e-5)


@pytest.mark.parametrize("options", [{"strides": 2}, {"dilation_rate": 2}], ids=str)
def test_saving_and_reloading_changes_nothing(options, images, tmp_path):
    model = shaken(functional(**options))
    model.save(tmp_path / "model.keras")
    reloaded = keras.models.load_model(tmp_path / "model.keras")
    assert reloaded.output_shape == model.output_shape
    assert_allclose(reloaded(images), model(images), atol=1e-6)


@pytest.mark.whole
@pytest.mark.parametrize("compiled", [False, True], ids=["graph", "xla"])
def test_training_moves_every_weight(images, compiled):
    model = functional()
    before = [np.array(weight) for weight in model.weights]
    model.compile("sgd", "mse", jit_compile=compiled)
    target = np.ones((3, 8, 8, 4), "float32")
    model.fit(images, target, batch_size=2, epochs=1, verbose=0)  # batches of 2 and 1
    for weight, old in zip(model.weights, before, strict=True):
        assert np.abs(weight - old).max() > 0, weight.path


@pytest.mark.parametrize(("policy", "tolerance"), [("mixed_float16", 0.01), ("mixed_bfloat16", 0.1)])
def test_mixed_precision_stays_close(policy, tolerance, trained, images):
    model = functional(dtype=policy)
    model.set_weights(trained.get_weights())
    out = model(images)
    assert keras.backend.standardize_dtype(out.dtype) == policy.removeprefix("mixed_")
    assert {weight.dtype for weight in model.weights} == {"float32"}
    assert_allclose(ops.cast(out, "float32"), trained(images), atol=tolerance)


def test_positions_are_exact_in_half_precision():
    # Near column 300 a bfloat16 steps by 2: a quarter of a pixel would vanish.
    features = ops.cast(np.tile([0.0, 4.0], 150).reshape(1, 1, 300, 1), "bfloat16")
    kernel = np.zeros((3, 3, 1, 1), "float32")
    kernel[1, 1] = 1
    offsets = ops.cast(np.full((1, 1, 300, 18), [0, 0.25] * 9), "bfloat16")
    modulation = ops.ones((1, 1, 300, 9), "bfloat16")
    out = deformable_convolution(features, offsets, modulation, ops.cast(kernel, "bfloat16"), 1, 1)
    expected = np.tile([1.0, 3.0], 150)  # 0.75 · 0 + 0.25 · 4, 0.75 · 4 + 0.25 · 0
    assert_array_equal(np.ravel(ops.cast(out, "float32"))[:-1], expected[:-1])


def test_a_map_of_unknown_size_is_refused():
    with pytest.raises(ValueError, match=r"needs a fixed height and width. Received: \(None, None, 8, 3\)"):
        DeformableConv2D(4)(keras.Input((None, 8, 3)))


def test_saved_model_takes_any_batch(trained, images, tmp_path):
    trained.export(tmp_path / "saved", verbose=False)
    served = tf.saved_model.load(str(tmp_path / "saved")).signatures["serving_default"]
    for count in (1, 3):
        (out,) = served(tf.constant(images[:count])).values()
        assert_allclose(out, trained(images[:count]), atol=1e-5)


def test_litert_equals_keras_with_ops_that_gpus_run(trained, images, tmp_path):
    archive = keras.export.ExportArchive()
    archive.track(trained)
    spec = tf.TensorSpec([1, 8, 8, 3], name="image")
    archive.add_endpoint("serving_default", lambda image: trained(image, training=False), [spec])
    archive.write_out(tmp_path / "saved", verbose=False)
    converter = tf.lite.TFLiteConverter.from_saved_model(str(tmp_path / "saved"))
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
    interpreter = Interpreter(model_content=converter.convert())
    (out,) = interpreter.get_signature_runner("serving_default")(image=images[:1]).values()
    assert_allclose(out, trained(images[:1]), atol=1e-5)

    operations = interpreter._get_ops_details()
    names = {operation["op_name"] for operation in operations}
    assert not [n for n in names if re.search("FLEX|CUSTOM|GATHER_ND|WHILE|^IF$|BROADCAST_TO|SCATTER", n)]
    details = {detail["index"]: detail for detail in interpreter.get_tensor_details()}
    assert max(len(detail["shape"]) for detail in details.values()) <= 4
    assert not [detail["name"] for detail in details.values() if detail["dtype"] == np.int64]
    gathers = [operation for operation in operations if operation["op_name"] == "GATHER"]
    assert len(gathers) == 9
    assert all(len(details[gather["inputs"][1]]["shape"]) == 1 for gather in gathers)


JAX = """
import sys
import jax, numpy as np
from yolact_tf.model.backbones.deformable import deformable_convolution
given = np.load(sys.argv[1])
inputs = [given[f"arr_{i}"] for i in range(4)]
out, pull = jax.vjp(jax.jit(lambda *x: deformable_convolution(*x, 2, 1)), *inputs)
np.savez(sys.argv[2], out, *jax.jit(pull)(2 * out))
"""


@pytest.mark.whole
@pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="needs jax")
def test_jax_gives_the_same_numbers(tmp_path):
    inputs = random_inputs(2, 1)
    np.savez(tmp_path / "inputs.npz", *inputs)
    inputs = [tf.constant(array) for array in inputs]
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        out = deformable_convolution(*inputs, 2, 1)
        loss = tf.reduce_sum(out * out)
    expected = [out, *tape.gradient(loss, inputs)]
    command = [sys.executable, "-c", JAX, tmp_path / "inputs.npz", tmp_path / "outputs.npz"]
    subprocess.run(command, env=os.environ | {"KERAS_BACKEND": "jax"}, check=True)
    found = np.load(tmp_path / "outputs.npz")
    for i, array in enumerate(expected):
        assert_allclose(found[f"arr_{i}"], array, atol=1e-4)
