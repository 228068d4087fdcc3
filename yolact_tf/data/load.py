"""The door to data of every kind: a folder with COCO annotations, or one of TFRecord shards."""

import os
from pathlib import Path

from yolact_tf.config import DataConfig
from yolact_tf.data.coco.entries import labels_of, read_coco_json
from yolact_tf.data.coco.layouts import find_split, has_split
from yolact_tf.data.coco.split import load_coco
from yolact_tf.data.remote_files import is_remote, list_names
from yolact_tf.data.shards.files import LABELS_NAME, is_shard
from yolact_tf.data.shards.manifest import load_shards, read_shard_labels
from yolact_tf.data.split import Split
from yolact_tf.files import PathLike


def load_data(data: PathLike | Split, split: str, settings: DataConfig | None = None) -> Split:
    """What `split` of `data` holds, as a Split, or `data` itself where it is one already.

    data: a folder as docs/how-to/data.md describes, or the URL of one of shards, such as gs://bucket/folder.
    settings: `on_error` and `boxless` of them, or of the defaults for None, are as in `load_coco`. Of shards,
    both were decided when they were written.
    """
    if not isinstance(data, str | os.PathLike):
        return data
    if _holds_shards(data, split):
        return load_shards(str(data), split)
    settings = settings or DataConfig()
    return load_coco(data, split, settings.on_error, settings.boxless)


def load_both(data: PathLike, settings: DataConfig) -> tuple[Split, Split]:
    """The splits that a training needs, `load_data` of "train" and of "val". ValueError where their
    categories differ."""
    train, val = (load_data(data, split, settings) for split in ("train", "val"))
    if train.labels != val.labels:
        raise ValueError(
            f"{val.origin}: expected the categories of the training split, {train.labels}. "
            f"Received: {val.labels}"
        )
    return train, val


def load_labels(data: PathLike, split: str = "train") -> dict[int, str]:
    """Category id -> name of a data folder, ids in rising order: class c of a model is the c-th."""
    if not _holds_shards(data, split):
        annotation_file, _ = find_split(data, split)
        return labels_of(read_coco_json(annotation_file), annotation_file)
    if LABELS_NAME in list_names(data):
        return read_shard_labels(data)
    return load_shards(str(data), split).labels


def _holds_shards(data, split):
    """Whether a folder has shards to read. Annotations of the split come first."""
    if is_remote(data):
        return True
    data = Path(data)
    if not data.is_dir() or has_split(data, split):
        return False
    return any(is_shard(path.name) for path in data.iterdir())
