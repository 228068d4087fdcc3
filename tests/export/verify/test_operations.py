import pytest
import tensorflow as tf

from yolact_tf.export.verify.operations import count_operations


def test_operations_of_artefacts(litert_file, saved_model):
    on_cpu, on_gpu = count_operations(litert_file), count_operations(litert_file, "gpu")
    assert on_cpu["CPU"] == on_gpu["GPU"] > 100
    counted = count_operations(saved_model)
    assert counted.pop("TensorFlow") > 100 and counted == {"Flex": 0, "custom": 0}


def determinant(x):
    return tf.linalg.det(tf.reshape(x, [2, 2]))


@pytest.mark.parametrize(("lacks", "kind"), [(determinant, "Flex"), (tf.math.erfinv, "custom")])
def test_operations_that_litert_lacks(lacks, kind, tmp_path):
    answer = tf.function(lambda x: lacks(x) + 1, input_signature=[tf.TensorSpec([4], tf.float32)])
    converter = tf.lite.TFLiteConverter.from_concrete_functions([answer.get_concrete_function()], answer)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS, tf.lite.OpsSet.SELECT_TF_OPS]
    converter.allow_custom_ops = kind == "custom"
    path = tmp_path / "lacking.tflite"
    path.write_bytes(converter.convert())
    counted = count_operations(path)
    assert counted.pop("CPU") >= 1
    assert counted == {"Flex": 0, "custom": 0, kind: 1}
