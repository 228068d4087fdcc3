"""Warm-up requests: as TF Serving's own messages read them, and as the signatures that they are for do."""

import pytest
import tensorflow as tf
from numpy.testing import assert_array_equal

from yolact_tf.export.warmup import FILE, prediction_log, read_warmup

SIGNATURES = ["serving_default", "png", "tensors", "raw", "evaluation", "explore"]


@pytest.fixture(scope="module")
def records(saved_model):
    return list(tf.data.TFRecordDataset(str(saved_model / "1" / FILE)).as_numpy_iterator())


@pytest.mark.whole
def test_each_signature_has_a_request_that_it_answers(saved_model):
    loaded = tf.saved_model.load(str(saved_model / "1"))
    requests = read_warmup(saved_model / "1")
    assert [name for name, _ in requests] == SIGNATURES and set(loaded.signatures) == set(SIGNATURES)
    for name, inputs in requests:
        found = loaded.signatures[name](**inputs)
        assert {tensor.shape[0] for tensor in found.values()} == {1}
    assert requests[2][1]["images"].shape == (1, 128, 128, 3)


def test_tensorflow_serving_reads_the_same(saved_model, records):
    logs = pytest.importorskip("tensorflow_serving.apis.prediction_log_pb2")
    for record, (name, inputs) in zip(records, read_warmup(saved_model / "1"), strict=True):
        log = logs.PredictionLog.FromString(record)
        assert log.WhichOneof("log_type") == "predict_log"
        request = log.predict_log.request
        assert (request.model_spec.name, request.model_spec.signature_name) == ("yolact", name)
        assert set(request.inputs) == set(inputs)
        for key, tensor in inputs.items():
            assert_array_equal(tf.make_ndarray(request.inputs[key]), tensor.numpy())
        assert not log.FindInitializationErrors() and log.SerializeToString(deterministic=True) == record


def test_what_tensorflow_serving_writes_is_read(tmp_path):
    logs = pytest.importorskip("tensorflow_serving.apis.prediction_log_pb2")
    predict, classify = logs.PredictionLog(), logs.PredictionLog()
    request = predict.predict_log.request
    request.model_spec.name, request.model_spec.version.value = "other", 7
    request.model_spec.signature_name = "png"
    request.inputs["image_bytes"].CopyFrom(tf.make_tensor_proto([b"a", b"b"]))
    classify.classify_log.request.model_spec.name = "other"
    write(tmp_path, [predict.SerializeToString(), classify.SerializeToString()])
    ((name, inputs),) = read_warmup(tmp_path)
    assert name == "png"
    assert_array_equal(inputs["image_bytes"].numpy(), [b"a", b"b"])


def test_a_request_worked_by_hand():
    """Field 6 { 1 { 1 { 1 "m", 3 "s" }, 2 { 1 "x", 2 TensorProto } } }, each a tag and a length."""
    tensor = tf.make_tensor_proto([b"a"])
    content = tensor.SerializeToString()
    entry = b"\x0a\x01x\x12" + bytes([len(content)]) + content
    request = b"\x0a\x06\x0a\x01m\x1a\x01s" + b"\x12" + bytes([len(entry)]) + entry
    log = b"\x0a" + bytes([len(request)]) + request
    assert prediction_log("m", "s", {"x": tensor}) == b"\x32" + bytes([len(log)]) + log


def test_a_version_without_requests_has_none(tmp_path):
    assert read_warmup(tmp_path) == []


def write(folder, records):
    (folder / FILE).parent.mkdir()
    with tf.io.TFRecordWriter(str(folder / FILE)) as writer:
        for record in records:
            writer.write(record)
