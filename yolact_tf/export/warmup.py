"""TF Serving's warm-up requests: a PredictionLog for each signature, written and read.

The message types live in tensorflow-serving-api, which brings gRPC. What a predict request needs of them is
declared here instead; numbers are those of prediction_log.proto, predict.proto and model.proto.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path

import tensorflow as tf
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from tensorflow.core.framework import tensor_pb2

from yolact_tf.structures import Tensor

FILE = "assets.extra/tf_serving_warmup_requests"
MODEL_NAME = "yolact"  # any: the server asks the version whose file it is

# message -> {field: (number, type)}; a list where it is repeated. A map is a repeated pair on the wire, and a
# message in another as its bytes.
_MESSAGES = {
    "ModelSpec": {"name": (1, "string"), "signature_name": (3, "string")},
    "Input": {"key": (1, "string"), "value": (2, "bytes")},
    "PredictRequest": {"model_spec": (1, "ModelSpec"), "inputs": (2, ["Input"])},
    "PredictLog": {"request": (1, "PredictRequest")},
    "PredictionLog": {"predict_log": (6, "PredictLog")},
}


def write_warmup(folder: Path, specs: Mapping[str, tf.TensorSpec], image_size: int) -> None:
    """Writes a request of one black image for each signature into the folder of a version.

    specs: {signature: TensorSpec of its input}, encoded images or pixels.
    """
    (folder / FILE).parent.mkdir(exist_ok=True)
    with tf.io.TFRecordWriter(str(folder / FILE)) as writer:
        for signature, spec in specs.items():
            writer.write(prediction_log(MODEL_NAME, signature, {spec.name: _blank(spec, image_size)}))


def read_warmup(folder: Path) -> list[tuple[str, dict[str, Tensor]]]:
    """(signature, {input: tensor}) of each predict request in a version's folder, [] without a file."""
    if not (folder / FILE).is_file():
        return []
    records = tf.data.TFRecordDataset(str(folder / FILE)).as_numpy_iterator()
    logs = [PredictionLog.FromString(record) for record in records]
    requests = [log.predict_log.request for log in logs if log.HasField("predict_log")]
    return [(request.model_spec.signature_name, _tensors(request.inputs)) for request in requests]


def prediction_log(model: str, signature: str, inputs: Mapping[str, tensor_pb2.TensorProto]) -> bytes:
    """Serialised PredictionLog of a predict request."""
    log = PredictionLog()
    request = log.predict_log.request
    request.model_spec.name, request.model_spec.signature_name = model, signature
    for name, tensor in inputs.items():
        request.inputs.add(key=name, value=tensor.SerializeToString())
    return log.SerializeToString()


def _tensors(inputs: Iterable) -> dict[str, Tensor]:
    protos = {entry.key: tensor_pb2.TensorProto.FromString(entry.value) for entry in inputs}
    return {name: tf.constant(tf.make_ndarray(proto)) for name, proto in protos.items()}


def _blank(spec, image_size):
    """TensorProto of one black image, encoded where the input takes strings."""
    if spec.dtype == tf.string:
        black = tf.zeros([image_size, image_size, 3], tf.uint8)
        return tf.make_tensor_proto([tf.io.encode_jpeg(black).numpy()])
    shape = tf.TensorShape([1, image_size, image_size, 3]).as_proto()
    # One value stands for all.
    return tensor_pb2.TensorProto(dtype=spec.dtype.as_datatype_enum, tensor_shape=shape, int_val=[0])


def _declared(messages):
    """The message classes of `messages`, in a pool that no installed copy of the real ones can disturb."""
    file = descriptor_pb2.FileDescriptorProto(name="warmup.proto", package="yolact_tf", syntax="proto3")
    for message, fields in messages.items():
        declared = file.message_type.add(name=message)
        for name, (number, kind) in fields.items():
            is_repeated = isinstance(kind, list)
            field = declared.field.add(name=name, number=number, label=3 if is_repeated else 1)
            kind = kind[0] if is_repeated else kind
            if kind in messages:
                field.type, field.type_name = field.TYPE_MESSAGE, f".yolact_tf.{kind}"
            else:
                field.type = getattr(field, f"TYPE_{kind.upper()}")
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {
        message: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"yolact_tf.{message}"))
        for message in messages
    }


PredictionLog = _declared(_MESSAGES)["PredictionLog"]
