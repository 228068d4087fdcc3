"""Mosaic and copy-paste that end before training does, to the batch, wherever the training is taken up."""

from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf
from numpy.testing import assert_allclose

from tests.coco_folder import rectangle, write_folder
from yolact_tf.config import Config, DataConfig, ModelConfig, TrainConfig
from yolact_tf.data.load import load_data
from yolact_tf.data.mixing_end import MixingEnd, ends_mixing, first_unmixed_batch
from yolact_tf.data.pipeline import build_dataset

BATCH, STEPS, EPOCHS = 2, 4, 3
CONFIG = Config(
    model=ModelConfig(num_classes=1),
    # The rest of augmentation, which knows nothing of this, is off: its graphs take long to make.
    data=DataConfig(image_size=64, max_objects=8, copy_paste=1.0, photometric=False, sample_crop=False),
    train=TrainConfig(batch_size=BATCH, images_per_epoch=BATCH * STEPS, epochs=EPOCHS, seed=3),
)


def with_data(**settings):
    return replace(CONFIG, data=replace(CONFIG.data, **settings))


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("mixing")
    noise = np.random.default_rng(0)
    pictures = {f"{i}.png": noise.integers(0, 256, (40, 60, 3), dtype="uint8") for i in range(5)}
    write_folder(folder, pictures, [rectangle(1 + i, 3 + i, 4, 20, 20) for i in range(5)])
    return load_data(folder, "train")


def images_of(dataset, epochs=EPOCHS):
    """[batches, B, S, S, 3] of so many epochs."""
    return np.stack([images.numpy() for images, _ in dataset.repeat(epochs)])


@pytest.fixture(scope="module")
def mixed(data):
    return images_of(build_dataset(CONFIG, data, "train"), 2 * EPOCHS)


@pytest.fixture(scope="module")
def unmixed(data):
    return images_of(build_dataset(with_data(copy_paste=0.0), data, "train"), 2 * EPOCHS)


def assert_switches(images, first, mixed, unmixed, start=0):
    """Asserts that batches from `start` on are mixed before batch `first` and unmixed from there on."""
    expected = np.concatenate([mixed[:first], unmixed[first:]])[start : start + len(images)]
    # Two graphs may round the last digits of pixels differently.
    assert_allclose(images, expected, atol=0.01)


@pytest.mark.parametrize("share, first", [(0.5, 6), (0.3, 8), (1.0, 0), (1 / 12, 11), (0.0, None)])
def test_the_end_is_a_share_of_the_batches_of_a_training(share, first):
    assert first_unmixed_batch(with_data(unmixed_end=share), STEPS) == first


@pytest.mark.whole
def test_views_join_images_before_the_end_and_none_after(data, mixed, unmixed):
    dataset = build_dataset(with_data(unmixed_end=0.5), data, "train")
    assert_switches(images_of(dataset), 6, mixed, unmixed)
    is_joined = np.abs(mixed - unmixed).max((2, 3, 4)) > 1
    assert is_joined.mean() > 0.3  # so that the comparison can fail


@pytest.mark.whole
def test_a_mosaic_ends_like_copy_paste(data, unmixed):
    config = with_data(mosaic=1.0, copy_paste=0.0, unmixed_end=0.5)
    images = images_of(build_dataset(config, data, "train", 1).take(STEPS), 1)
    is_mixed = np.abs(images - unmixed[STEPS : 2 * STEPS]).max((1, 2, 3, 4)) > 1
    assert is_mixed.tolist() == [True, True, False, False]


@pytest.mark.whole
def test_a_training_that_is_taken_up_switches_at_the_same_batch(data, mixed, unmixed):
    dataset = build_dataset(with_data(unmixed_end=0.5), data, "train", first_epoch=1, first_batch=1)
    assert_switches(images_of(dataset.take(STEPS - 1), 1), 6, mixed, unmixed, start=STEPS + 1)


@pytest.mark.whole
def test_workers_switch_at_the_same_batch(data, mixed, unmixed):
    build = lambda worker: build_dataset(
        with_data(unmixed_end=0.5), data, "train", worker=worker, num_workers=2
    )
    images = np.concatenate([images_of(build(worker)) for worker in range(2)], 1)
    assert_switches(images, 6, mixed, unmixed)


@pytest.fixture(scope="module")
def closed(data):
    """(batches of which the mixing was ended after the third, the MixingEnd)."""
    end = MixingEnd()
    dataset = build_dataset(with_data(unmixed_end=0.5), data, "train", mixing_end=end)
    images = []
    for number, (batch, _) in enumerate(dataset.repeat(2 * EPOCHS)):
        images.append(batch.numpy())
        if number == 2:
            assert end.first_batch is None
            end.close()
    return np.stack(images), end


@pytest.mark.whole
def test_a_clock_ends_mixing_with_the_next_batch_that_is_begun(closed, mixed, unmixed):
    images, end = closed
    assert 3 <= end.first_batch < len(images) - STEPS
    assert_switches(images, end.first_batch, mixed, unmixed)


@pytest.mark.whole
def test_a_training_by_the_clock_goes_on_with_the_batch_that_was_written_down(closed, data):
    images, end = closed
    start = end.first_batch - 1
    epoch, batch = divmod(start, STEPS)
    again = MixingEnd(end.first_batch)
    dataset = build_dataset(with_data(unmixed_end=0.5), data, "train", epoch, batch, mixing_end=again)
    # What is left of the epoch, and the first batch of the next one.
    taken_up = np.concatenate([images_of(dataset.take(n), 1) for n in (STEPS - batch, 1)])
    assert_allclose(taken_up, images[start : start + len(taken_up)], atol=0.01)


def test_only_what_joins_images_and_then_ends_needs_to_know_when(data):
    assert ends_mixing(with_data(unmixed_end=0.1).data)
    assert ends_mixing(with_data(unmixed_end=0.1, copy_paste=0.0, mosaic=0.1).data)
    for settings in ({}, {"unmixed_end": 0.1, "copy_paste": 0.0}):
        assert not ends_mixing(with_data(**settings).data)
        assert first_unmixed_batch(with_data(**settings), STEPS) is None
    by_the_clock = replace(CONFIG, train=replace(CONFIG.train, minutes=1.0))
    assert first_unmixed_batch(by_the_clock, STEPS) is None


def test_a_share_is_expected():
    with pytest.raises(ValueError, match="`data.unmixed_end` must lie in 0..1. Received: 1.5"):
        DataConfig(unmixed_end=1.5)


def test_views_may_be_made_in_any_order(data):
    """Which views join images is settled before they are made, at whatever parallelism."""
    end = MixingEnd()
    places = tf.data.Dataset.range(20).map(lambda number: (tf.stack([number // 10, number % 10]), number))
    seen = []
    watched = end.watch(places, lambda place: -(-(place[0] * 10 + place[1]) // 4))
    options = tf.data.Options()
    options.experimental_optimization.inject_prefetch = False  # or TensorFlow runs ahead of the loop
    watched = watched.with_options(options)
    for _, number in watched:
        seen.append((int(number), bool(end.is_over(number // 4))))
        if number == 5:
            end.close()
    assert end.first_batch == 2
    assert seen == [(number, number >= 8) for number in range(20)]
