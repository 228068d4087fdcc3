"""Masks as PNGs of the whole image, 0 and 1: how other people's TFRecords hold them."""

import io
import zlib

import numpy as np
import tensorflow as tf
from PIL import Image

from yolact_tf.data.record import mask_of
from yolact_tf.structures import Tensor


def png_of_runs(runs: np.ndarray, height: int, width: int) -> bytes:
    """Run lengths to the bytes of a one-channel PNG."""
    pixels = mask_of(runs, height, width)
    file = io.BytesIO()
    # Run-length matching alone makes smaller files of masks than the default does, in two thirds of its time.
    image = Image.fromarray(np.ascontiguousarray(pixels, np.uint8))
    image.save(file, "PNG", compress_type=zlib.Z_RLE)
    return file.getvalue()


def flips_of_pngs(pngs: Tensor, height: Tensor, width: Tensor) -> Tensor:
    """Flips of n masks: ragged [n, None] int32, as `data.augment.mask_lookup` has them. Graph code.

    pngs: [n] strings; a pixel is object where it is not 0.  height, width: of each.
    """

    def one(png):
        mask = tf.io.decode_png(png, channels=1)
        matches = tf.debugging.assert_equal(
            tf.shape(mask)[:2], [height, width], "a mask must have the height and width of its image"
        )
        with tf.control_dependencies([matches] if matches is not None else []):
            is_object = tf.reshape(mask > 0, [height, width])
        # The pixel before the top of a column is the bottom of the column to its left.
        before_top = tf.concat([[False], is_object[-1, :-1]], 0)
        before = tf.concat([before_top[None], is_object[:-1]], 0)
        rows, columns = tf.unstack(tf.cast(tf.where(is_object != before), tf.int32), axis=1)
        # Sorting the few flips is faster than transposing all pixels.
        return tf.sort(columns * height + rows)

    return tf.map_fn(one, pngs, fn_output_signature=tf.RaggedTensorSpec([None], tf.int32, ragged_rank=0))
