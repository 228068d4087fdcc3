"""Batches follow from seed, epoch and position alone: at any parallelism, on any number of workers."""

from dataclasses import replace

import keras
import numpy as np
import pytest
import tensorflow as tf
from numpy.testing import assert_allclose, assert_array_equal

from tests.coco_folder import rectangle, write_folder
from yolact_tf.config import Config, DataConfig, ModelConfig, TrainConfig
from yolact_tf.data.pipeline import build_dataset

NUM_IMAGES = 11


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("order")
    noise = np.random.default_rng(0)
    pictures = {f"{i}.png": noise.integers(0, 256, (40, 60, 3), dtype="uint8") for i in range(NUM_IMAGES)}
    annotations = [rectangle(1 + i, 3 + i, 4, 12 + 3 * i, 20) for i in range(NUM_IMAGES)]
    write_folder(folder, pictures, annotations, splits=("train", "val"))
    return folder


def config_of(batch_size=4, images_per_epoch=24, **data):
    return Config(
        model=ModelConfig(num_classes=1),
        data=DataConfig(**{"image_size": 64, "max_objects": 6, **data}),
        train=TrainConfig(batch_size=batch_size, images_per_epoch=images_per_epoch, seed=5),
    )


def epoch(dataset):
    """One epoch in numbers: batch after batch, flat lists of arrays."""
    return [[part.numpy() for part in tf.nest.flatten(batch)] for batch in dataset]


def assert_same(batches, others):
    assert len(batches) == len(others) > 0
    for batch, other in zip(batches, others, strict=True):
        for part, same in zip(batch, other, strict=True):
            assert_array_equal(part, same)


EVERYTHING = {"mosaic": 0.5, "copy_paste": 0.5, "scale_jitter": (0.5, 2.0), "flip": True, "rotate": True}


@pytest.fixture(
    scope="module",
    params=[{}, pytest.param(EVERYTHING, marks=pytest.mark.whole)],
    ids=["reference", "everything"],
)
def alone(request, folder):
    """(config, the batches of an epoch on one worker with as many threads as there are cores)."""
    config = config_of(**request.param)
    return config, epoch(build_dataset(config, folder, "train"))


def test_parallelism_changes_nothing(alone, folder):
    config, batches = alone
    options = tf.data.Options()
    options.threading.private_threadpool_size = 1
    assert_same(epoch(build_dataset(config, folder, "train").with_options(options)), batches)


@pytest.mark.whole
def test_workers_share_the_batches_of_one(alone, folder):
    config, batches = alone
    shares = [epoch(build_dataset(config, folder, "train", worker=w, num_workers=2)) for w in range(2)]
    together = [
        [np.concatenate(parts) for parts in zip(*batch, strict=True)] for batch in zip(*shares, strict=True)
    ]
    assert_same(together, batches)


@pytest.mark.whole
def test_workers_share_validation(folder):
    shares = [epoch(build_dataset(config_of(), folder, "val", worker=w, num_workers=2)) for w in range(2)]
    seen = np.concatenate([batch[0] for share in shares for batch in share])
    images = np.concatenate([batch[0] for batch in epoch(build_dataset(config_of(), folder, "val"))])
    assert len(seen) == len(images) == NUM_IMAGES
    assert_array_equal(np.unique(seen, axis=0), np.unique(images, axis=0))


def test_a_batch_that_workers_cannot_share_is_refused(folder):
    with pytest.raises(ValueError) as caught:
        build_dataset(config_of(), folder, "train", worker=0, num_workers=3)
    assert str(caught.value) == "`train.batch_size` must be a multiple of the 3 workers. Received: 4"


@pytest.mark.parametrize("split", ["train", "val"])
def test_a_batch_size_that_this_machine_decides_is_none_yet(split, folder):
    with pytest.raises(ValueError, match="`train.batch_size` must be a number here.*Received: auto"):
        build_dataset(config_of(batch_size=0), folder, split)


