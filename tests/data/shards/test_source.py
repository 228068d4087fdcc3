"""Shards in tf.data: the same examples as of JSON, in an order that follows from the seed alone."""

from dataclasses import replace

import pytest
import tensorflow as tf

from tests.data.conftest import NUM_PICTURES
from tests.data.shards.test_tf_example import assert_equal_examples
from yolact_tf.data.load import load_data
from yolact_tf.data.training_order import of_worker, training_order

SEED = tf.constant([3, 4], tf.int64)


def names(handles):
    """File names of serialized examples, or of groups of them."""
    of = lambda h: (
        tf.train.Example.FromString(h).features.feature["image/filename"].bytes_list.value[0].decode()
    )
    handles = list(handles.as_numpy_iterator())
    return [of(h) if isinstance(h, bytes) else tuple(map(of, h)) for h in handles]


def views(data, num_partners=3):
    """Groups of handles that train, from the third epoch on."""
    dataset = training_order(data.source(), 40, seed=5, first_epoch=2, num_partners=num_partners)
    return dataset.map(lambda place, handles, seed: handles).take(50)


@pytest.fixture(scope="module")
def train_data(mixed_shards):
    return load_data(mixed_shards, "train")


@pytest.fixture(scope="module")
def groups(train_data):
    return names(views(train_data))


def test_examples_equal_those_of_json(mixed_data, train_data):
    theirs, ours = load_data(mixed_data, "train").source(), train_data.source()
    assert ours.num_images == theirs.num_images
    expected = theirs.in_order().map(theirs.read)
    for example, other in zip(ours.in_order().map(ours.read), expected, strict=True):
        assert_equal_examples(example, other)


def test_parallelism_changes_nothing(groups, train_data):
    options = tf.data.Options()
    options.threading.private_threadpool_size = 1
    options.autotune.enabled = False
    assert names(views(train_data).with_options(options)) == groups
    assert len(groups) == 50 and len(set(groups)) > 45


def test_workers_share_the_views_of_one(groups, train_data):
    shares = [names(of_worker(views(train_data), 10, worker, 2)) for worker in range(2)]
    together = [group for i in range(0, 25, 5) for share in shares for group in share[i : i + 5]]
    assert together == groups


def test_the_seed_alone_gives_the_order(train_data):
    source = train_data.source()
    first = names(source.order(SEED))
    assert first != names(source.order(SEED + 1)) != names(source.in_order())
    tf.random.set_seed(7)
    assert names(train_data.source().order(SEED)) == first


@pytest.mark.parametrize("size", [1, 5, NUM_PICTURES])
def test_every_order_has_each_image_once(size, train_data, monkeypatch):
    """Whatever the buffer holds; with that of one image, sixteen shards take turns."""
    monkeypatch.setattr("yolact_tf.data.shards.source._FEWEST_SHUFFLED", size)
    monkeypatch.setattr("yolact_tf.data.shards.source._SHUFFLED_BYTES", 0)
    everything = names(train_data.source().in_order())
    assert everything == sorted(everything, key=lambda name: name.replace("on its side.jpg", "01"))
    assert len(everything) == NUM_PICTURES
    order = names(train_data.source().order(SEED))
    assert sorted(order) == sorted(everything) and order != everything


def test_images_without_objects_are_left_out_where_asked(train_data):
    source = train_data.source(with_empty=False)
    assert source.num_images == NUM_PICTURES - 1
    assert "02.png" not in names(source.order(SEED)) + names(source.in_order())


@pytest.mark.parametrize("cache", ["memory", "folder"])
def test_a_cache_changes_nothing(cache, train_data, tmp_path):
    plain, cached = train_data.source(), train_data.source(cache if cache == "memory" else str(tmp_path))
    assert names(cached.order(SEED)) == names(plain.order(SEED))
    assert names(cached.in_order()) == names(plain.in_order())
    copies = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(copies) == (20 if cache == "folder" else 0)


def test_shards_may_be_far_away(train_data, groups, mixed_shards):
    """ram:// stands for gs:// and s3://: a file system of TensorFlow that Python's does not know."""
    folder = "ram://bucket/shards"
    tf.io.gfile.makedirs(folder)
    for path in mixed_shards.iterdir():
        if not path.name.startswith("val"):
            tf.io.gfile.copy(str(path), f"{folder}/{path.name}", overwrite=True)
    far = load_data(folder, "train")
    assert far == replace(train_data, origin=far.origin, files=far.files)
    assert far.files[0] == f"{folder}/train-00000-of-00020.tfrecord"
    assert names(views(far)) == groups
