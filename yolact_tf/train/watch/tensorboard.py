"""What TensorBoard shows of a run: scalars an epoch, pictures and anchor matches a validation."""

import math
from collections.abc import Mapping

import keras
import numpy as np

from yolact_tf.anchors import NUM_LEVELS
from yolact_tf.files import PathLike


class TensorBoardLog(keras.callbacks.Callback):
    """Writes the logs of each epoch as scalars to `folder`; step n is the n-th epoch, counted from 1.

    Keras' own callback has no pictures and names no part of a loss. TensorFlow writes the files, whatever
    backend trains: the data pipeline needs it anyway.
    """

    def __init__(self, folder: PathLike):
        super().__init__()
        self.folder = folder

    def on_train_begin(self, logs=None):
        import tensorflow as tf

        self._summary = tf.summary
        self._writer = tf.summary.create_file_writer(str(self.folder))

    def on_epoch_end(self, epoch, logs=None):
        with self._writer.as_default(step=epoch + 1):
            for name, value in logs.items():
                group = "validation" if name.startswith("val_") else "train"
                if math.isfinite(float(value)):
                    self._summary.scalar(f"{group}/{name.removeprefix('val_')}", value)
        self._writer.flush()

    def on_train_end(self, logs=None):
        self._writer.close()

    def show(self, epoch: int, pictures: Mapping[str, np.ndarray], positives: np.ndarray) -> None:
        """Adds pictures, {name: [H, W, 3] uint8}, and the positive anchors of each level, [5]."""
        with self._writer.as_default(step=epoch + 1):
            for name, picture in pictures.items():
                self._summary.image(name, picture[None])
            self._write_histogram("anchors/positives by level P3 to P7", positives)
        self._writer.flush()

    def _write_histogram(self, name, counts):
        """One bar a level, which `tf.summary.histogram` would set elsewhere where a level has none."""
        from tensorboard.plugins.histogram import metadata

        levels = 3 + np.arange(NUM_LEVELS)
        bars = np.stack([levels - 0.5, levels + 0.5, counts], 1)  # [levels, 3] from, to, how many
        about = metadata.create_summary_metadata(display_name=None, description=None)
        self._summary.write(name, bars.astype(np.float64), metadata=about)
