"""Images that get lost while training goes on: what takes their place, what is said, and when it ends."""

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from numpy.testing import assert_array_equal

from tests.coco_folder import rectangle, write_folder
from yolact_tf.config import Config, DataConfig, ModelConfig, TrainConfig
from yolact_tf.data.load import load_data
from yolact_tf.data.pipeline import build_dataset
from yolact_tf.data.shards.writer import write_records
from yolact_tf.data.unreadable import Unreadable

NUM_IMAGES = 8
# The images of two epochs of 32 views of `config_of()` where all are there.
WHOLE = [
    [7, 6, 3, 4, 2, 1, 0, 5, 0, 5, 1, 3, 6, 2, 7, 4, 7, 4, 1, 0, 3, 2, 6, 5, 6, 2, 0, 7, 4, 5, 1, 3],
    [4, 5, 2, 3, 0, 1, 7, 6, 5, 0, 6, 3, 7, 2, 1, 4, 4, 7, 6, 1, 2, 5, 3, 0, 4, 6, 2, 7, 1, 5, 3, 0],
]
STEP = 25  # between the levels of grey of one image and the next


def vanish(path):
    path.unlink()


def rot(path):
    path.write_bytes(path.read_bytes()[:60])


def shrink(path):
    path.write_bytes((path.parent / "small.png").read_bytes())


FAULTS = {
    vanish: "no such image file",
    rot: "expected an image. Received: Invalid PNG data",
    shrink: "expected 60x40 pixels. Received: 30x20",
}


def config_of(batch_size=4, images_per_epoch=32, **data):
    plain = {"mirror": False, "photometric": False, "expand": 1.0, "sample_crop": False}
    return Config(
        model=ModelConfig(num_classes=1),
        data=DataConfig(**{"image_size": 64, "max_objects": 4, "max_unreadable": 0.5, **plain, **data}),
        train=TrainConfig(batch_size=batch_size, images_per_epoch=images_per_epoch, seed=3),
    )


@pytest.fixture
def data(tmp_path):
    """Eight images that are told apart by their level of grey, checked when they all were there."""
    pictures = {f"{i}.png": np.full((40, 60, 3), STEP * (i + 1), "uint8") for i in range(NUM_IMAGES)}
    write_folder(tmp_path, {"small.png": (20, 30)}, [])
    write_folder(tmp_path, pictures, [rectangle(i + 1, 5, 5, 9, 9) for i in range(NUM_IMAGES)])
    return load_data(tmp_path, "train")


def path_of(data, number):
    return data.annotation_file.parent / "images" / f"{number}.png"


def seen(dataset):
    """The number of each image of the batches, in order."""
    images = [images.numpy()[:, 0, 0, 0] for images, _ in dataset]
    return (np.concatenate(images) / STEP).round().astype(int) - 1


@pytest.mark.whole
@pytest.mark.parametrize(
    "damage, cache",
    [(vanish, "none"), (rot, "none"), (shrink, "none"), (vanish, "memory"), (rot, "folder")],
)
def test_the_next_view_stands_in_for_a_lost_one_which_is_counted_and_named(damage, cache, data, tmp_path):
    config = config_of(cache=str(tmp_path / "cache") if cache == "folder" else cache)
    damage(path_of(data, 2))
    unreadable = Unreadable()
    dataset = build_dataset(config, data, "train", unreadable=unreadable)
    for expected in WHOLE:
        for before, view, following in zip(expected, found := seen(dataset), [*found[1:], None]):
            assert view == before if before != 2 else view == following
    assert unreadable.counts == {0: 4, 1: 4} and unreadable.verdict is None
    path = path_of(data, 2)
    reason = "expected an image. Received: " if (damage, cache) == (vanish, "memory") else FAULTS[damage]
    assert unreadable.reason.startswith(f"{path}: {reason}") and "\n" not in unreadable.reason


@pytest.mark.whole
def test_an_epoch_is_taken_up_anywhere_with_the_same_batches(data):
    vanish(path_of(data, 2))
    rot(path_of(data, 5))
    config = config_of(images_per_epoch=24, batch_size=4, mirror=True, max_unreadable=1.0)
    whole = list(build_dataset(config, data, "train", first_epoch=1))
    for first in (1, 4):
        rest = build_dataset(config, data, "train", first_epoch=1, first_batch=first)
        rest = list(rest.take(6 - first))
        tf.nest.map_structure(assert_array_equal, rest, whole[first:])


