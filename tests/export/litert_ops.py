"""What LiteRT's GPU backends are known to refuse, looked for in a file."""

import re

import numpy as np
from ai_edge_litert.interpreter import Interpreter

REFUSED = "FLEX|CUSTOM|GATHER_ND|NON_MAX|WHILE|^IF$|BROADCAST_TO|SCATTER|EINSUM|DEQUANTIZE|VAR_HANDLE"


def assert_gpus_can_run(path):
    """Asserts built-in ops only, fixed shapes, no int64, no rank above 4, gathers by 1-D indices."""
    interpreter = Interpreter(str(path))
    ops = interpreter._get_ops_details()
    assert not [op["op_name"] for op in ops if re.search(REFUSED, op["op_name"].upper())]
    tensors = {tensor["index"]: tensor for tensor in interpreter.get_tensor_details()}
    for tensor in tensors.values():
        assert tensor["dtype"] != np.int64, tensor["name"]
        assert len(tensor["shape"]) <= 4, tensor["name"]
        assert -1 not in tensor["shape_signature"], tensor["name"]
    for op in ops:
        if op["op_name"] == "GATHER":
            assert len(tensors[op["inputs"][1]]["shape"]) == 1
