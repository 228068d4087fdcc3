"""Records as examples that tf.data reads in any order, by number."""

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf

from yolact_tf.data.file_cache import cached_copy
from yolact_tf.data.record import Record, flips_of
from yolact_tf.structures import Example, Tensor

logger = logging.getLogger(__name__)


class CocoSource:
    """The images of `records` and their objects; a handle is the number of an image.

    cache: "none", "memory", or a folder that gets a copy of each image file, once, for data on a slow disk.
    """

    def __init__(self, records: Sequence[Record], cache: str = "none") -> None:
        self.num_images = len(records)
        self._names = paths = [record.path for record in records]
        if cache == "memory":
            self._encoded = tf.constant([_read(path) for path in paths])
        elif cache != "none":
            paths = [cached_copy(path, cache) for path in paths]
        self._is_in_memory = cache == "memory"
        self._paths = tf.constant(paths)
        self._sizes = tf.constant([[record.height, record.width] for record in records], tf.int32)
        # Objects and flips of all images in one list each; `splits` tells where each begins.
        self._boxes = np.concatenate([record.boxes for record in records])
        self._classes = np.concatenate([record.classes for record in records])
        self._is_crowd = np.concatenate([record.is_crowd for record in records])
        self._splits = _splits([len(record.runs) for record in records])
        flips = [flips_of(runs) for record in records for runs in record.runs]
        self._flips = np.concatenate(flips) if flips else np.zeros(0, np.int32)
        self._flip_splits = _splits([len(f) for f in flips])
        for name in ("_boxes", "_classes", "_is_crowd", "_splits", "_flips", "_flip_splits"):
            setattr(self, name, tf.constant(getattr(self, name)))

    def order(self, seed: Tensor) -> tf.data.Dataset:
        """All handles, in the order that `seed` gives."""
        last = self.num_images - 1
        return self.in_order().map(lambda i: tf.random.experimental.index_shuffle(i, seed, last))

    def in_order(self) -> tf.data.Dataset:
        """All handles, in the order of the records."""
        return tf.data.Dataset.range(self.num_images)

    def name(self, handle: Tensor) -> str:
        """What the image of a handle is called."""
        return self._names[handle]

    def read(self, handle: Tensor) -> Example:
        """The Example of a handle. Graph code."""
        encoded = self._encoded[handle] if self._is_in_memory else tf.io.read_file(self._paths[handle])
        begin, end = self._splits[handle], self._splits[handle + 1]
        splits = self._flip_splits[begin : end + 1]
        flips = tf.RaggedTensor.from_row_splits(
            self._flips[splits[0] : splits[-1]], splits - splits[0], validate=False
        )
        return {
            "encoded": encoded,
            "image_size": self._sizes[handle],
            "boxes": self._boxes[begin:end],
            "classes": self._classes[begin:end],
            "is_crowd": self._is_crowd[begin:end],
            "flips": flips,
        }


def _splits(lengths):
    return np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)]).astype(np.int64)


def _read(path):
    """The bytes of a file; none where it is gone, so that its example fails like any that cannot be read."""
    try:
        return Path(path).read_bytes()
    except OSError as error:
        logger.warning("%s: %s", path, error)
        return b""