@pytest.mark.whole
def test_workers_share_what_is_left(data):
    config = config_of(images_per_epoch=24, batch_size=4)
    vanish(path_of(data, 2))
    lost = [Unreadable(), Unreadable()]
    shares = [
        seen(build_dataset(config, data, "train", worker=w, num_workers=2, unreadable=lost[w]))
        for w in range(2)
    ]
    assert [len(share) for share in shares] == [12, 12] and 2 not in np.concatenate(shares)
    assert sum(each.counts[0] for each in lost) == 3
    assert all(str(path_of(data, 2)) in each.reason for each in lost if each.counts[0])


@pytest.mark.whole
def test_above_the_share_training_ends_and_names_the_first(data):
    config = config_of(images_per_epoch=0, batch_size=2, max_unreadable=0.25)
    for number in range(2):
        rot(path_of(data, number))
    seen(build_dataset(config, data, "train"))
    rot(path_of(data, 2))
    unreadable = Unreadable()
    with pytest.raises(tf.errors.InvalidArgumentError, match="too many training images cannot be read"):
        seen(build_dataset(config, data, "train", unreadable=unreadable))
    assert unreadable.verdict.startswith(
        "expected at most 2 of 8 training images of an epoch to be unreadable (`data.max_unreadable`). "
        f"Received: 3, the first {data.annotation_file.parent / 'images'}"
    )
    assert "\n" not in unreadable.verdict


def test_where_errors_are_refused_the_first_loss_ends_training(data):
    config = config_of(on_error="refuse", max_unreadable=1.0)
    unreadable = Unreadable()
    vanish(path_of(data, 4))
    with pytest.raises(tf.errors.InvalidArgumentError):
        seen(build_dataset(config, data, "train", unreadable=unreadable))
    assert unreadable.verdict.startswith("expected at most 0 of 32")
    assert unreadable.verdict.endswith(f"the first {path_of(data, 4)}: no such image file")


@pytest.mark.whole
@pytest.mark.parametrize("first_batch", [0, 3])
def test_when_all_files_are_lost_training_ends_and_does_not_wait_for_ever(first_batch, data):
    for number in range(NUM_IMAGES):
        vanish(path_of(data, number))
    unreadable = Unreadable()
    dataset = build_dataset(
        config_of(max_unreadable=1.0), data, "train", first_batch=first_batch, unreadable=unreadable
    )
    with pytest.raises(tf.errors.InvalidArgumentError):
        seen(dataset)
    assert "Received: 32, the first" in unreadable.verdict and "no such image file" in unreadable.verdict


def test_a_view_that_fails_though_its_image_reads_well_is_no_lost_file(data):
    source = data.source()
    handles = next(iter(source.in_order().batch(1)))
    lost = Unreadable()
    lost.begin(1.0, NUM_IMAGES, lambda epoch, number: (source, handles, lambda: tf.zeros([2])[3]))
    lost.add(0, 0, 1)
    with pytest.raises(
        RuntimeError, match="0.png: expected a view of an image that reads well. Received: slice"
    ):
        _ = lost.reason
    vanish(path_of(data, 0))
    assert lost.reason.endswith("0.png: no such image file")


# Shards


@pytest.fixture
def shards(data, tmp_path):
    """The same images in four shards."""
    write_records(data.annotation_file.parent, tmp_path / "shards", ["train"], shards=4)
    return load_data(tmp_path / "shards", "train")


@pytest.mark.whole
def test_a_rotten_image_in_a_shard_is_left_out_and_named(shards):
    file = shards.files[1]  # images 2 and 3
    first, second = (r.numpy() for r in tf.data.TFRecordDataset(file))
    example = tf.train.Example.FromString(first)
    encoded = example.features.feature["image/encoded"].bytes_list
    encoded.value[0] = encoded.value[0][:60]
    with tf.io.TFRecordWriter(file) as writer:
        writer.write(example.SerializeToString())
        writer.write(second)
    unreadable = Unreadable()
    found = seen(build_dataset(config_of(), shards, "train", unreadable=unreadable))
    assert set(found) == {0, 1, 3, 4, 5, 6, 7} and unreadable.counts == {0: 4}
    assert unreadable.reason.startswith(f"{shards.origin}: 2.png: expected an image. Received: ")


@pytest.mark.whole
def test_a_damaged_shard_counts_as_the_images_that_it_would_have_given(shards):
    file = Path(shards.files[1])
    content = bytearray(file.read_bytes())
    content[40] ^= 0xFF
    file.write_bytes(content)
    unreadable = Unreadable()
    found = seen(build_dataset(config_of(), shards, "train", unreadable=unreadable))
    assert 2 not in found and len(found) == 32 and unreadable.counts[0] >= 4
    assert unreadable.reason.startswith(f"{shards.origin}: expected whole shards. Received: corrupted record")
