"""What the files of a split in TFRecord shards are called, and the finding of them, near by or far away."""

import contextlib
import re
from collections.abc import Iterator

import tensorflow as tf

from yolact_tf.data.remote_files import join, list_names
from yolact_tf.files import PathLike

SHARD_NAME = "{prefix}-{number:05d}-of-{total:05d}.tfrecord"
_SHARD = re.compile(r"(.*)-(\d{5})-of-(\d{5})\.tfrecord")
LABELS_NAME = "labels.json"
MANIFEST_NAME = "{split}-shards.json"


def is_shard(name: str) -> bool:
    """Whether a file is called like a shard."""
    return _SHARD.fullmatch(name) is not None


def find_shards(folder: PathLike, split: str) -> tuple[str, ...]:
    """Paths of the shards of a split, in order. FileNotFoundError names one that is missing.

    They are ours or those of others, called PREFIX-00000-of-00008.tfrecord with the split in PREFIX.
    """
    names = list_names(folder)
    is_ours = MANIFEST_NAME.format(split=split) in names
    matches = [match for match in map(_SHARD.fullmatch, names) if match]
    found = [m for m in matches if (split == m[1] if is_ours else split in m[1])]
    sets = sorted({(match[1], int(match[3])) for match in found})
    if len(sets) > 1:
        received = ", ".join(f"{prefix}-*-of-{total:05d}" for prefix, total in sets)
        raise ValueError(f"{folder}: expected one set of shards of {split!r}. Received: {received}")
    if not sets:
        received = ", ".join(names[:6]) or "an empty folder"
        raise FileNotFoundError(f"{folder}: expected *{split}*-00000-of-*.tfrecord. Received: {received}")
    prefix, total = sets[0]
    expected = [SHARD_NAME.format(prefix=prefix, number=n, total=total) for n in range(total)]
    missing = [name for name in expected if name not in names]
    if missing:
        raise FileNotFoundError(f"{folder}: expected {missing[0]} among the {total} shards of {split!r}")
    return tuple(join(folder, name) for name in expected)


@contextlib.contextmanager
def naming_damage(origin: str) -> Iterator[None]:
    """Turns what TensorFlow says of a damaged shard into a ValueError in one line."""
    try:
        yield
    except tf.errors.OpError as error:
        reason = str(error.message).split("}} ")[-1].split(" [Op:")[0].splitlines()[0]
        raise ValueError(f"{origin}: expected whole shards. Received: {reason}") from None
