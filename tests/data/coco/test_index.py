"""A split from an index is the split from its files, with the same words; and no index outlives its data."""

import json
import os
import resource
import shutil
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.coco_folder import rectangle, write_annotations
from tests.data.accents import ACCENTS, write_accent, write_plain
from tests.data.coco.test_packed import assert_same_record
from tests.data.test_stored_pixels import write_set
from yolact_tf.data.coco import index, split
from yolact_tf.data.coco.split import load_coco


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """A cache folder, in which even the smallest split is kept."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(index, "FEWEST", 0)
    return tmp_path / "cache"


@pytest.fixture
def data(tmp_path):
    write_plain(tmp_path / "data")
    return tmp_path / "data"


@pytest.fixture
def messages(caplog):
    """messages() -> what the log has said since it was asked the last time."""

    def taken():
        found = list(caplog.messages)
        caplog.clear()
        return found

    return taken


@pytest.fixture
def was_read(monkeypatch):
    """was_read() -> how often files were read since it was asked the last time."""
    calls, read_split = [], split.read_split
    monkeypatch.setattr(split, "read_split", lambda *arguments: calls.append(1) or read_split(*arguments))

    def taken():
        count = len(calls)
        calls.clear()
        return count

    return taken


def kept(cache):
    return sorted(path for path in cache.glob("yolact_tf/coco/*/*"))


def assert_same_split(received, expected):
    for record, other in zip(received.records, expected.records, strict=True):
        assert_same_record(record, other)
    for name in (
        "labels",
        "annotation_file",
        "digest",
        "num_left_out",
        "num_images",
        "num_objects",
        "origin",
    ):
        assert getattr(received, name) == getattr(expected, name)
    assert list(received.labels) == list(expected.labels)


def assert_index_repeats(data, messages, was_read, **arguments):
    """Without an index, with a new one, and from it, a split is the same and told of in the same words."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(index, "FEWEST", 10**9)
        expected = load_coco(data, "train", **arguments)
    words = messages()
    assert was_read() == 1
    for times in (1, 0):
        assert_same_split(load_coco(data, "train", **arguments), expected)
        assert messages() == words and was_read() == times
    return words


@pytest.mark.parametrize("name", ACCENTS)
def test_accents_are_told_of_again(name, tmp_path, messages, was_read):
    kinds = write_accent(tmp_path / "data", name)
    assert len(assert_index_repeats(tmp_path / "data", messages, was_read)) == bool(kinds)


@pytest.mark.parametrize("name", ["fruitnuts3", "animals4", "coco100"])
def test_real_data_are_the_same(shared_data, name, messages, was_read):
    assert_index_repeats(shared_data / name, messages, was_read, on_error="refuse")


def test_objects_that_turn_are_told_of_again(tmp_path, messages, was_read):
    (tmp_path / "data").mkdir()
    write_set(tmp_path / "data", is_stored=True)
    (line,) = assert_index_repeats(tmp_path / "data", messages, was_read)
    assert "turned with the image" in line


@pytest.mark.parametrize("boxless", ["rectangles", "crowd", "drop"])
def test_boxes_without_masks_are_told_of_again(data, messages, was_read, boxless):
    content = json.loads((data / "train.json").read_text())
    content["annotations"][1]["segmentation"] = []
    write_annotations(data, content)
    (line,) = assert_index_repeats(data, messages, was_read, boxless=boxless)
    assert "box without mask" in line
    with pytest.raises(ValueError, match="as `data.boxless=refuse` asks"):
        load_coco(data, "train", boxless="refuse")


def test_what_is_left_out_is_told_of_again(data, messages, was_read):
    content = json.loads((data / "train.json").read_text())
    gone = [{"id": n, "file_name": f"gone{n}.png", "width": 9, "height": 9} for n in range(3, 15)]
    content["images"] += [*gone, {**content["images"][0], "id": 2.5}]
    content["annotations"].append({**rectangle(1, 99, 99, 5, 5), "id": 9})
    write_annotations(data, content)
    lines = assert_index_repeats(data, messages, was_read)
    assert len(lines) == 11 and lines[-1].endswith(f"left out: 4 more of {data}/train.json")
    with pytest.raises(ValueError, match=r"\(and 13 more\)"):
        load_coco(data, "train", on_error="refuse")