@pytest.mark.whole
def test_a_dataset_may_begin_with_any_batch_of_any_epoch(folder):
    dataset = build_dataset(config_of(), folder, "train")
    epochs = [epoch(dataset) for _ in range(3)]
    later = build_dataset(config_of(), folder, "train", first_epoch=1, first_batch=4)
    assert_same(epoch(later.take(len(epochs[1]) - 4)), epochs[1][4:])
    assert_same(epoch(later), epochs[2])
    assert not np.array_equal(epochs[0][0][0], epochs[1][0][0])


@pytest.mark.parametrize("count", [NUM_IMAGES, 2 * NUM_IMAGES, NUM_IMAGES + 4])
def test_each_pass_shows_every_image_once(count, folder):
    off = {"mirror": False, "photometric": False, "expand": 1.0, "sample_crop": False}
    dataset = build_dataset(config_of(1, count, **off), folder, "train")
    boxes = np.concatenate([truth["boxes"][:, 0].numpy() for _, truth in dataset])
    widths = (60 * (boxes[:, 2] - boxes[:, 0])).round().tolist()
    assert len(widths) == count
    everything = [12 + 3 * i for i in range(NUM_IMAGES)]
    for start in range(0, count, NUM_IMAGES):
        one_pass = widths[start : start + NUM_IMAGES]
        assert len(set(one_pass)) == len(one_pass) and set(one_pass) <= set(everything)
    assert count == NUM_IMAGES or widths[:4] != widths[NUM_IMAGES : NUM_IMAGES + 4]


@pytest.mark.whole
@pytest.mark.parametrize("cache", ["memory", "folder"])
def test_a_cache_changes_nothing(cache, folder, tmp_path):
    where = cache if cache == "memory" else str(tmp_path / "cache")
    cached = build_dataset(config_of(cache=where), folder, "train")
    batches = [epoch(cached), epoch(cached)]
    plain = build_dataset(config_of(), folder, "train")
    for batch in batches:
        for part, same in zip(tf.nest.flatten(batch), tf.nest.flatten(epoch(plain)), strict=True):
            # Two graphs may round the last digits of pixels differently on a busy machine.
            assert_allclose(part, same, atol=0.01)


def test_a_folder_cache_copies_each_file_once_and_again_when_it_changed(folder, tmp_path):
    config = config_of(cache=str(tmp_path / "cache"))
    copies = lambda: {p: p.stat().st_mtime_ns for p in (tmp_path / "cache").rglob("*") if p.is_file()}
    build_dataset(config, folder, "train")
    first = copies()
    assert len(first) == NUM_IMAGES
    build_dataset(config, folder, "train")
    assert copies() == first
    path = folder / "images" / "3.png"
    path.write_bytes(path.read_bytes())
    build_dataset(config, folder, "train")
    assert len(copies()) == NUM_IMAGES + 1


@pytest.mark.whole
def test_batches_in_any_order_are_the_same_views(folder):
    """Views that are kept ready for files that cannot be read may overtake, and no others."""
    config = config_of(1)
    unordered = replace(config, data=replace(config.data, deterministic=False))
    batches = epoch(build_dataset(unordered, folder, "train"))
    longer = replace(config, train=replace(config.train, images_per_epoch=2 * 24))
    key = lambda batch: batch[0].tobytes()
    views = {key(batch): batch for batch in epoch(build_dataset(longer, folder, "train"))}
    assert len(batches) == 24 == len({key(batch) for batch in batches})
    for batch in batches:
        assert_same([batch], [views[key(batch)]])


@pytest.mark.whole
@pytest.mark.filterwarnings("ignore:The model does not have any trainable weights")
def test_fit_sees_the_epochs_in_turn(folder):
    """Keras takes no batch of its own before the first epoch."""
    seen = []
    model = keras.Sequential([keras.Input((64, 64, 3)), keras.layers.GlobalAveragePooling2D()])
    model.compile(loss=lambda _, means: keras.ops.mean(means))

    class Remember(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs):
            seen.append(logs["loss"])

    config = config_of()
    dataset = build_dataset(config, folder, "train").map(lambda images, _: (images, images[:, 0, 0, 0]))
    model.fit(dataset, epochs=3, verbose=0, shuffle=False, callbacks=[Remember()])
    again = build_dataset(config, folder, "train")
    means = [np.mean([images.numpy().mean() for images, _ in again]) for _ in range(3)]
    assert_allclose(seen, means, rtol=1e-4)
