"""Folders and files near by or far away, such as gs://bucket/folder, as TensorFlow reads and writes them."""

import contextlib
import secrets
from collections.abc import Iterator

import tensorflow as tf

from yolact_tf.files import PathLike

TEMPORARY = ".tmp-"  # how names of files begin that are being written


def is_remote(path: PathLike) -> bool:
    """Whether a path is a URL, such as gs://bucket/folder."""
    return "://" in str(path)


def join(folder: PathLike, name: str) -> str:
    """The path of a file in a folder, either of which may be far away."""
    return f"{str(folder).rstrip('/')}/{name}"


def list_names(folder: PathLike) -> list[str]:
    """Names of what is in a folder, sorted. FileNotFoundError where it is none."""
    folder = str(folder)
    try:
        if tf.io.gfile.exists(folder) and tf.io.gfile.isdir(folder):
            return sorted(name.rstrip("/") for name in tf.io.gfile.listdir(folder))
        reason = "which is none"
    except tf.errors.OpError as error:
        reason = f"which cannot be opened: {error.message}"
    raise FileNotFoundError(f"Expected a folder. Received: {folder!r}, {reason}")


@contextlib.contextmanager
def renamed(path: str) -> Iterator[str]:
    """A temporary name beside `path`, near by or far away, that becomes `path` when the block ends well."""
    folder, _, _ = path.rpartition("/")
    temporary = join(folder, TEMPORARY + secrets.token_hex(8))
    try:
        yield temporary
        tf.io.gfile.rename(temporary, path, overwrite=True)
    except BaseException:
        with contextlib.suppress(tf.errors.NotFoundError):
            tf.io.gfile.remove(temporary)
        raise


def read_text(path: PathLike) -> str:
    """The content of a text file, near by or far away."""
    with tf.io.gfile.GFile(path) as file:
        return file.read()


def write_text(path: str, text: str) -> None:
    """Writes a text file, near by or far away, under a temporary name and renames it."""
    with renamed(path) as temporary, tf.io.gfile.GFile(temporary, "w") as file:
        file.write(text)
