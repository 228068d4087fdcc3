"""When the views of a training stop joining images: at a batch known beforehand, or once a clock says so."""

from collections.abc import Callable

import tensorflow as tf

from yolact_tf.config import Config, DataConfig
from yolact_tf.structures import Tensor


def ends_mixing(settings: DataConfig) -> bool:
    """Whether views join images, yet not to the end of a training."""
    return settings.unmixed_end > 0 and max(settings.mosaic, settings.copy_paste) > 0


def first_unmixed_batch(config: Config, steps_per_epoch: int) -> int | None:
    """The first batch, counted from the beginning of a training of so many epochs, that joins no images.

    None where that never happens, or a clock tells when.
    """
    if config.train.minutes or not ends_mixing(config.data):
        return None
    return round((1 - config.data.unmixed_end) * config.train.epochs * steps_per_epoch)


class MixingEnd:
    """The first batch of a training whose views, and all that follow, show one image each.

    first_batch: which that is. None leaves it to `close`, while a dataset is read: batches are made ahead of
    the step that learns from them, so that it is the first that is not begun yet.
    """

    def __init__(self, first_batch: int | None = None):
        with tf.device("CPU"):  # where datasets are made
            first = tf.int64.max if first_batch is None else first_batch
            self._first = tf.Variable(first, dtype=tf.int64, trainable=False)
            self._is_due = tf.Variable(False, trainable=False)

    def close(self) -> None:
        """Has the next batch that is begun, and all that follow, join no images."""
        self._is_due.assign(True)

    @property
    def first_batch(self) -> int | None:
        """None as long as it is not known."""
        first = int(self._first)
        return None if first == tf.int64.max else first

    def is_over(self, batch: Tensor) -> Tensor:
        """Whether a batch that `watch` saw joins no images."""
        return batch >= self._first

    def watch(self, views: tf.data.Dataset, next_batch: Callable[[Tensor], Tensor]) -> tf.data.Dataset:
        """`views`, the first elements of which are places, with what `close` says written down in passing.

        next_batch: next_batch(place) is the first batch that begins with this view or after it.
        """

        def note(place, *view):
            decides = self._is_due & tf.equal(self._first, tf.int64.max)
            self._first.assign(tf.where(decides, next_batch(place), self._first))
            return place, *view

        return views.map(tf.autograph.experimental.do_not_convert(note))
