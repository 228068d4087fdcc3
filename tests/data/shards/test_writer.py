"""Writing shards: whole or not at all, taken up where it broke off, and never into another's folder."""

import json
import shutil

import pytest
import tensorflow as tf

from tests.coco_folder import write_annotations
from tests.data.conftest import NUM_PICTURES
from yolact_tf.data.load import load_data
from yolact_tf.data.shards.writer import SplitReport, write_records


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def interrupt_after(count):
    def progress(done, total):
        if done == count:
            raise KeyboardInterrupt

    return progress


@pytest.fixture
def data(mixed_data, tmp_path):
    """A copy of the data set, to be changed."""
    return shutil.copytree(mixed_data, tmp_path / "data")


def change(folder, edit, split="train"):
    content = json.loads((folder / f"{split}.json").read_text())
    edit(content)
    write_annotations(folder, content, split)


def test_splits_are_cut_evenly_and_in_order(mixed_data, mixed_shards, tmp_path):
    seen = []
    reports = write_records(mixed_data, tmp_path / "a", shards=5, progress=lambda *now: seen.append(now))
    assert reports == [SplitReport(split, NUM_PICTURES, 0, 5) for split in ("train", "val")]
    assert seen[-1] == (2 * NUM_PICTURES, 2 * NUM_PICTURES) and seen == sorted(seen)
    data = load_data(tmp_path / "a", "train")
    assert data.images == (4, 5, 5, 5, 5)
    assert [r.image_id for r in data.records] == [
        r.image_id for r in load_data(mixed_shards, "train").records
    ]


def test_a_split_has_at_most_one_shard_an_image(mixed_data, tmp_path):
    (report,) = write_records(mixed_data, tmp_path / "a", ["val"], shards=1000)
    assert report.num_shards == NUM_PICTURES
    (report,) = write_records(mixed_data, tmp_path / "b", ["val"])
    assert report.num_shards == 8


def test_what_was_interrupted_is_taken_up_and_ends_the_same(mixed_data, tmp_path):
    out, seen = tmp_path / "out", []
    with pytest.raises(KeyboardInterrupt):
        write_records(mixed_data, out, ["train"], shards=4, progress=interrupt_after(15))
    finished = {path: path.stat().st_mtime_ns for path in out.glob("*.tfrecord")}
    assert sorted(path.name for path in out.iterdir()) == [
        *(
            "labels.json",
            "train-00000-of-00004.tfrecord",
            "train-00001-of-00004.tfrecord",
            "train-shards.json",
        )
    ]
    with pytest.raises(ValueError, match="the same command finishes them"):
        load_data(out, "train")
    (out / ".tmp-0123").write_bytes(b"of a process that was killed")
    write_records(mixed_data, out, ["train"], shards=4, progress=lambda *now: seen.append(now))
    assert seen[0] == (12, NUM_PICTURES) and seen[-1] == (NUM_PICTURES, NUM_PICTURES)
    assert {path: path.stat().st_mtime_ns for path in finished} == finished
    write_records(mixed_data, tmp_path / "at once", ["train"], shards=4)
    assert contents(out) == contents(tmp_path / "at once")
    write_records(mixed_data, out, ["train"], shards=4)
    assert contents(out) == contents(tmp_path / "at once")


def test_splits_may_be_written_one_after_another(mixed_data, tmp_path):
    for split in ("train", "val"):
        write_records(mixed_data, tmp_path / "one", [split], shards=2)
    write_records(mixed_data, tmp_path / "both", shards=2)
    assert contents(tmp_path / "one") == contents(tmp_path / "both")


def test_shards_may_be_written_far_away(mixed_data, tmp_path):
    write_records(mixed_data, "ram://written/here", ["val"], shards=2)
    write_records(mixed_data, tmp_path / "near", ["val"], shards=2)
    names = tf.io.gfile.listdir("ram://written/here")
    read = lambda name: tf.io.gfile.GFile(f"ram://written/here/{name}", "rb").read()
    assert {name: read(name) for name in names} == contents(tmp_path / "near")


def test_another_request_is_refused(data, tmp_path):
    out = tmp_path / "out"
    write_records(data, out, ["train"], shards=2)
    before = contents(out)
    expected = "OUT must be a new or empty folder, or one that the same request began. Received: .*"
    with pytest.raises(ValueError, match=expected + "/out', whose train has other number of shards$"):
        write_records(data, out, ["train"], shards=3)
    (data / "images" / "05.png").write_bytes(b"broken")
    with pytest.raises(ValueError, match="whose train has other readable images$"):
        write_records(data, out, ["train"], shards=2)
    change(data, lambda content: content["annotations"].pop())
    with pytest.raises(ValueError, match="whose train has other annotations and readable images$"):
        write_records(data, out, ["train"], shards=2)
    change(data, lambda content: content["categories"].pop(), "val")
    with pytest.raises(ValueError, match=r"whose labels.json has other categories$"):
        write_records(data, out, ["val"])
    with pytest.raises(ValueError, match=r"val.json: expected the categories of .*train.json"):
        write_records(data, tmp_path / "new")
    assert contents(out) == before and not (tmp_path / "new").exists()


def test_a_folder_with_other_things_is_refused(mixed_data, tmp_path):
    (tmp_path / "note.txt").write_text("mine")
    with pytest.raises(ValueError, match=r"OUT must be a new or empty folder.*which holds note.txt$"):
        write_records(mixed_data, tmp_path)
    with pytest.raises(FileNotFoundError, match=r"Expected a folder. Received: .*note.txt', which is none"):
        write_records(mixed_data, tmp_path / "note.txt")


def test_what_cannot_be_read_is_left_out_and_counted_or_refused(data, tmp_path, caplog):
    (data / "images" / "05.png").write_bytes(b"broken")
    (report,) = write_records(data, tmp_path / "out", ["val"])
    assert report == SplitReport("val", NUM_PICTURES - 1, 1, 8)
    assert any("left out: " in r.getMessage() and "05.png" in r.getMessage() for r in caplog.records)
    assert 6 not in [record.image_id for record in load_data(tmp_path / "out", "val").records]
    with pytest.raises(ValueError, match=r"05.png: expected an image .* \(and 1 more\)$"):
        write_records(data, tmp_path / "new", ["val"], on_error="refuse")
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("wrong", [{"shards": -1}, {"on_error": "ignore"}])
def test_wrong_settings_are_refused(wrong, mixed_data, tmp_path):
    ((name, value),) = wrong.items()
    with pytest.raises(ValueError, match=f"`{name}` must be .* Received: {value!r}"):
        write_records(mixed_data, tmp_path / "out", **wrong)


def test_data_that_is_not_there_is_refused(data, tmp_path):
    (data / "val.json").unlink()
    assert [report.split for report in write_records(data, tmp_path / "one")] == ["train"]
    (data / "train.json").unlink()
    with pytest.raises(FileNotFoundError, match="expected train.json or annotations/"):
        write_records(data, tmp_path / "none")
    assert not (tmp_path / "none").exists()


def test_ids_of_categories_must_be_numbers(data, tmp_path):
    change(data, lambda content: content.update(categories=[{"id": "x", "name": "x"}], annotations=[]))
    with pytest.raises(ValueError, match=r"expected whole numbers as ids of `categories`. Received: 'x'$"):
        write_records(data, tmp_path / "out", ["train"])
