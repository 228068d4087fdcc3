"""TF Serving's warm-up requests: one PredictionLog, encoded by hand.

The message types live in tensorflow-serving-api, which brings gRPC; three nested fields do not need
it. Field numbers are those of prediction_log.proto, predict.proto and model.proto.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import tensorflow as tf

MODEL_NAME = "yolact"


def write_warmup(folder: Path, image_size: int) -> None:
    """Writes assets.extra/tf_serving_warmup_requests: one blank JPEG for `serving_default`."""
    image = tf.io.encode_jpeg(tf.zeros([image_size, image_size, 3], tf.uint8)).numpy()
    target = folder / "assets.extra"
    target.mkdir()
    with tf.io.TFRecordWriter(str(target / "tf_serving_warmup_requests")) as writer:
        writer.write(prediction_log(MODEL_NAME, "serving_default", {"image_bytes": [image]}))


def prediction_log(model: str, signature: str, inputs: Mapping[str, Sequence[bytes]]) -> bytes:
    """Serialised PredictionLog of a predict request with string inputs {name: list of bytes}."""
    model_spec = _field(1, model.encode()) + _field(3, signature.encode())
    request = _field(1, model_spec)
    for name, values in inputs.items():
        tensor = tf.make_tensor_proto(values, dtype=tf.string).SerializeToString()
        request += _field(2, _field(1, name.encode()) + _field(2, tensor))
    return _field(6, _field(1, request))  # predict_log { request { … } }


def _field(number, payload):
    """A length-delimited protobuf field."""
    return _varint(number << 3 | 2) + _varint(len(payload)) + payload


def _varint(value):
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes(out) + bytes([value])
