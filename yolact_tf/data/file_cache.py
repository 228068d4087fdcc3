"""Files kept where they are read faster: in memory, or as copies near by of what is far away."""

import hashlib
import logging
from collections.abc import Sequence
from pathlib import Path

import tensorflow as tf

from yolact_tf.data.long_work import told
from yolact_tf.data.remote_files import is_remote
from yolact_tf.files import atomic_path
from yolact_tf.memory import free_memory

logger = logging.getLogger(__name__)

_SHARE = 0.25  # of free memory: what is read is there twice for a moment, and training wants the rest


def fits_in_memory(paths: Sequence[str]) -> bool:
    """Whether the files may be kept in memory; where they may not, the log says so."""
    needed, free = sum(map(_size, paths)), free_memory()
    if needed <= _SHARE * free:
        return True
    logger.warning(
        "data.cache=memory: %.1f GB of files take more than a quarter of the %.1f GB of memory left; they "
        "are read from disk instead",
        needed / 1e9,
        free / 1e9,
    )
    return False


def near_by(paths: Sequence[str], cache: str, what: str) -> list[str]:
    """Where to read files: where they are ("none", "memory"), or in the folder `cache`, which gets copies.

    A file is copied once, and again when it has changed; the log says now and then how many of `what` are.
    """
    if cache in ("none", "memory"):
        return list(paths)
    copies = (_copy_of(path, cache) for path in paths)
    return list(told(copies, len(paths), cache, f"{what} copied"))


# A file that is not there is its own copy, so that its example fails like any that cannot be read.
def _copy_of(path, folder):
    try:
        state = tf.io.gfile.stat(path)
    except tf.errors.OpError:
        return path
    name = path if is_remote(path) else Path(path).resolve()
    key = hashlib.sha256(f"{name}\0{state.length}\0{state.mtime_nsec}".encode()).hexdigest()
    copy = Path(folder) / key[:2] / key
    if not copy.exists():
        copy.parent.mkdir(parents=True, exist_ok=True)
        with atomic_path(copy) as temporary:
            tf.io.gfile.copy(path, temporary, overwrite=True)
    return str(copy)


def _size(path):
    """Bytes of a file; 0 where it is gone."""
    try:
        return tf.io.gfile.stat(path).length
    except tf.errors.OpError:
        return 0
