"""A small writer of PyTorch's two layouts of a state dict: what PyTorch would write, without PyTorch."""

import io
import pickle
import struct
import sys
import types
import zipfile
from collections import OrderedDict
from dataclasses import dataclass
from unittest import mock

import ml_dtypes
import numpy as np

KINDS = {
    **{"Double": "f8", "Float": "f4", "Half": "f2", "BFloat16": ml_dtypes.bfloat16},
    **{"Long": "i8", "Int": "i4", "Short": "i2", "Char": "i1", "Byte": "u1", "Bool": "?"},
}
MAGIC, PROTOCOL = 0x1950A86A20F9469CFC6C, 1001


def stubs(module, names):
    return types.SimpleNamespace(**{name: type(name, (), {"__module__": module}) for name in names})


TORCH = stubs("torch", [f"{kind}Storage" for kind in KINDS] + ["load"])
UTILS = stubs("torch._utils", ["_rebuild_tensor", "_rebuild_tensor_v2", "_rebuild_parameter"])


@dataclass(eq=False)
class Storage:
    """Elements in a row; `count` is what the pickle claims of them."""

    values: np.ndarray
    kind: str
    count: int
    key: str | None = None
    device: str = "cpu"
    part: tuple = ()


@dataclass(eq=False)
class Tensor:
    storage: Storage
    offset: int
    size: tuple
    stride: tuple
    version: str = "_v2"


@dataclass(eq=False)
class Parameter:
    tensor: Tensor


class Pickler(pickle.Pickler):
    def __init__(self, file, protocol):
        super().__init__(file, protocol)
        self.storages = {}

    def persistent_id(self, value):
        if not isinstance(value, Storage):
            return None
        value.key = value.key or str(len(self.storages) + 94)
        self.storages[value.key] = value
        kind = getattr(TORCH, f"{value.kind}Storage")
        return ("storage", kind, value.key, value.device, value.count, *value.part)

    def reducer_override(self, value):
        if isinstance(value, Parameter):
            return UTILS._rebuild_parameter, (value.tensor, True, OrderedDict())
        if isinstance(value, Tensor):
            rest = (False, OrderedDict()) if value.version else ()
            function = getattr(UTILS, f"_rebuild_tensor{value.version}")
            return function, (value.storage, value.offset, value.size, value.stride, *rest)
        return NotImplemented


def pickled(content, protocol):
    """(bytes, {key: storage}) of anything with tensors in it; bytes stand for themselves."""
    if isinstance(content, bytes):
        return content, {}
    stream = io.BytesIO()
    pickler = Pickler(stream, protocol)
    with mock.patch.dict(sys.modules, {"torch": TORCH, "torch._utils": UTILS}):
        pickler.dump(content)
    return stream.getvalue(), pickler.storages


def write_zip(path, content, protocol=2, order="<", packing=zipfile.ZIP_STORED, more=()):
    data, storages = pickled(content, protocol)
    with zipfile.ZipFile(path, "w", packing) as file:
        file.writestr("any name/data.pkl", data)
        file.writestr("any name/byteorder", {"<": "little", ">": "big"}[order])
        for key, storage in storages.items():
            values = storage.values.byteswap() if order == ">" else storage.values
            file.writestr(f"any name/data/{key}", values.tobytes())
        for name in more:
            file.writestr(name, b"more")
    return path


def write_stream(path, content, protocol=2, keys=None):
    data, storages = pickled(content, protocol)
    keys = sorted(storages) if keys is None else keys
    head = [pickle.dumps(value, protocol) for value in (MAGIC, PROTOCOL, {"little_endian": True})]
    parts = [*head, data, pickle.dumps(keys, protocol)]
    for values in (storages[key].values for key in keys if key in storages):
        parts += [struct.pack("<q", len(values)), values.tobytes()]
    path.write_bytes(b"".join(parts))
    return path


def tensor(array, kind="Float", **options):
    """A contiguous tensor with a storage of its own."""
    array = np.asarray(array, KINDS[kind])
    strides = tuple(stride // array.itemsize for stride in array.strides)
    storage = Storage(array.reshape(-1), kind, array.size, **options)
    return Tensor(storage, 0, array.shape, strides)
