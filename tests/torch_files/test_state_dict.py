"""PyTorch's files, written here in both layouts and once by PyTorch: read back, or refused in a line."""

import json
import pickle
import random
import struct
import sys
import zipfile
from collections import OrderedDict
from dataclasses import replace
from unittest import mock

import ml_dtypes
import numpy as np
import pytest
from numpy.testing import assert_array_equal

from tests.conftest import SHARED
from tests.torch_files.pth_writer import KINDS, Parameter, Storage, Tensor, tensor, write_stream, write_zip
from yolact_tf.torch_files.state_dict import read_state_dict


@pytest.fixture(params=[write_zip, write_stream])
def write(request, tmp_path):
    return lambda content, **options: request.param(tmp_path / "weights.pth", content, **options)


def refusal(path):
    """The one line in which a file is refused, without its name."""
    with pytest.raises(ValueError) as caught:
        read_state_dict(path)
    line = str(caught.value)
    assert line.startswith(f"{path}: ") and "\n" not in line and len(line) < len(str(path)) + 400
    return line.removeprefix(f"{path}: ")


COUNT = np.arange(12, dtype="f4")


# Round trips


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("protocol", [2, 4, 5])
def test_every_type_comes_back(write, kind, protocol):
    values = np.array([[0, 1, 1], [1, 0, 100]]).astype(KINDS[kind])
    found = read_state_dict(write({"a": tensor(values, kind)}, protocol=protocol))["a"]
    assert found.dtype == ("float32" if kind == "BFloat16" else KINDS[kind])
    assert_array_equal(found, values.astype(found.dtype))


def test_bfloat16_keeps_what_is_not_finite_nor_normal(write):
    bits = np.array([0x7F80, 0xFF80, 0x7FC0, 0x0001, 0x8000, 0x3F81], "u2")
    found = read_state_dict(write({"a": tensor(bits.view(ml_dtypes.bfloat16), "BFloat16")}))["a"]
    assert_array_equal(found.view("u4"), bits.astype("u4") << 16)


def test_names_keep_their_order_and_arrays_are_views_of_the_file(write):
    names = ["z", "a", "m.weight", "_"]
    found = read_state_dict(write(OrderedDict((name, tensor(COUNT)) for name in names)))
    assert list(found) == names
    for array in found.values():
        assert_array_equal(array, COUNT)
        assert not array.flags.writeable and not array.flags.owndata


def test_views_share_their_storage(write):
    storage = Storage(COUNT, "Float", 12)
    whole, middle = Tensor(storage, 0, (3, 4), (4, 1)), Tensor(storage, 5, (4,), (1,))
    turned, spread = Tensor(storage, 0, (4, 3), (1, 4)), Tensor(storage, 1, (2, 1, 3), (6, 10**30, 2))
    found = read_state_dict(write({"whole": whole, "middle": middle, "turned": turned, "spread": spread}))
    grid = COUNT.reshape(3, 4)
    assert_array_equal(found["whole"], grid)
    assert_array_equal(found["middle"], [5, 6, 7, 8])
    assert_array_equal(found["turned"], grid.T)
    assert_array_equal(found["spread"], [[[1, 3, 5]], [[7, 9, 11]]])
    assert all(np.shares_memory(array, found["whole"]) for array in found.values())


def test_scalars_and_empty_tensors_keep_their_shapes(write):
    empty = tensor(np.zeros((0, 3)))
    content = {"step": tensor(7, "Long"), "empty": empty, "none of some": replace(tensor(COUNT), size=(0,))}
    found = read_state_dict(write(content))
    assert {name: array.shape for name, array in found.items()} == {
        "step": (),
        "empty": (0, 3),
        "none of some": (0,),
    }
    assert found["step"] == 7 and found["step"].dtype == "int64"


def test_parameters_old_tensors_and_other_devices_are_read(write):
    content = {
        "parameter": Parameter(tensor(COUNT)),
        "old": replace(tensor(COUNT), version=""),
        "cuda": tensor(COUNT, device="cuda:1"),
    }
    for array in read_state_dict(write(content)).values():
        assert_array_equal(array, COUNT)


def test_ordered_dictionaries_may_carry_attributes(write):
    content = OrderedDict(a=tensor(COUNT))
    content._metadata = OrderedDict({"": {"version": 1}, "a": {"version": 2}})
    assert list(read_state_dict(write(content))) == ["a"]


def test_an_old_part_of_a_storage_begins_where_it_says(tmp_path):
    whole = tensor(COUNT, key="root", part=(None,))
    part = tensor(COUNT, key="root", part=(("view", 4, 3),))
    content = {"whole": whole, "part": replace(part, offset=1, size=(2,))}
    found = read_state_dict(write_stream(tmp_path / "old.pth", content))
    assert_array_equal(found["part"], [5, 6])
    part.storage.part = (("view", 10, 3),)
    assert "inside storage" in refusal(write_stream(tmp_path / "old.pth", content))


