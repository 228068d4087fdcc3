"""Pickles by the opcode: plain values survive, names are refused, numbers stay inside their storage."""

import io
import pickle
import struct

import numpy as np
import pytest

from yolact_tf.torch_files import safe_pickle
from yolact_tf.torch_files.safe_pickle import Storage, Tensor, read_pickle

HEAD = b"\x80\x02"


def read(data):
    return read_pickle(io.BytesIO(data))[0]


def refusal(data):
    with pytest.raises(ValueError) as caught:
        read(data)
    line = str(caught.value)
    assert "\n" not in line and len(line) < 400
    return line


def text(value):
    encoded = value.encode()
    return b"X" + struct.pack("<I", len(encoded)) + encoded


def named(module, name, protocol=2):
    """Opcodes that push a name."""
    return f"c{module}\n{name}\n".encode() if protocol == 2 else text(module) + text(name) + b"\x93"


def integer(value):
    data = value.to_bytes(20, "little", signed=True)
    return b"\x8a" + bytes([len(data)]) + data


def numbers(values):
    return b"(" + b"".join(map(integer, values)) + b"t"


def storage(count=12, kind="FloatStorage", key="0"):
    return b"(" + text("storage") + named("torch", kind) + text(key) + text("cpu") + integer(count) + b"tQ"


def tensor(offset, size, stride, count=12):
    function = named("torch._utils", "_rebuild_tensor")
    return function + b"(" + storage(count) + integer(offset) + numbers(size) + numbers(stride) + b"tR"


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_plain_values_come_back_as_pickle_has_them(protocol):
    shared = [1.5, "ä" * 300]
    value = {"a": (1, -1, 255, 70000, 2**40), 2: [shared, shared, None, True, ()], None: {0.5: (False,)}}
    data = pickle.dumps(value, protocol)
    found = read(data)
    assert found == value
    assert found[2][0] is found[2][1]


def test_the_stream_is_left_behind_the_pickle():
    stream = io.BytesIO(pickle.dumps([1], 2) + pickle.dumps({"b": 2}, 4) + b"rest")
    assert [read_pickle(stream)[0], read_pickle(stream)[0], stream.read()] == [[1], {"b": 2}, b"rest"]


NAMES = [
    ("os", "system"),
    ("builtins", "eval"),
    ("builtins", "getattr"),
    ("torch", "load"),
    ("torch.storage", "_load_from_bytes"),
    ("torch._utils", "_rebuild_tensor_v2.__globals__"),
    ("torch", "_utils._rebuild_tensor_v2"),
    ("torch", "FloatStorage.__init__"),
    ("collections", "OrderedDict.__init__"),
    ("collections", "OrderedDict "),
    ("", "collections OrderedDict"),
    ("yolact_tf.torch_files.safe_pickle", "_call"),
]


@pytest.mark.parametrize(("module", "name"), NAMES)
@pytest.mark.parametrize("protocol", [2, 4])
def test_other_names_are_refused_by_name(module, name, protocol):
    pushed = b"\x80" + bytes([protocol]) + named(module, name, protocol)
    assert f"would call '{module}.{name}'" in refusal(pushed + text("x") + b"\x85R.")
    assert "would use" in refusal(pushed + b".")
    assert "would use" in refusal(HEAD + b"}" + text("a") + pushed[2:] + b"s.")
    assert "an object of" in refusal(pushed + b")\x81.")
    assert "an object of" in refusal(pushed + b")}\x92.")
    assert "an object of" in refusal(HEAD + b"(" + pushed[2:] + b"o.")


def test_names_with_line_breaks_stay_in_one_line():
    assert refusal(HEAD + text("a\nb") + text("c" * 500) + b"\x93)R.").count("c") < 100


@pytest.mark.parametrize("code", [b"(ios\nsystem\n", b"\x82\x01", b"0", b"\x8f", b"]\x91", b"N2", b"Pid\n"])
def test_other_opcodes_are_refused(code):
    assert "refused, since it" in refusal(HEAD + code + b".")


