import tensorflow as tf

from yolact_tf.export.verify.operations import count_operations


def test_operations_of_artefacts(litert_file, saved_model):
    on_cpu, on_gpu = count_operations(litert_file), count_operations(litert_file, "gpu")
    assert on_cpu["CPU"] == on_gpu["GPU"] > 100
    counted = count_operations(saved_model)
    assert counted.pop("TensorFlow") > 100 and counted == {"Flex": 0, "custom": 0}


def test_operations_that_litert_lacks_are_flex(tmp_path):
    @tf.function(input_signature=[tf.TensorSpec([4], tf.float32)])
    def erfinv(x):
        return tf.math.erfinv(x) + 1

    converter = tf.lite.TFLiteConverter.from_concrete_functions([erfinv.get_concrete_function()])
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS, tf.lite.OpsSet.SELECT_TF_OPS]
    path = tmp_path / "flex.tflite"
    path.write_bytes(converter.convert())
    counted = count_operations(path)
    assert counted["Flex"] == 1 and counted["CPU"] >= 1
