"""A folder of TFRecord shards to ShardSplit: from its manifest, or by reading the shards of others once."""

import concurrent.futures
import json
import logging
from typing import Any

import tensorflow as tf

from yolact_tf.data.remote_files import join, list_names, read_text
from yolact_tf.data.shards.files import LABELS_NAME, MANIFEST_NAME, find_shards, naming_damage
from yolact_tf.data.shards.split import ShardSplit
from yolact_tf.data.shards.tf_example import read_contents
from yolact_tf.files import PathLike
from yolact_tf.labels import labels_from_json

logger = logging.getLogger(__name__)

VERSION = 2  # of the manifest
_NUM_READERS = 8


def load_shards(folder: PathLike, split: str) -> ShardSplit:
    """The ShardSplit of a split in `folder`, a path or a URL that TensorFlow's file system opens.

    Shards that `write_records` made open at once. Those of others are read through, to count images and
    to collect categories where no labels.json names them.
    """
    names = list_names(folder)
    origin = join(folder, f"{split}-*.tfrecord")
    labels = read_shard_labels(folder) if LABELS_NAME in names else None
    if MANIFEST_NAME.format(split=split) not in names:
        return _scanned(origin, find_shards(folder, split), labels)
    manifest = read_manifest(folder, split)
    if "images" not in manifest:
        raise ValueError(
            f"{origin}: expected finished shards. Received: the begun ones of a `yolact data records` "
            "that was interrupted; the same command finishes them"
        )
    files = find_shards(folder, split)
    if labels is None or len(files) != len(manifest["images"]):
        received = "no labels.json" if labels is None else f"{len(files)} shards"
        raise ValueError(
            f"{origin}: expected labels.json and {len(manifest['images'])} shards. Received: {received}"
        )
    counts = manifest["images_with_objects"], manifest["objects"]
    return ShardSplit(origin, files, tuple(manifest["images"]), *counts, labels, True)


def read_manifest(folder: PathLike, split: str) -> dict[str, Any]:
    """The content of SPLIT-shards.json. ValueError where it is not of this version."""
    path = join(folder, MANIFEST_NAME.format(split=split))
    try:
        content = json.loads(read_text(path))
        version = content["version"]
    except (ValueError, TypeError, KeyError):
        version = "something else"
    if version != VERSION:
        raise ValueError(f"{path}: expected a manifest of version {VERSION}. Received: {version}")
    return content


def read_shard_labels(folder: PathLike) -> dict[int, str]:
    """Category id -> name of labels.json, ids in rising order."""
    path = join(folder, LABELS_NAME)
    return labels_from_json(read_text(path), path)


def _scanned(origin, files, labels):
    """The ShardSplit of shards without a manifest."""
    logger.warning("%s: no manifest, so that %d shards are read through once", origin, len(files))
    with concurrent.futures.ThreadPoolExecutor(_NUM_READERS) as pool:
        found = list(pool.map(_scan, files))
    names = {key: name for _, _, of_file, _ in found for key, name in of_file.items()}
    labels = labels or dict(sorted(names.items()))
    strangers = sorted(set(names) - set(labels))
    if strangers:
        raise ValueError(f"{origin}: expected the categories of labels.json. Received: {strangers[:12]}")
    images = tuple(len(sizes) for sizes, _, _, _ in found)
    if not sum(images):
        raise ValueError(f"{origin}: expected at least one image. Received none")
    num_with_objects = sum(count > 0 for sizes, _, _, _ in found for count in sizes)
    num_objects = sum(sum(sizes) - num_crowds for sizes, num_crowds, _, _ in found)
    has_flips = all(of_file for _, _, _, of_file in found)
    return ShardSplit(origin, files, images, num_with_objects, num_objects, labels, has_flips)


def _scan(file):
    """([objects and crowds of each image], crowds, category id -> name, whether all masks have flips) of
    one file."""
    sizes, crowds, names, has_flips = [], 0, {}, True
    examples = tf.data.TFRecordDataset(file).map(read_contents)
    with naming_damage(file):
        for ids, texts, num_pngs, num_flips, num_crowds in examples.as_numpy_iterator():
            if len(ids) not in (num_pngs, num_flips):
                raise ValueError(
                    f"{file}: expected a mask of each object, as Garden's --include_masks writes them. "
                    f"Received: {num_pngs} masks of {len(ids)} objects in image {len(sizes) + 1}"
                )
            sizes.append(len(ids))
            crowds += int(num_crowds)
            names.update(_names(ids.tolist(), texts))
            has_flips &= num_flips == len(ids)
    return sizes, crowds, names, has_flips


def _names(ids, texts):
    """Category id -> name, a number where the shard has no names."""
    if len(texts) < len(ids):
        return {key: f"class {key}" for key in ids}
    return {key: text.decode(errors="replace") for key, text in zip(ids, texts)}
