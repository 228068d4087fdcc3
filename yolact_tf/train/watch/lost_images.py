"""What training says of images that got lost since they were checked."""

import logging

import keras

from yolact_tf.data.unreadable import Unreadable

logger = logging.getLogger(__name__)


class TellLostImages(keras.callbacks.Callback):
    """Names the first image that was left out as soon as it is missed, and after each epoch how many were.

    unreadable: the `data.unreadable.Unreadable` that the training batches fill.
    """

    def __init__(self, unreadable: Unreadable):
        super().__init__()
        self.unreadable = unreadable
        self._has_named = False

    def on_train_batch_end(self, batch, logs=None):
        if self.unreadable.counts and not self._has_named:
            logger.warning("left out of training: %s", self.unreadable.reason)
            self._has_named = True

    def on_epoch_end(self, epoch, logs=None):
        if count := self.unreadable.counts[epoch]:
            total = self.unreadable.num_views
            logger.warning("epoch %d: left out %d of %d training images", epoch + 1, count, total)
