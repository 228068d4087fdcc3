import pytest

import yolact_tf
from yolact_tf.fields import AUTO
from yolact_tf.train import batch_size
from yolact_tf.train.batch_size import free_memory, largest_batch

MEGABYTE = 2**20


def test_auto_is_a_batch_size():
    assert yolact_tf.load_config("tiny_256", ["train.batch_size=auto"]).train.batch_size == AUTO
    with pytest.raises(
        ValueError, match="`train.batch_size` must be a whole number or auto. Received: 'most'"
    ):
        yolact_tf.load_config("tiny_256", ["train.batch_size=most"])


def test_free_memory_is_that_of_a_machine():
    assert 50 * MEGABYTE < free_memory() < 2**50


@pytest.mark.parametrize(
    "free, images, expected",
    # 300 MB and 100 MB an image: 0.8 · 2500 = 2000 MB hold 17 images, a power of two below is 16.
    [(2500, 1000, 16), (2500, 10, 8), (100_000, 1000, 64), (10, 1000, 1)],
)
def test_what_two_small_steps_take_tells_what_a_large_one_will(free, images, expected, monkeypatch):
    monkeypatch.setattr(batch_size, "_measured", lambda config, size: (300 + 100 * size) * MEGABYTE)
    monkeypatch.setattr(batch_size, "free_memory", lambda: free * MEGABYTE)
    assert largest_batch(yolact_tf.load_config("tiny_256"), images) == expected


@pytest.mark.whole
def test_two_steps_are_measured_each_in_a_process_of_its_own(small_settings):
    config = yolact_tf.load_config("tiny_256", small_settings)
    assert largest_batch(config, num_images=9) == 8
