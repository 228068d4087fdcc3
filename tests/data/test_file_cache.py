"""What `data.cache=memory` keeps in memory, and what it leaves on the disk."""

import numpy as np
import pytest
import tensorflow as tf

from tests.coco_folder import rectangle, write_folder
from yolact_tf.data import file_cache
from yolact_tf.data.coco.split import load_coco
from yolact_tf.data.file_cache import fits_in_memory
from yolact_tf.data.load import load_data
from yolact_tf.data.shards.writer import write_records


@pytest.fixture(params=["COCO", "shards"])
def data(request, tmp_path):
    """(a split of three images, its files)."""
    pictures = {f"{i}.png": np.full((20, 30, 3), i, "uint8") for i in range(3)}
    write_folder(tmp_path, pictures, [rectangle(i, 5, 5, 9, 9) for i in (1, 2, 3)])
    if request.param == "COCO":
        return load_coco(tmp_path, "train"), sorted((tmp_path / "images").iterdir())
    shards = tmp_path / "shards"
    write_records(tmp_path, shards)
    split = load_data(shards, "train")
    return split, list(shards.glob("*tfrecord*"))


def test_files_in_memory_are_not_read_again(data, caplog):
    data, files = data
    source = data.source("memory")
    for file in files:
        file.unlink()
    examples = source.in_order().map(source.read)
    assert [int(tf.io.decode_png(example["encoded"])[0, 0, 0]) for example in examples] == [0, 1, 2]
    assert not caplog.text


def test_files_stay_on_disk_where_they_would_take_more_than_a_quarter_of_memory(data, caplog, monkeypatch):
    data, files = data
    monkeypatch.setattr(file_cache, "free_memory", lambda: 4 * sum(file.stat().st_size for file in files) - 1)
    source = data.source("memory")
    (line,) = caplog.messages
    assert line.startswith("data.cache=memory: 0.0 GB of files take more than a quarter of the 0.0 GB")
    examples = source.in_order().map(source.read)
    assert [int(tf.io.decode_png(example["encoded"])[0, 0, 0]) for example in examples] == [0, 1, 2]
    for file in files:
        file.unlink()
    with pytest.raises(tf.errors.NotFoundError):
        next(iter(examples))


@pytest.mark.parametrize("free, fits", [(400, True), (399, False)])
def test_a_quarter_of_memory_is_for_files_and_those_that_are_gone_take_none(
    free, fits, tmp_path, monkeypatch
):
    (tmp_path / "a").write_bytes(bytes(60))
    (tmp_path / "b").write_bytes(bytes(40))
    monkeypatch.setattr(file_cache, "free_memory", lambda: free)
    assert fits_in_memory([str(tmp_path / name) for name in ("a", "b", "gone")]) == fits
