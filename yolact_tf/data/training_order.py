"""Which image comes when: the order of an epoch, the seed of each view, the share of each worker.

All of it follows from the training seed, the epoch and a position, and from nothing else. So batches are
the same at any parallelism, on any number of workers, and in a run that is taken up again.
"""

from typing import NamedTuple

import tensorflow as tf

from yolact_tf.data.augment.draws import fold
from yolact_tf.data.split import Source
from yolact_tf.structures import Tensor


def training_order(
    source: Source,
    num_views: int,
    seed: int,
    first_epoch: int = 0,
    first_view: int = 0,
    num_partners: int = 0,
) -> tf.data.Dataset:
    """A dataset of (place [2], handles [1 + num_partners], view seed [2]), in a new order each iteration.

    A place is an epoch, and where in it the view is: what else is read or lost changes neither that nor the
    seed.

    source: has `order(seed)`, a dataset of the handles of all its images in the order that `seed` gives.
    num_views: handles come pass after pass, until this many are there (and spare ones for images that
    cannot be read).  first_epoch, first_view: the epoch that the first iteration is, and where in it that
    begins.  num_partners: how many of the handles that follow in the order come along, for augmentations
    that join images.
    """
    epoch = tf.Variable(first_epoch - 1, dtype=tf.int64, trainable=False)
    epochs = tf.data.Dataset.from_tensors(0).map(lambda _: epoch.assign_add(1))
    seed = tf.constant([seed, 0], tf.int64)
    size = 1 + num_partners

    def one_epoch(number):
        epoch_seed = fold(seed, number)

        def one_pass(index):
            return source.order(fold(epoch_seed, index)).enumerate(index * source.num_images)

        passes = tf.data.Dataset.range(2 + (2 * num_views + num_partners) // source.num_images)
        groups = passes.flat_map(one_pass)
        if num_partners:
            windows = groups.window(size, shift=1, drop_remainder=True)
            groups = windows.flat_map(lambda *parts: tf.data.Dataset.zip(tuple(p.batch(size) for p in parts)))
        if first_view:  # where shards are damaged, positions are missing: no number of them could be skipped
            begin = first_view * tf.cast(number == first_epoch, tf.int64)
            groups = groups.filter(lambda positions, _: tf.reduce_min(positions) >= begin)
        seeds = fold(epoch_seed, -1)

        def numbered(positions, group):
            position, group = tf.reshape(positions, [-1])[0], tf.reshape(group, [size])
            return tf.stack([number, position]), group, fold(seeds, position)

        return groups.map(numbered)

    return epochs.flat_map(one_epoch)


def of_worker(dataset: tf.data.Dataset, batch_size: int, worker: int, num_workers: int) -> tf.data.Dataset:
    """The elements of one worker: of each batch of all workers, its own equal and consecutive part."""
    numbered = dataset.enumerate()
    own = numbered.filter(lambda number, _: Share(batch_size, worker, num_workers).holds(number))
    return own.map(lambda _, element: element)


class Share(NamedTuple):
    """Which positions in an epoch are a worker's."""

    batch_size: int  # of all workers together
    worker: int = 0
    num_workers: int = 1

    @property
    def own(self) -> int:
        """This worker's part of a batch."""
        return self.batch_size // self.num_workers

    def holds(self, position: Tensor) -> Tensor:
        """Whether a position is among this worker's."""
        return tf.equal(position % self.batch_size // self.own, self.worker)

    def number(self, position: Tensor) -> Tensor:
        """How many of this worker's positions come before one of them."""
        return position // self.batch_size * self.own + position % self.own

    def position(self, number: Tensor) -> Tensor:
        """Undoes `number`."""
        return number // self.own * self.batch_size + self.worker * self.own + number % self.own
