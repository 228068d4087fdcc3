"""Which image comes when: the order of an epoch, the seed of each view, the share of each worker.

All of it follows from the training seed, the epoch and a position, and from nothing else. So batches are
the same at any parallelism, on any number of workers, and in a run that is taken up again.
"""

import tensorflow as tf

from yolact_tf.data.augment import fold


def training_order(source, num_views, seed, first_epoch=0, first_view=0, num_partners=0):
    """A dataset of (handles [1 + num_partners], view seed [2]), a new order each time it is iterated.

    source: has `order(seed)`, a dataset of the handles of all its images in the order that `seed` gives.
    num_views: handles come pass after pass, until this many are there (and spare ones for images that
    cannot be read).  first_epoch, first_view: the epoch that the first iteration is, and where in it that
    begins.  num_partners: how many of the handles that follow in the order come along, for augmentations
    that join images.
    """
    epoch = tf.Variable(first_epoch - 1, dtype=tf.int64, trainable=False)
    epochs = tf.data.Dataset.from_tensors(0).map(lambda _: epoch.assign_add(1))
    seed = tf.constant([seed, 0], tf.int64)

    def one_epoch(number):
        epoch_seed = fold(seed, number)
        passes = tf.data.Dataset.range(2 + (2 * num_views + num_partners) // source.num_images)
        handles = passes.flat_map(lambda index: source.order(fold(epoch_seed, index)))
        groups = handles.map(lambda handle: handle[None])
        if num_partners:
            windows = handles.window(1 + num_partners, shift=1, drop_remainder=True)
            groups = windows.flat_map(lambda window: window.batch(1 + num_partners))
        views = groups.enumerate().skip(first_view * tf.cast(number == first_epoch, tf.int64))
        return views.map(lambda position, group: (group, fold(fold(epoch_seed, -1), position)))

    return epochs.flat_map(one_epoch)


def of_worker(dataset, batch_size, worker, num_workers):
    """The elements of one worker: of each batch of all workers, its own equal and consecutive part."""
    own = batch_size // num_workers
    numbered = dataset.enumerate()
    is_own = lambda number, _: tf.equal(number % batch_size // own, worker)
    return numbered.filter(is_own).map(lambda _, element: element)