def test_alpha_is_told_of_again(data, messages, was_read):
    Image.new("RGBA", (40, 30), (1, 2, 3, 4)).save(data / "images/a.png")
    (line,) = assert_index_repeats(data, messages, was_read)
    assert "alpha" in line


def test_an_index_is_of_a_place_however_that_is_spelled(data, monkeypatch, was_read):
    load_coco(data, "train")
    monkeypatch.chdir(data)
    for spelled in (".", "../data", data / "images/.."):
        received = load_coco(spelled, "train")
        names = ("a.png", "sub/é 1.png")
        expected = [str(Path(spelled) / "images" / name) for name in names]
        assert [record.path for record in received.records] == expected
    assert was_read() == 1


def replace_image(data):
    Image.new("L", (40, 30)).save(data / "images/a.png")


def touch_image(data):
    at = (data / "images/a.png").stat().st_mtime_ns
    os.utime(data / "images/a.png", ns=(at, at + 1))


def remove_image(data):
    (data / "images/a.png").unlink()


def change_annotations(data):
    content = json.loads((data / "train.json").read_text())
    content["annotations"][0]["bbox"][0] += 1
    state = (data / "train.json").stat()
    write_annotations(data, content)
    assert (data / "train.json").stat().st_size == state.st_size
    os.utime(data / "train.json", ns=(state.st_atime_ns, state.st_mtime_ns))


@pytest.mark.parametrize("change", [replace_image, touch_image, remove_image, change_annotations])
def test_what_changes_makes_it_stale(change, data, cache, was_read, messages):
    load_coco(data, "train")
    (before,) = kept(cache)
    change(data)
    was_read()
    words = assert_index_repeats(data, messages, was_read)
    assert bool(words) == (change is remove_image)
    (after,) = kept(cache)
    assert after != before


def test_an_image_that_appears_makes_it_stale(data, was_read):
    saved = (data / "images/a.png").read_bytes()
    (data / "images/a.png").unlink()
    assert len(load_coco(data, "train").records) == 1
    (data / "images/a.png").write_bytes(saved)
    assert len(load_coco(data, "train").records) == 2
    assert was_read() == 2


def test_a_file_that_another_name_may_mean_makes_it_stale(tmp_path, was_read, messages):
    data = tmp_path / "data"
    write_accent(data, "no folder")
    load_coco(data, "train")
    (data / "images/other").mkdir()
    shutil.copy(data / "images/sub/é 1.png", data / "images/other/é 1.png")
    messages()
    assert len(load_coco(data, "train").records) == 1 and was_read() == 2
    assert "ambiguous file name" in messages()[0]


def test_files_that_no_name_may_mean_do_not_matter(data, was_read):
    load_coco(data, "train")
    (data / "images/more.png").write_bytes(b"")
    (data / "val.json").write_text("{}")
    load_coco(data, "train")
    assert was_read() == 1


def test_other_code_makes_it_stale(data, monkeypatch, was_read, cache):
    load_coco(data, "train")
    monkeypatch.setattr(index, "_code_digest", lambda: "another version")
    load_coco(data, "train")
    assert was_read() == 2 and len(kept(cache)) == 1


def test_other_readings_have_their_own(data, was_read, cache):
    for boxless in ("rectangles", "drop", "rectangles", "drop"):
        load_coco(data, "train", boxless=boxless)
    assert was_read() == 2 and len(kept(cache)) == 2


def cut(path):
    os.truncate(path, path.stat().st_size - 1)


def flip_a_bit(path):
    data = bytearray(path.read_bytes())
    data[-2] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize("damage", [cut, flip_a_bit, os.unlink])
