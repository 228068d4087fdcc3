"""An image with its objects as a serialized tf.train.Example, written and read.

The schema is that of TensorFlow Model Garden's COCO converter, official/vision/data/create_coco_tf_record.py,
but that boxes which leave the image stay. Two features are ours, and Garden's decoder passes over them: the
flips of the masks, so that no PNG needs decoding, and boxes and areas in float64, of which evaluation wants
every digit.
"""

import hashlib
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from yolact_tf.data.record import Record, flips_of
from yolact_tf.data.shards.mask_png import flips_of_pngs, png_of_runs
from yolact_tf.structures import Example, Tensor

_SIDES = tuple(f"image/object/bbox/{side}" for side in ("xmin", "ymin", "xmax", "ymax"))
_LABELS = "image/object/class/label"
_MASKS = "image/object/mask"
_FLIPS = "yolact/flips"  # a string an object, of little-endian int32
_EXACT = "yolact/boxes_and_areas"  # little-endian float64 [n, 5]: COCO's x, y, width, height, and the area
# First bytes of a format and its name.
_FORMATS = {b"\xff\xd8": "jpg", b"\x89PNG": "png", b"RIFF": "webp", b"GIF8": "gif", b"BM": "bmp"}


def write_example(record: Record, encoded: bytes, file_name: str, labels: dict[int, str]) -> bytes:
    """A Record and the bytes of its image file, serialized.

    labels: category id -> name.  An image without objects has no features of objects. The bytes of the
    image stay as they are: its EXIF orientation, which Garden's decoder does not follow, too.
    """
    features = {
        "image/height": _integers([record.height]),
        "image/width": _integers([record.width]),
        "image/filename": _strings([file_name.encode()]),
        "image/source_id": _strings([str(record.image_id).encode()]),
        "image/key/sha256": _strings([hashlib.sha256(encoded).hexdigest().encode()]),
        "image/encoded": _strings([encoded]),
        "image/format": _strings([_format_of(encoded).encode()]),
    }
    if len(record.runs):
        features.update(_objects(record, labels))
    example = tf.train.Example(features=tf.train.Features(feature=features))
    return example.SerializeToString(deterministic=True)


def _objects(record, labels):
    ids, names = np.array(list(labels)), [name.encode() for name in labels.values()]
    size = record.height, record.width
    exact = np.concatenate([record.xywh, record.areas[:, None]], 1)
    features = dict(zip(_SIDES, map(_floats, record.boxes.T), strict=True))
    return features | {
        "image/object/class/text": _strings([names[c] for c in record.classes]),
        _LABELS: _integers(ids[record.classes]),
        "image/object/is_crowd": _integers(record.is_crowd.astype(int)),
        "image/object/area": _floats(record.areas),
        _MASKS: _strings([png_of_runs(runs, *size) for runs in record.runs]),
        _FLIPS: _strings([flips_of(runs).astype("<i4").tobytes() for runs in record.runs]),
        _EXACT: _strings([exact.astype("<f8").tobytes()]),
    }


def read_example(serialized: Tensor, category_ids: Sequence[int], has_flips: bool) -> Example:
    """The Example of a serialized tf.train.Example. Graph code.

    category_ids: those of all classes, rising.  has_flips: whether the flips were written, too; where
    not, they are found in the PNGs.
    """
    masks = _FLIPS if has_flips else _MASKS
    names = {"image/encoded": tf.string, "image/height": tf.int64, "image/width": tf.int64}
    vectors = dict.fromkeys(_SIDES, tf.float32) | {_LABELS: tf.int64, "image/object/is_crowd": tf.int64}
    parsed = _parse(serialized, names, {**vectors, masks: tf.string})
    image_size = tf.cast(tf.stack([parsed["image/height"], parsed["image/width"]]), tf.int32)
    labels, is_crowd = parsed[_LABELS], parsed["image/object/is_crowd"]
    read_masks = _flips_of_bytes if has_flips else lambda pngs: flips_of_pngs(pngs, *tf.unstack(image_size))
    return {
        "encoded": parsed["image/encoded"],
        "image_size": image_size,
        "boxes": tf.stack([parsed[side] for side in _SIDES], 1),
        "classes": tf.searchsorted(tf.constant(category_ids, tf.int64), labels),
        # The feature may be absent where nothing is a crowd.
        "is_crowd": tf.pad(is_crowd, [[0, tf.size(labels) - tf.size(is_crowd)]]) > 0,
        "flips": read_masks(parsed[masks]),
    }


def read_details(serialized: Tensor) -> dict[str, Tensor]:
    """What evaluation needs beside the Example: dict of `file_name`, `source_id`, and what may be absent:
    `exact` [5n] float64, COCO's x, y, width, height and the area in pixels, and `areas` [n]. Graph code."""
    scalars = {"image/filename": tf.string, "image/source_id": tf.string, _EXACT: tf.string}
    parsed = _parse(serialized, scalars, {"image/object/area": tf.float32})
    return {
        "file_name": parsed["image/filename"],
        "source_id": parsed["image/source_id"],
        "exact": tf.io.decode_raw(parsed[_EXACT], tf.float64),
        "areas": parsed["image/object/area"],
    }


def read_contents(serialized: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Category ids [n], names [n] or [0], how many masks have PNGs and flips, and how many objects are
    crowds. Graph code."""
    vectors = {_LABELS: tf.int64, "image/object/class/text": tf.string, _MASKS: tf.string, _FLIPS: tf.string}
    parsed = _parse(serialized, {}, {**vectors, "image/object/is_crowd": tf.int64})
    labels, names, masks, flips, is_crowd = parsed.values()
    return labels, names, tf.size(masks), tf.size(flips), tf.reduce_sum(is_crowd)


def has_objects(serialized: Tensor) -> Tensor:
    """Whether the image has objects or crowds. Graph code."""
    return tf.size(_parse(serialized, {}, {_LABELS: tf.int64})[_LABELS]) > 0


def _parse(serialized, scalars, vectors):
    """Features by name, in the order given; a string that is absent is empty."""
    spec = {
        name: tf.io.FixedLenFeature((), dtype, "" if dtype == tf.string and name != "image/encoded" else None)
        for name, dtype in scalars.items()
    }
    spec |= {
        name: tf.io.FixedLenSequenceFeature((), dtype, allow_missing=True) for name, dtype in vectors.items()
    }
    parsed = tf.io.parse_single_example(serialized, spec)
    return {name: parsed[name] for name in spec}


def _flips_of_bytes(strings):
    flips = tf.io.decode_raw(tf.strings.reduce_join(strings), tf.int32)
    lengths = tf.cast(tf.strings.length(strings) // 4, tf.int64)
    return tf.RaggedTensor.from_row_lengths(flips, lengths, validate=False)


def _format_of(encoded):
    return next((name for head, name in _FORMATS.items() if encoded.startswith(head)), "")


def _strings(values):
    return tf.train.Feature(bytes_list=tf.train.BytesList(value=values))


def _integers(values):
    return tf.train.Feature(int64_list=tf.train.Int64List(value=values))


def _floats(values):
    return tf.train.Feature(float_list=tf.train.FloatList(value=values))