def test_big_endian_files_are_turned(tmp_path):
    content = {"a": tensor(COUNT), "b": tensor([1, 2**40], "Long"), "c": tensor([1, 0], "Bool")}
    found = read_state_dict(write_zip(tmp_path / "big.pth", content, order=">"))
    assert_array_equal(found["a"], COUNT)
    assert_array_equal(found["b"], [1, 2**40])
    assert found["a"].dtype.isnative and found["b"].dtype.isnative


# What lies around the tensors


@pytest.mark.parametrize("name", ["state_dict", "model", "net"])
def test_a_wrapped_state_dict_is_found(write, name):
    optimizer = {"state": {0: {"step": 3, "exp_avg": tensor(COUNT)}}, "param_groups": [{"lr": 1e-3}]}
    content = {"epoch": 3, "best": None, "optimizer": optimizer, name: OrderedDict(a=tensor(COUNT))}
    assert list(read_state_dict(write(content))) == ["a"]


def test_the_customary_name_wins_and_otherwise_one_is_needed(write):
    state = {"a": tensor(COUNT)}
    found = read_state_dict(write({"loss": tensor(1), "ema": {"b": tensor(1)}, "model": state}))
    assert list(found) == ["a"]
    assert "several: 'ema, teacher'" in refusal(write({"ema": state, "teacher": state}))


def test_the_prefix_of_parallel_training_goes_when_all_have_it(write):
    both = {"module.a": tensor(COUNT), "module.module.b": tensor(COUNT)}
    assert list(read_state_dict(write(both))) == ["a", "module.b"]
    assert list(read_state_dict(write(both | {"c": tensor(COUNT)}))) == ["module.a", "module.module.b", "c"]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ({}, "none among 0 entries"),
        ({"epoch": 3}, "none among 1 entries: 'epoch'"),
        ([tensor(1)], "type list"),
        (tensor(1), "a tensor"),
        ({"a": tensor(1), "epoch": 3}, "'epoch', type int"),
        ({"a": tensor(1), 3: tensor(1)}, "3, a tensor"),
    ],
)
def test_what_is_no_state_dict_is_named(write, content, expected):
    assert expected in refusal(write(content))


# What is broken or hostile


@pytest.mark.parametrize("protocol", [2, 4])
def test_a_file_cut_short_anywhere_is_refused(write, protocol):
    content = {"a": tensor(COUNT), "b": tensor([1, 2], "Half"), "step": tensor(7, "Long")}
    path = write({"state_dict": content, "epoch": 1}, protocol=protocol)
    data = path.read_bytes()
    for length in range(len(data)):
        path.unlink()  # a new file each time: the old one may still be mapped
        path.write_bytes(data[:length])
        refusal(path)


def test_a_changed_byte_gives_other_arrays_or_one_line(write):
    path = write({"a": tensor(COUNT), "b": tensor([[1, 2]], "BFloat16")})
    data, chance = path.read_bytes(), random.Random(0)
    for _ in range(400):
        changed = bytearray(data)
        changed[chance.randrange(len(data))] = chance.randrange(256)
        path.unlink()
        path.write_bytes(changed)
        try:
            assert sum(array.nbytes for array in read_state_dict(path).values()) < 100
        except ValueError:
            refusal(path)


def test_a_storage_must_be_as_long_as_its_tensors_say(write):
    claimed = tensor(COUNT)
    claimed.storage.count = 10**15
    assert "storage '94'" in refusal(write({"a": replace(claimed, size=(10**15,))}))


def test_a_storage_must_be_there(tmp_path):
    missing = tensor(COUNT, key="../9")
    path = write_stream(tmp_path / "a.pth", {"a": missing}, keys=[])
    assert "expected storage '../9' in the file" in refusal(path)
    assert "one more" in refusal(write_stream(tmp_path / "b.pth", {"a": missing}, keys=["../9", "../9"]))
    assert "one more" in refusal(write_stream(tmp_path / "c.pth", {"a": missing}, keys=["other"]))


def test_storages_that_nothing_needs_are_passed_over(write, tmp_path):
    content = {"state_dict": {"a": tensor(COUNT, key="5")}, "loss": tensor(1, key="3"), "late": tensor(2)}
    assert_array_equal(read_state_dict(write(content))["a"], COUNT)
    stray = write_zip(tmp_path / "stray.pth", content, more=["any name/data/777", "any name/.data/id"])
    assert_array_equal(read_state_dict(stray)["a"], COUNT)


def test_a_storage_has_one_type(write):
    content = {"a": tensor(COUNT, key="0"), "b": tensor(COUNT, "Int", key="0")}
    assert "one type and size of storage '0'" in refusal(write(content))


