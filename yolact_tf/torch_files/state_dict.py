"""PyTorch's weight files to numpy arrays, without PyTorch and without running what a file says.

A .pth file is a pickle of names and tensors, each tensor a view of a numbered storage, with the
storages' bytes beside it: in a zip since PyTorch 1.6, before that behind the pickle in one stream.
"""

import io
import mmap
import struct
import zipfile
from pathlib import Path

import ml_dtypes
import numpy as np

from yolact_tf.files import PathLike
from yolact_tf.torch_files.safe_pickle import Storage, Tensor, read_pickle, shown

# torch/serialization.py, MAGIC_NUMBER and PROTOCOL_VERSION
STREAM_MAGIC, STREAM_PROTOCOL = 0x1950A86A20F9469CFC6C, 1001
WRAPPERS = ("state_dict", "model")  # customary names of the state dict in a training checkpoint
PARALLEL_PREFIX = "module."  # torch.nn.DataParallel puts it before every name
ZIP_ENTRY = b"PK\x03\x04"


def read_state_dict(path: PathLike) -> dict[str, np.ndarray]:
    """Reads the tensors of a .pth, .pt or .safetensors file as {name: array}, in the file's order.

    A dictionary around the state dict and DataParallel's "module." are taken off. bfloat16 becomes
    float32, other types stay. Arrays are read-only views of the file where its layout allows, some of
    them strided, so the file must not change while they are in use.
    FileNotFoundError where there is no file; ValueError in one line for one that is cut short, holds
    no state dict, or names anything that a state dict does not need, of which nothing is executed.
    ImportError where a .safetensors file meets no package safetensors.
    """
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"{path}: no such weight file")
    if not path.is_file():
        raise ValueError(f"{path}: expected a file. Received: {'a folder' if path.is_dir() else 'a device'}")
    if path.stat().st_size == 0:
        raise ValueError(f"{path}: expected a file of weights. Received: an empty file")
    try:
        arrays = _read_safetensors(path) if path.suffix == ".safetensors" else _read_pth(path)
    except (ValueError, OSError) as error:
        raise ValueError(f"{path}: {error}") from None
    return _without_parallel_prefix(arrays)


def _read_safetensors(path):
    try:
        from safetensors import SafetensorError, safe_open
    except ImportError:
        raise ImportError(f"{path} needs the package safetensors: pip install safetensors") from None
    try:
        with safe_open(path, framework="numpy") as file:
            arrays = {name: _widened(file.get_tensor(name)) for name in file.offset_keys()}
    except (SafetensorError, TypeError) as error:
        raise ValueError(f"expected a safetensors file. Received one with: {shown(str(error))}") from None
    if not arrays:
        raise ValueError("expected named tensors. Received: a safetensors file of none")
    return arrays


def _read_pth(path):
    with open(path, "rb") as file:
        data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        if data[:4] == ZIP_ENTRY:
            content, storages = _read_zip(file, data)
        elif data[:1] == b"\x80":
            content, storages = _read_stream(data)
        else:
            raise ValueError(
                f"expected a PyTorch file, zip or pickle. Received: {len(data)} bytes starting {data[:8]!r}"
            )
    state_dict = _find_state_dict(content)
    for name, value in state_dict.items():
        if not isinstance(name, str) or not isinstance(value, Tensor):
            raise ValueError(f"expected tensors by name. Received: {shown(name)}, {_kind(value)}")
    return {name: storages.view(tensor) for name, tensor in state_dict.items()}


def _read_zip(file, data):
    """The unpickled data.pkl of a zip, and the storages that lie beside it."""
    entries = _zip_entries(file)
    pickles = [name for name in entries if name.count("/") == 1 and name.endswith("/data.pkl")]
    if len(pickles) != 1:
        raise ValueError(f"expected a PyTorch zip, with FOLDER/data.pkl. Received one of: {_listed(entries)}")
    folder = pickles[0].removesuffix("data.pkl")
    if f"{folder}constants.pkl" in entries:
        raise ValueError("expected a state dict. Received: a TorchScript archive; save its `state_dict()`")
    content, _ = read_pickle(io.BytesIO(_entry(data, entries[pickles[0]])))
    byteorder = f"{folder}byteorder"
    is_big = byteorder in entries and _entry(data, entries[byteorder]) == b"big"
    prefix = f"{folder}data/"
    spans = {
        name.removeprefix(prefix): _entry_span(data, entry)
        for name, entry in entries.items()
        if name.startswith(prefix)
    }
    # Many names for the same bytes would make much out of little.
    if sum(size for _, size in spans.values()) > len(data):
        raise ValueError("expected entries that lie side by side. Received: a zip of overlapping ones")
    return content, _Storages(data, spans, ">" if is_big else "<")


# What zipfile raises for files that are broken in one way or another.
_ZIP_ERRORS = (zipfile.BadZipFile, NotImplementedError, struct.error, OverflowError, ValueError, OSError)


def _zip_entries(file):
    """{name: ZipInfo} of a zip."""
    try:
        entries = zipfile.ZipFile(file).infolist()
    except _ZIP_ERRORS as error:
        raise ValueError(f"expected a whole zip. Received one with: {shown(str(error))}") from None
    by_name = {entry.filename: entry for entry in entries}
    if len(by_name) < len(entries):
        raise ValueError("expected each zip entry once. Received: several of one name")
    return by_name


def _entry(data, entry):
    start, size = _entry_span(data, entry)
    return data[start : start + size]


