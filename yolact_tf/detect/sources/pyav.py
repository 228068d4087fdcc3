"""PyAV, where it is installed, and what it raises."""

import contextlib
from collections.abc import Iterator
from typing import Any

from yolact_tf.files import PathLike
from yolact_tf.packages import require_package


def pyav() -> Any:
    """The package av. ImportError in one line where it is missing."""
    return require_package("av", "video", "Videos, cameras and streams")


@contextlib.contextmanager
def faults_named(place: PathLike) -> Iterator[None]:
    """Says in one line that names a video why FFmpeg cannot read it."""
    try:
        yield
    except FileNotFoundError:
        raise FileNotFoundError(f"{place}: no such video") from None
    except pyav().FFmpegError as error:
        raise ValueError(f"{place}: expected a video. Received: {error.strerror}") from None
