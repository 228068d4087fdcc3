import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter

from yolact_tf.export.bias_room import with_room_for_biases
from yolact_tf.export.calibration import value_ranges
from yolact_tf.export.quantization import Quantization

BIAS = np.array([0.5, -0.7, 0.9], "float32")


class Images(list):
    """Stands for CalibrationImages."""

    def describe(self):
        return {}


@pytest.fixture(params=["full", "depthwise"])
def content(request, tmp_path):
    """A float32 `.tflite` of a convolution whose last two channels have next to no kernel."""
    rng = np.random.default_rng(0)
    is_full = request.param == "full"
    kernel = rng.normal(0, 0.1, (3, 3, 3, 3) if is_full else (3, 3, 3, 1)).astype("float32")
    (kernel if is_full else kernel[..., 0])[..., 1:] *= 1e-12
    convolve, strides = (tf.nn.conv2d, 1) if is_full else (tf.nn.depthwise_conv2d, [1] * 4)
    model = tf.Module()
    model.compute = tf.function(
        lambda image: {"output": tf.nn.bias_add(convolve(image, kernel, strides, "SAME"), BIAS)},
        input_signature=[tf.TensorSpec((1, 8, 8, 3), tf.float32, name="image")],
    )
    tf.saved_model.save(model, tmp_path, signatures={"serving_default": model.compute})
    return tf.lite.TFLiteConverter.from_saved_model(str(tmp_path)).convert()


@pytest.fixture
def images():
    rng = np.random.default_rng(1)
    return Images(rng.uniform(0, 6, (1, 8, 8, 3)).astype("float32") for _ in range(3))


def output(content, image):
    interpreter = Interpreter(model_content=content)
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], image)
    interpreter.invoke()
    return interpreter.get_tensor(interpreter.get_output_details()[0]["index"])


def test_channels_without_a_kernel_keep_their_bias(content, images):
    found = output(Quantization("int8", images)(content), images[0])
    np.testing.assert_allclose(found[..., 1:], np.broadcast_to(BIAS[1:], (1, 8, 8, 2)), atol=0.01)


def test_what_float32_computes_hardly_changes(content, images):
    changed = with_room_for_biases(content, value_ranges(content, images))
    assert changed != content
    before, after = (output(c, images[0]) for c in (content, changed))
    np.testing.assert_array_equal(after[..., 0], before[..., 0])
    assert 0 < np.abs(after - before).max() <= 2e-5 * np.abs(BIAS).max()


def test_a_file_with_room_is_left_as_it_is(content, images):
    changed = with_room_for_biases(content, value_ranges(content, images))
    assert with_room_for_biases(changed, value_ranges(changed, images)) is changed