@pytest.mark.parametrize(("module", "name"), [("posix", "system"), ("torch", "load")])
def test_nothing_that_a_file_names_is_called(write, module, name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    called = b"c%s\n%s\n(X\x0e\x00\x00\x00touch EXECUTEDtR" % (module.encode(), name.encode())
    expected = f"refused, since it would call '{module}.{name}'; a state dict of tensors needs no such name"
    assert refusal(write(b"\x80\x02}X\x01\x00\x00\x00a" + called + b"s.")) == expected
    assert not (tmp_path / "EXECUTED").exists()


def test_a_whole_model_is_told_to_save_its_state_dict(write):
    model = b"\x80\x02cyolact\nYolact\n)\x81}b."
    assert "an object of 'yolact.Yolact'; save a model's `state_dict()`" in refusal(write(model))
    container = b"\x80\x02(X\x06\x00\x00\x00modulecyolact\nYolact\nX\x01\x00\x00\x00fX\x01\x00\x00\x00stQ."
    assert "a whole model; save its `state_dict()`" in refusal(write(container))


def test_torchscript_is_told_apart(tmp_path):
    path = write_zip(tmp_path / "a.pt", {"a": tensor(COUNT)}, more=["any name/constants.pkl"])
    assert "TorchScript archive; save its `state_dict()`" in refusal(path)


def test_compressed_entries_are_refused(tmp_path):
    path = write_zip(tmp_path / "a.pth", {"a": tensor(np.zeros(10**6))}, packing=zipfile.ZIP_DEFLATED)
    assert "plain entries" in refusal(path)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_zip_entries_do_not_repeat_nor_overlap(tmp_path):
    path = write_zip(tmp_path / "twice.pth", {"a": tensor(COUNT)}, more=["any name/data/94"])
    assert "each zip entry once" in refusal(path)
    names = [f"any name/data/{key}" for key in "xyz"]
    data = write_zip(tmp_path / "over.pth", {"a": tensor(np.zeros(1000))}, more=names).read_bytes()
    entry = data.rfind(b"PK\1\2", 0, data.rfind(b"any name/data/94"))
    for name in names:  # each directory entry of `more` gets the place and size of storage 94
        other = data.rfind(b"PK\1\2", 0, data.rfind(name.encode()))
        for part in (slice(16, 28), slice(42, 46)):
            data = bytearray(data)
            data[other + part.start : other + part.stop] = data[entry + part.start : entry + part.stop]
        data = bytes(data)
    path = tmp_path / "bomb.pth"
    path.write_bytes(data)
    assert "overlapping" in refusal(path)


def test_other_files_are_named(tmp_path):
    path = tmp_path / "a.pth"
    with pytest.raises(FileNotFoundError, match="no such weight file"):
        read_state_dict(path)
    assert "a folder" in refusal(tmp_path)
    path.write_bytes(b"")
    assert "an empty file" in refusal(path)
    path.write_bytes(b"\x89HDF\r\n\x1a\n and so on")
    assert r"18 bytes starting b'\x89HDF\r\n\x1a\n'" in refusal(path)
    path.write_bytes(pickle.dumps({"a": 1}))
    assert "magic number. Received: a pickle of type dict" in refusal(path)
    with zipfile.ZipFile(tmp_path / "b.pth", "w") as file:
        file.writestr("yolact.pth", b"")
    assert "'yolact.pth'" in refusal(tmp_path / "b.pth")


# safetensors


def test_safetensors_come_back_in_file_order(tmp_path):
    path = tmp_path / "a.safetensors"
    header = {
        "module.z": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]},
        "module.b": {"dtype": "BF16", "shape": [1, 2], "data_offsets": [8, 12]},
        "module.a": {"dtype": "I64", "shape": [], "data_offsets": [12, 20]},
    }
    text = json.dumps(header).encode()
    values = struct.pack("<2f2Hq", 1, 2, 0x3F80, 0xC000, 7)
    path.write_bytes(struct.pack("<Q", len(text)) + text + values)
    found = read_state_dict(path)
    assert list(found) == ["z", "b", "a"]
    assert_array_equal(found["z"], [1, 2])
    assert_array_equal(found["b"], [[1, -2]])
    assert found["b"].dtype == "float32" and found["a"] == 7
    data = path.read_bytes()
    for length in range(len(data)):
        path.write_bytes(data[:length])
        refusal(path)


def test_without_safetensors_its_package_is_named(tmp_path):
    (tmp_path / "a.safetensors").write_bytes(b"some")
    with mock.patch.dict(sys.modules, safetensors=None), pytest.raises(ImportError, match="pip install"):
        read_state_dict(tmp_path / "a.safetensors")


# PyTorch's own files


@pytest.fixture
def written_by_pytorch():
    folder = SHARED / "parity" / "pth"
    if not folder.is_dir():
        pytest.skip("needs ../shared/parity/pth, files that PyTorch wrote")
    return folder


@pytest.mark.parametrize("name", ["tiny_legacy", "tiny_zip", "tiny_wrapped_zip"])
def test_pytorchs_own_files_are_read(written_by_pytorch, name):
    found = read_state_dict(written_by_pytorch / f"{name}.pth")
    expected = np.load(written_by_pytorch / "tiny_expected.npz")
    assert list(found) == list(expected)
    for key, array in found.items():
        assert_array_equal(array, expected[key])
        assert array.dtype == expected[key].dtype


@pytest.mark.parametrize("name", ["evil", "evil_zip"])
def test_pytorchs_evil_files_do_nothing(written_by_pytorch, name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert "refused, since it would call 'posix.system'" in refusal(written_by_pytorch / f"{name}.pth")
    assert not any(tmp_path.iterdir())
