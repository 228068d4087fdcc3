"""JSON to tensors and back: the laws, and the numbers that are easy to get wrong."""

import json

import numpy as np
import pytest
import tensorflow as tf

from yolact_tf.serve.json_tensors import JSON_CHUNK, decode_inputs, encode_columns, encode_rows


def decode(value, dtype, shape=None):
    spec = tf.TensorSpec(shape, dtype, "x")
    return decode_inputs({"inputs": {"x": value}}, {"x": spec})["x"]


def test_every_float32_comes_back_the_same():
    bits = np.random.default_rng(0).integers(0, 2**32, 20_000, dtype=np.uint32)
    values = bits.view(np.float32)
    read = np.array(json.loads(encode_columns({"x": values})), np.float64).astype(np.float32)
    np.testing.assert_array_equal(read, values)


def test_floats_are_as_short_as_numpy_writes_them():
    magnitudes = 10.0 ** np.arange(-11, 9).repeat(100)
    values = (np.random.default_rng(0).uniform(0.1, 1, 2000) * magnitudes).astype(np.float32)
    written = encode_columns({"x": values}).strip("[]").split(",")
    assert all(len(text) <= len(str(value)) for text, value in zip(written, values, strict=True))
    special = np.array([0.1, 0.0, 1.0, 1e-8, 3.4e38, np.nan, np.inf, -np.inf], np.float32)
    assert encode_columns({"x": special[:4]}) == "[0.1,0.0,1.0,1e-08]"
    assert encode_columns({"x": special[5:]}) == "[NaN,Infinity,-Infinity]"


@pytest.mark.parametrize("dtype", [tf.float32, tf.float64, tf.int64, tf.uint8, tf.bool])
@pytest.mark.parametrize("shape", [(), (0,), (2, 0), (3,), (2, 3, 4), (3, JSON_CHUNK)])
def test_decoding_undoes_encoding(dtype, shape):
    values = (np.arange(int(np.prod(shape))).reshape(shape) % 200).astype(dtype.as_numpy_dtype)
    read = decode(json.loads(encode_columns({"x": values})), dtype)
    assert read.dtype == dtype and read.shape == values.shape
    np.testing.assert_array_equal(read, values)


@pytest.mark.parametrize("name", ["text", "text_bytes"])
@pytest.mark.parametrize(
    "values", [b"", "grün".encode(), [b"a\0", b"\0"], [[b"x"], [b'"\\']], np.zeros([0], object)]
)
def test_strings_come_back_with_their_zero_bytes(name, values):
    values = np.array(values, object)
    read = decode(json.loads(encode_columns({name: values})), tf.string)
    np.testing.assert_array_equal(read, values)


def test_base64_may_be_wrapped_and_unpadded():
    assert decode([{"b64": "aGFs\nbG8"}], tf.string).tolist() == [b"hallo"]


def test_rows_take_a_value_of_each_output():
    outputs = {"a": np.array([[1, 2], [3, 4]]), "b_bytes": np.array([b"x", b"y"], object)}
    assert (
        encode_rows(outputs) == '[{"a":[1,2],"b_bytes":{"b64":"eA=="}},{"a":[3,4],"b_bytes":{"b64":"eQ=="}}]'
    )
    assert encode_rows({"a": outputs["a"]}) == "[[1,2],[3,4]]"


MISFITS = [
    (True, tf.int32, "True"),
    ([1, True], tf.int32, "True"),
    (1, tf.bool, "1"),
    (None, tf.float32, "None"),
    ("1", tf.float32, "'1'"),
    (1.0, tf.int32, "1.0"),
    (-1, tf.uint8, "-1, out of range"),
    (2**31, tf.int32, "2147483648, out of range"),
    (2**70, tf.int64, "1180591620717411303424"),
    (1e39, tf.float32, "1e\\+39, out of range"),
    ([1, [2]], tf.float32, "unequal length"),
    (["a", ["b"]], tf.string, "unequal length"),
    ({"b64": "a"}, tf.string, "not base64"),
    ({"b64": 1}, tf.string, "{'b64': 1}"),
    ({"b64": "YQ=="}, tf.int32, "b64"),
]


@pytest.mark.parametrize(("value", "dtype", "received"), MISFITS)
def test_values_that_do_not_fit_are_named(value, dtype, received):
    with pytest.raises(ValueError, match=f"`x` must be {dtype.name} of shape .*Received: .*{received}"):
        decode(value, dtype)
