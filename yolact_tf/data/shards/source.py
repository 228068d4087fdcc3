"""Images of TFRecord shards as examples that tf.data streams, in an order that a seed gives."""

from typing import TYPE_CHECKING

import tensorflow as tf

from yolact_tf.data.augment.draws import fold
from yolact_tf.data.file_cache import fits_in_memory, near_by
from yolact_tf.data.remote_files import is_remote
from yolact_tf.data.shards.files import naming_damage
from yolact_tf.data.shards.tf_example import has_objects, read_details, read_example
from yolact_tf.structures import Example, Tensor

if TYPE_CHECKING:  # it imports this file
    from yolact_tf.data.shards.split import ShardSplit

_NUM_OPEN = 16  # shards that are read at a time; a fixed number, since the order depends on it
_SHUFFLED_BYTES = 256 << 20  # what the shuffling may hold in memory
_FEWEST_SHUFFLED = 16  # images, however large they are


class ShardSource:
    """The images of the shards in `data`, a ShardSplit; a handle is a serialized tf.train.Example.

    Images are read in passes over the files and never looked up. An order takes the shards in random order,
    an image of each of sixteen in turn, and mixes those in a buffer of a fixed number of images.

    cache: "none", "memory", which is "none" where shards do not fit, or a folder that gets a copy of each
    shard, once, for data far away.
    with_empty: whether images without objects are among the handles.
    """

    def __init__(self, data: "ShardSplit", cache: str = "none", with_empty: bool = True) -> None:
        self.num_images = data.num_images if with_empty else data.num_with_objects
        self._selects = self.num_images < data.num_images
        self._category_ids, self._has_flips = list(data.labels), data.has_flips
        self._origin, self._num_shards = data.origin, len(data.files)
        self._num_shuffled = _num_shuffled(data)
        if cache == "memory" and fits_in_memory(data.files):
            handles = tf.data.TFRecordDataset(list(data.files)).batch(data.num_images)
            with naming_damage(data.origin):
                self._in_memory = handles.get_single_element()
            self._splits = tf.concat([[0], tf.cumsum(tf.constant(data.images, tf.int64))], 0)
        else:
            files = near_by(data.files, cache, "shards")
            self._in_memory, self._files = None, tf.constant(files)
        # Waiting for a network is done side by side, in the same order. Near by one thread is fast enough,
        # and the buffer is allocated in one heap and not in one of each thread.
        is_far = self._in_memory is None and is_remote(files[0])
        self._reading = {"num_parallel_calls": tf.data.AUTOTUNE, "deterministic": True} if is_far else {}

    def order(self, seed: Tensor) -> tf.data.Dataset:
        """All handles, in the order that `seed` gives."""
        last = self._num_shards - 1
        shards = tf.data.Dataset.range(self._num_shards)
        shards = shards.map(lambda i: tf.random.experimental.index_shuffle(i, fold(seed, 0), last))
        handles = shards.interleave(self._shard, _NUM_OPEN, block_length=1, **self._reading)
        return _shuffled(self._selected(handles), self._num_shuffled, fold(seed, 1))

    def in_order(self) -> tf.data.Dataset:
        """All handles, in the order of the files."""
        return self._selected(tf.data.Dataset.range(self._num_shards).flat_map(self._shard))

    def name(self, handle: Tensor) -> str:
        """What the image of a handle is called."""
        return f"{self._origin}: {read_details(handle)['file_name'].numpy().decode(errors='replace')}"

    def read(self, handle: Tensor) -> Example:
        """The Example of a handle. Graph code."""
        return read_example(handle, self._category_ids, self._has_flips)

    def _shard(self, number):
        if self._in_memory is None:
            return tf.data.TFRecordDataset(self._files[number])
        numbers = tf.data.Dataset.range(self._splits[number], self._splits[number + 1])
        return numbers.map(lambda i: self._in_memory[i])

    def _selected(self, handles):
        return handles.filter(has_objects) if self._selects else handles


def _shuffled(handles, size, seed):
    """`handles` mixed in a buffer of `size`, by a seed [2] alone: `Dataset.shuffle` adds TensorFlow's own."""
    seed = tf.cast(seed, tf.int64)
    variant = tf.raw_ops.ShuffleDataset(
        input_dataset=tf.data.experimental.to_variant(handles),
        buffer_size=size,
        seed=seed[0],
        seed2=seed[1],
        output_types=[tf.string],
        output_shapes=[[]],
        reshuffle_each_iteration=False,
    )
    return tf.data.experimental.from_variant(variant, handles.element_spec)


def _num_shuffled(data):
    """How many images fit into the buffer, by the size of the largest of the first few shards."""
    sizes = [tf.io.gfile.stat(file).length / max(n, 1) for file, n in zip(data.files[:4], data.images[:4])]
    return min(data.num_images, max(_FEWEST_SHUFFLED, int(_SHUFFLED_BYTES / max(*sizes, 1.0))))