def _entry_span(data, entry):
    """(start, size) of the bytes of a zip entry, which lie behind its local header."""
    name = shown(entry.filename)
    if entry.compress_type != zipfile.ZIP_STORED or entry.compress_size != entry.file_size:
        raise ValueError(f"expected plain entries, as PyTorch writes them. Received: {name}, compressed")
    at = entry.header_offset
    header = data[at : at + 30] if at >= 0 else b""
    if len(header) < 30 or not header.startswith(ZIP_ENTRY):
        raise ValueError(f"expected a whole zip. Received one with no entry where {name} should be")
    start = at + 30 + sum(struct.unpack("<HH", header[26:]))
    if start + entry.file_size > len(data):
        raise ValueError(f"expected a whole zip. Received one with {name} outside the file")
    return start, entry.file_size


def _read_stream(data):
    """The unpickled tensors of a file older than PyTorch 1.6, and the storages that follow them."""
    magic, _ = read_pickle(data)
    if magic != STREAM_MAGIC:
        raise ValueError(f"expected PyTorch's magic number. Received: a pickle of {_kind(magic)}")
    protocol, _ = read_pickle(data)
    if protocol != STREAM_PROTOCOL:
        raise ValueError(f"expected PyTorch's protocol {STREAM_PROTOCOL}. Received: {_kind(protocol)}")
    read_pickle(data)  # the writer's word sizes; storages are little-endian whatever these say
    content, roots = read_pickle(data)
    keys, _ = read_pickle(data)
    if not isinstance(keys, list):
        raise ValueError(f"expected a list of storages. Received: {_kind(keys)}")
    return content, _Storages(data, dict(_stream_span(data, key, roots) for key in keys), "<")


def _stream_span(data, key, roots):
    """(key, (start, size)) of the storage that comes next in the stream, which is left behind it."""
    if not isinstance(key, str) or key not in roots:
        raise ValueError(f"expected storages of known tensors. Received: one more, {_kind(key)}")
    storage = roots.pop(key)
    count = int.from_bytes(data.read(8), "little", signed=True)
    start, size = data.tell(), storage.count * storage.dtype.itemsize
    if count != storage.count or start + size > len(data):
        raise ValueError(
            f"expected storage {shown(key)} of {storage.count} elements. "
            f"Received: {count}, of which {len(data) - start} bytes are there"
        )
    data.seek(start + size)
    return key, (start, size)


class _Storages:
    """The storages of a mapped file, each decoded once, when the first tensor needs it."""

    def __init__(self, data, spans, byteorder):
        self.data, self.spans, self.byteorder, self.decoded = data, spans, byteorder, {}

    def view(self, tensor):
        """The array of `tensor`, without a copy of its elements."""
        elements = self.elements(tensor.storage)
        itemsize = elements.itemsize
        if 0 in tensor.size:
            return np.empty(tensor.size, elements.dtype)
        # The stride of a dimension of one is never walked, and may be anything.
        strides = [s * itemsize if n > 1 else itemsize for n, s in zip(tensor.size, tensor.stride)]
        offset = (tensor.storage.first + tensor.offset) * itemsize
        return np.ndarray(tensor.size, elements.dtype, elements, offset, strides)

    def elements(self, storage):
        """All elements of the storage that `storage` is, or is a part of."""
        key, dtype = storage.key, storage.dtype
        if key not in self.spans:
            raise ValueError(f"expected storage {shown(key)} in the file. Received: none")
        start, size = self.spans[key]
        needed = (storage.first + storage.count) * dtype.itemsize
        if needed > size:
            raise ValueError(f"expected {needed} bytes of storage {shown(key)}. Received: {size}")
        if key not in self.decoded:
            bits = np.dtype(f"{self.byteorder}u{dtype.itemsize}")
            self.decoded[key] = _decoded(np.ndarray(size // bits.itemsize, bits, self.data, start), dtype)
        return self.decoded[key]


def _decoded(bits, dtype):
    if dtype.kind == "b":
        return bits != 0  # a byte of 2 seen as a bool would be neither True nor False
    return _widened(bits.astype(bits.dtype.newbyteorder("="), copy=False).view(dtype))


def _widened(array):
    """`array`, as float32 where it is bfloat16, which numpy alone does not know."""
    return array.astype(np.float32) if array.dtype == ml_dtypes.bfloat16 else array


def _find_state_dict(content):
    """The dictionary of tensors that `content` is, or holds among other entries."""
    if not isinstance(content, dict):
        raise ValueError(f"expected a dictionary of tensors. Received: {_kind(content)}")
    nested = {key: value for key, value in content.items() if _has_tensors(value)}
    for name in WRAPPERS:
        if name in nested:
            return nested[name]
    if _has_tensors(content):
        return content
    if not nested:
        entries = f"{len(content)} entries: {_listed(content)}"
        raise ValueError(f"expected a dictionary of tensors. Received: none among {entries}")
    if len(nested) > 1:
        raise ValueError(f"expected one dictionary of tensors. Received several: {_listed(nested)}")
    return next(iter(nested.values()))


def _has_tensors(value):
    return isinstance(value, dict) and any(isinstance(entry, Tensor) for entry in value.values())


def _listed(names):
    return shown(", ".join(map(str, names)))


def _kind(value):
    return {Tensor: "a tensor", Storage: "a storage"}.get(type(value), f"type {type(value).__name__}")


def _without_parallel_prefix(arrays):
    if not all(name.startswith(PARALLEL_PREFIX) for name in arrays):
        return arrays
    return {name.removeprefix(PARALLEL_PREFIX): array for name, array in arrays.items()}