@pytest.mark.parametrize("name", ["manifest.json", "flips", "boxes", "size"])
def test_a_damaged_index_is_made_anew(name, damage, data, cache, messages, was_read):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(index, "FEWEST", 10**9)
        expected = load_coco(data, "train")
    load_coco(data, "train")
    (folder,) = kept(cache)
    damage(folder / name)
    assert_same_split(load_coco(data, "train"), expected)
    (line,) = messages()
    assert line.startswith(f"{folder}: a damaged index, which is made anew (")
    assert_same_split(load_coco(data, "train"), expected)
    assert was_read() == 3 and not messages() and kept(cache) == [folder]


def test_without_a_place_for_it_data_open_all_the_same(data, cache, messages, was_read):
    expected = load_coco(data, "train")
    shutil.rmtree(cache)
    cache.write_text("")
    for _ in range(2):
        assert_same_split(load_coco(data, "train"), expected)
        (line,) = messages()
        assert line.startswith(f"{data}/train.json: no index can be kept, so that ") and str(cache) in line
    assert was_read() == 3


def test_a_disk_that_fills_up_does_not_matter(data, cache, messages):
    expected = load_coco(data, "train")
    shutil.rmtree(cache)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20, limits[1]))
    try:
        received = load_coco(data, "train")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert_same_split(received, expected)
    (line,) = messages()
    assert "no index can be kept" in line and line.endswith("File too large)")
    assert kept(cache) == []


def test_annotations_that_are_written_to_while_they_are_read_are_refused(data, cache, monkeypatch):
    packed = index.Index.packed

    def slowly(self, pack, files, size):
        with open(data / "train.json", "a") as file:
            file.write(" ")
        return packed(self, pack, files, size)

    monkeypatch.setattr(index.Index, "packed", slowly)
    with pytest.raises(ValueError, match="expected a file that stays as it is while it is read"):
        load_coco(data, "train")
    assert kept(cache) == []


def test_two_that_make_it_at_once_do_not_disturb_each_other(data, cache, was_read, monkeypatch):
    """The second makes it whole while the first is about to write its last record."""
    others, packed = [], index.Index.packed

    def interrupted(self, pack, files, size):
        def slowly(packing):
            summary = pack(packing)
            monkeypatch.setattr(index.Index, "packed", packed)
            others.append(load_coco(data, "train"))
            return summary

        return packed(self, slowly, files, size)

    monkeypatch.setattr(index.Index, "packed", interrupted)
    first = load_coco(data, "train")
    assert_same_split(others[0], first)
    assert was_read() == 2 and len(kept(cache)) == 1
    assert_same_split(load_coco(data, "train"), first)
    assert was_read() == 0


def test_what_is_opened_stays_when_its_index_goes(data, cache):
    load_coco(data, "train")
    opened = load_coco(data, "train")
    shutil.rmtree(cache)
    assert_same_split(opened, load_coco(data, "train"))


def test_what_killed_processes_left_goes_after_a_day(data, cache):
    load_coco(data, "train")
    (folder,) = kept(cache)
    old, new = folder.parent / ".making-old", folder.parent / ".making-new"
    for path, age in ((old, 25), (new, 23)):
        path.mkdir()
        os.utime(path, (time.time() - age * 3600,) * 2)
    touch_image(data)
    load_coco(data, "train")
    assert not old.exists() and new.exists()


def test_a_small_split_leaves_nothing_behind(data, cache, monkeypatch, was_read):
    monkeypatch.setattr(index, "FEWEST", 6)  # two images and three annotations
    for _ in range(2):
        load_coco(data, "train")
    assert was_read() == 2 and not cache.exists()
    monkeypatch.setattr(index, "FEWEST", 5)
    load_coco(data, "train")
    assert len(kept(cache)) == 1


def test_tensors_are_those_of_the_files(shared_data):
    first = load_coco(shared_data / "coco100", "val").source(with_empty=False)
    second = load_coco(shared_data / "coco100", "val").source(with_empty=False)
    assert first.num_images == second.num_images > 40
    for handle in first.in_order():
        one, other = first.read(handle), second.read(handle)
        assert one.keys() == other.keys()
        for name in set(one) - {"flips"}:
            np.testing.assert_array_equal(one[name], other[name])
        assert one["flips"].to_list() == other["flips"].to_list()