OBJECT = named("collections", "OrderedDict") + b")R"
MISUSES = [
    named("torch", "FloatStorage") + b")R",  # a storage type called
    text("os.system") + b")R",
    named("torch", "Size") + b"]R",  # arguments in a list
    named("torch", "Size") + b"(NNtR",
    named("torch._utils", "_rebuild_parameter") + b"N\x85R",
    named("torch._utils", "_rebuild_tensor") + b"(NNNNtR",
    named("torch", "Size") + b"}b",  # attributes of ours
    named("torch", "Size") + b")\x81",
    OBJECT + b"]e",
    storage() + text("key") + b"}s",
    tensor(0, (), ()) + b"}b",
    b"(" + text("storage") + b"tQ",
    text("storage") + b"Q",
    b"}" + text("key") + b"u",
    b"(]" + text("key") + b"u",
    b"}(" + text("key") + b"u",
    b"t",
    b"\x85",
    b"h\x01",
    b"NN",
    b"\x93",
    b"]]\x93",
    b"",
]


@pytest.mark.parametrize("code", MISUSES)
def test_what_is_allowed_can_only_be_used_as_meant(code):
    assert refusal(HEAD + code + b".").startswith("expected ")


def test_what_python_2_wrote_is_named():
    pairs = b"]](" + text("a") + b"Nea"  # [["a", None]]
    assert "Python 2" in refusal(HEAD + named("collections", "OrderedDict") + pairs + b"\x85R.")


def test_keys_come_once_and_are_plain():
    assert "'a' twice" in refusal(HEAD + b"}" + (text("a") + b"Ns") * 2 + b".")
    assert "'a' twice" in refusal(HEAD + OBJECT + b"(" + (text("a") + b"N") * 2 + b"u.")
    # Either would crash or hang a reader that takes the key's hash.
    assert "type tuple" in refusal(HEAD + b"})" + b"\x85" * 100_000 + b"Ns.")
    doubled = b"".join(b"q%ch%c\x86" % (i, i) for i in range(60))
    assert "type tuple" in refusal(HEAD + b"})" + doubled + b"Ns.")


def test_what_is_claimed_is_not_set_aside():
    assert read(HEAD + b"Nr\xff\xff\xff\x7f.") is None  # a memo of 2^31 entries, of which one is used
    for opcode in (b"X", b"\x8b", b"\x8d\0\0\0\0", b"\x8e\xff\xff\xff\xff"):  # strings, a number
        assert "expected a whole pickle" in refusal(HEAD + opcode + b"\xff\xff\xff\x7f" + b"abc.")


def test_the_number_of_opcodes_is_limited(monkeypatch):
    monkeypatch.setattr(safe_pickle, "MAX_OPCODES", 50)
    assert "at most 50 opcodes" in refusal(HEAD + b"]" * 60)


def test_tensors_know_their_storage():
    value, roots = read_pickle(io.BytesIO(HEAD + tensor(1, (2, 3), (4, 1)) + b"."))
    root = Storage("0", np.dtype("f4"), 12)
    assert value == Tensor(root, 1, (2, 3), (4, 1))
    assert roots == {"0": root}


INSIDE = [
    (0, (), ()),
    (11, (), ()),
    (0, (3, 4), (4, 1)),
    (11, (1,), (10**40,)),
    (12, (0,), (1,)),
    (0, (2, 0), (0, 0)),
]
OUTSIDE = [
    (12, (), ()),
    (-1, (), ()),
    (0, (13,), (1,)),
    (1, (12,), (1,)),
    (0, (2,), (12,)),
    (0, (3, 4), (4, 2)),
    (0, (-1,), (1,)),
    (5, (2,), (-1,)),
    (0, (-2, -3), (1, 1)),
    (0, (2**31, 2**31), (0, 0)),
    (0, (13,), (0,)),
    (13, (0,), (1,)),
    (0, (2**62, 2**62), (2**62, 2**62)),
    (2**64, (1,), (1,)),
]


@pytest.mark.parametrize("view", INSIDE)
def test_views_inside_their_storage_pass(view):
    assert read(HEAD + tensor(*view) + b".").size == view[1]


@pytest.mark.parametrize("view", OUTSIDE)
def test_views_outside_their_storage_are_refused(view):
    assert "a tensor inside its storage of 12 elements" in refusal(HEAD + tensor(*view) + b".")


@pytest.mark.parametrize("view", [(0, (1, 1), (1,)), (0, (1,) * 33, (1,) * 33)])
def test_views_of_no_sense_are_refused(view):
    assert "makes no sense" in refusal(HEAD + tensor(*view) + b".")


def test_a_storage_has_one_count():
    assert "makes no sense" in refusal(HEAD + storage(-1) + b".")
    assert "one type and size" in refusal(HEAD + storage(12) + storage(13) + b"\x86.")
