"""Copies of files, near by and made once, for data on a slow disk or far away."""

import hashlib
from pathlib import Path

import tensorflow as tf

from yolact_tf.data.remote_files import is_remote
from yolact_tf.files import PathLike, atomic_path


def cached_copy(path: str, folder: PathLike) -> str:
    """The copy in `folder` of the file at `path`, made if this state of it was not copied before.

    A file that is not there is its own copy, so that its example fails like any that cannot be read.
    """
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
