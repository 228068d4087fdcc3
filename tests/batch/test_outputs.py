"""What a job writes, from the files of its groups to those that are left."""

import json
import os
import tarfile

import pytest

from yolact_tf.batch.outputs import (
    Outputs,
    Part,
    finish,
    groups_done,
    put_together,
    reserve,
    withdraw,
    write_group,
)


def outputs_in(folder, shards=1, overlays=None):
    return Outputs.of(f"{folder}/found.json", overlays, shards)


def files_in(folder):
    return sorted(os.listdir(folder))


def test_the_files_of_groups_become_one_in_their_order(output):
    outputs = outputs_in(output)
    reserve(outputs)
    for number, rows in ((2, b'{"a": 3}'), (0, b'{"a": 1}, {"a": 2}'), (1, b"")):
        write_group(outputs, number, [("results", rows), ("failed", b"")])
        write_group(outputs, number, [("results", rows), ("failed", b"")])  # as after a loss
    assert groups_done(outputs) == {0, 1, 2}
    for part in outputs.parts:
        put_together(outputs, part, [2, 0, 1, 2] if part.kind == "results" else [])
    finish(outputs)
    assert json.loads((output / "found.json").read_text()) == [{"a": 1}, {"a": 2}, {"a": 3}]
    assert (output / "found.failed.jsonl").read_bytes() == b""
    assert files_in(output) == ["found.failed.jsonl", "found.json"]
    finish(outputs)  # as after a loss
    assert files_in(output) == ["found.failed.jsonl", "found.json"]


def test_shards_are_named_and_empty_ones_are_whole(output):
    outputs = outputs_in(output, 2, f"{output}/pictures.tar")
    reserve(outputs)
    for part in outputs.parts:
        put_together(outputs, part, [])
    finish(outputs)
    assert files_in(output) == [
        "found-00000-of-00002.json",
        "found-00001-of-00002.json",
        "found.failed.jsonl",
        "pictures-00000-of-00002.tar",
        "pictures-00001-of-00002.tar",
    ]
    assert json.loads((output / "found-00001-of-00002.json").read_text()) == []
    with tarfile.open(output / "pictures-00001-of-00002.tar") as tar:
        assert tar.getnames() == []


@pytest.mark.parametrize("taken", ["found.json", "found.failed.jsonl", "pictures.tar"])
def test_what_is_there_is_not_overwritten(taken, output):
    (output / taken).write_text("mine")
    with pytest.raises(ValueError, match=f"must be new files. Received: .*{taken}"):
        reserve(outputs_in(output, overlays=f"{output}/pictures.tar"))
    assert files_in(output) == [taken] and (output / taken).read_text() == "mine"


def test_of_two_jobs_at_once_the_second_is_refused_and_harms_nothing(output):
    first, second = outputs_in(output), outputs_in(output)
    reserve(first)
    with pytest.raises(ValueError, match="of one that is at it"):
        reserve(second)
    put_together(first, Part("results", 0), [])
    withdraw(first)
    assert files_in(output) == []
    reserve(second)


@pytest.mark.parametrize("where", ["file/found.json", "/proc/found.json"])
def test_a_place_that_cannot_be_written_is_refused_at_once(where, output):
    (output / "file").touch()
    with pytest.raises(ValueError, match="must be files that can be written. Received"):
        reserve(Outputs.of(os.path.join(output, where), None, 1))
    assert files_in(output) == ["file"]


def test_a_picture_file_may_lie_on_another_disk(output, tmp_path):
    """So what becomes it is beside it from the beginning."""
    outputs = outputs_in(output, overlays=f"{tmp_path}/elsewhere/pictures.tar")
    reserve(outputs)
    put_together(outputs, Part("overlays", 0), [])
    (unfinished,) = files_in(tmp_path / "elsewhere")
    assert unfinished.startswith(".tmp-")
    withdraw(outputs)
    assert files_in(tmp_path / "elsewhere") == files_in(output) == []


def test_a_new_folder_is_made(output):
    outputs = outputs_in(output / "new" / "er")
    reserve(outputs)
    assert files_in(output / "new" / "er") == ["found.failed.jsonl"]


@pytest.mark.parametrize(("results", "overlays"), [("found", None), ("found.tar", None), ("a.json", "a.zip")])
def test_names_say_what_files_are(results, overlays):
    with pytest.raises(ValueError, match="must be a file that ends in"):
        Outputs.of(results, overlays, 1)
