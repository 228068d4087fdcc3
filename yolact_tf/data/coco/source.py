"""Records as examples that tf.data reads in any order, by number."""

import logging
from pathlib import Path

import numpy as np
import tensorflow as tf

from yolact_tf.data.coco.packed import PackedRecords
from yolact_tf.data.file_cache import fits_in_memory, near_by
from yolact_tf.data.long_work import told
from yolact_tf.structures import Example, Tensor

logger = logging.getLogger(__name__)

_ALIGNMENT = 64  # bytes


class CocoSource:
    """The images of `records` and their objects; a handle is the number of an image among those taken.

    cache: "none", "memory", which is "none" where images do not fit, or a folder that gets a copy of each
    image file, once, for data on a slow disk.
    """

    def __init__(self, records: PackedRecords, cache: str = "none", with_empty: bool = True) -> None:
        numbers = np.arange(len(records)) if with_empty else np.flatnonzero(records.has_objects)
        self.num_images = len(numbers)
        self._names = paths = [records.path(number) for number in numbers.tolist()]
        self._is_in_memory = cache == "memory" and fits_in_memory(paths)
        if self._is_in_memory:
            read = told(map(_read, paths), len(paths), "data.cache=memory", "images read")
            self._encoded = tf.constant(list(read))
        self._paths = tf.constant(near_by(paths, cache, "images"))
        columns = records.columns
        self._sizes = tf.constant(columns["size"][numbers])
        # Objects and flips of all images in one list each; `splits` tells where each begins.
        bounds = np.stack([records.object_splits[:-1], records.object_splits[1:]], 1)
        self._splits = tf.constant(bounds[numbers])  # [images, 2]
        self._boxes, self._classes = tf.constant(columns["boxes"]), tf.constant(columns["classes"])
        self._is_crowd = tf.constant(columns["is_crowd"])
        self._flips, self._flip_splits = _shared(columns["flips"]), tf.constant(records.flip_splits)

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
        begin, end = tf.unstack(self._splits[handle])
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


def _shared(values):
    """A tensor of an array's own memory where that is a mapped file: most of a data set is flips."""
    is_aligned = values.size and not values.ctypes.data % _ALIGNMENT  # TensorFlow aborts elsewhere
    return tf.experimental.dlpack.from_dlpack(values.__dlpack__()) if is_aligned else tf.constant(values)


def _read(path):
    """The bytes of a file; none where it is gone, so that its example fails like any that cannot be read."""
    try:
        return Path(path).read_bytes()
    except OSError as error:
        logger.warning("%s: %s", path, error)
        return b""
