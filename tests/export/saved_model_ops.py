"""What TF Serving's stock 2.20 server can run, looked for in an export."""

from pathlib import Path

from yolact_tf.export.verify.operations import ops_of_version

# What our exports use, all of it registered by TensorFlow 2.20, whichever version runs here.
OPS_OF_2_20 = set(Path(__file__).with_name("ops_of_tensorflow_2_20.txt").read_text().split())


def assert_server_has_ops(saved_model):
    """Asserts that version 1 of a model uses listed ops only: the server has TensorFlow's and no others."""
    unlisted = set(ops_of_version(saved_model / "1")) - OPS_OF_2_20
    assert not unlisted, f"ops missing from the list of TensorFlow 2.20's: {sorted(unlisted)}"
