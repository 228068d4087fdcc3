"""What TF Serving's stock 2.20 server can run, looked for in an export."""

from pathlib import Path

from tensorflow.core.protobuf import saved_model_pb2

# What our exports use, all of it registered by TensorFlow 2.20, whichever version runs here.
OPS_OF_2_20 = set(Path(__file__).with_name("ops_of_tensorflow_2_20.txt").read_text().split())


def assert_server_has_ops(saved_model):
    """Asserts that version 1 of a model uses listed ops only: the server has TensorFlow's and no others."""
    content = (saved_model / "1" / "saved_model.pb").read_bytes()
    definition = saved_model_pb2.SavedModel.FromString(content).meta_graphs[0].graph_def
    nodes = [*definition.node, *(n for f in definition.library.function for n in f.node_def)]
    functions = {f.signature.name for f in definition.library.function}
    unlisted = {node.op for node in nodes} - functions - OPS_OF_2_20
    assert not unlisted, f"ops missing from the list of TensorFlow 2.20's: {sorted(unlisted)}"
