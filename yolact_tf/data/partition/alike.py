"""Pictures that look alike: copies of other size, quality, brightness or frame, and frames of one film.

A picture is compared by the differences between the neighbours in a thumbnail of it, as directions in
space: their cosine is 1 for copies. Of other pictures of one subject it hardly reaches 0.6.
"""

import concurrent.futures
import hashlib
import io
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageOps

from yolact_tf.cores import usable_cores
from yolact_tf.data.partition.groups import Groups

_SIDE = 16  # differences of a thumbnail in a row
_FAINT = 40.0  # length of what noise leaves of a plain picture, which resembles nothing
_ROWS = 256  # pictures that are compared with all others at a time


class Look(NamedTuple):
    """By what an image file is known again."""

    digest: bytes  # of its bytes
    slopes: np.ndarray  # [2 * _SIDE ** 2] float32, length 1; shorter for a plain picture


def look_at(paths: Sequence[Path], advance: Callable[[], None]) -> list[Look]:
    """The Look of each image file. advance: called after each."""
    looks = []
    with concurrent.futures.ThreadPoolExecutor(usable_cores()) as pool:
        for look in pool.map(_look, paths):
            looks.append(look)
            advance()
    return looks


def join_alike(groups: Groups, looks: Sequence[Look], alike: float, advance: Callable[[], None]) -> None:
    """Joins in `groups` the pictures of the same bytes, and those whose cosine is above `alike`.

    advance: called after each picture.
    """
    groups.join_equal(look.digest for look in looks)
    slopes = np.stack([look.slopes for look in looks])
    for begin in range(0, len(slopes), _ROWS):
        cosines = slopes[begin : begin + _ROWS] @ slopes[begin:].T
        pairs = np.argwhere(cosines > alike) + begin
        labels = groups.labels()[pairs]
        # Only what is apart: in one large group, joining each pair takes forever.
        for one, other in pairs[labels[:, 0] != labels[:, 1]].tolist():
            groups.join(one, other)
        for _ in cosines:
            advance()


def _look(path):
    data = path.read_bytes()
    return Look(hashlib.blake2b(data, digest_size=16).digest(), _slopes(_thumbnail(data)))


def _slopes(thumbnail):
    across = np.diff(thumbnail, axis=1)[:-1]
    down = np.diff(thumbnail, axis=0)[:, :-1]
    slopes = np.concatenate([across.ravel(), down.ravel()])
    return slopes / max(np.linalg.norm(slopes), _FAINT)


def _thumbnail(data):
    """[_SIDE + 1, _SIDE + 1] float32 of an encoded image, upright and grey; even where it cannot be read."""
    size = (_SIDE + 1, _SIDE + 1)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(data)) as image:
                image.draft("L", (4 * _SIDE, 4 * _SIDE))  # of a JPEG no more than that is decoded
                gray = _grey(ImageOps.exif_transpose(image))
                return np.asarray(gray.resize(size, Image.Resampling.BILINEAR), np.float32)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        return np.zeros(size, np.float32)


def _grey(image):
    """A Pillow image in grey of any depth, as floats that its own lowest and highest make 0 and 255."""
    if image.mode[0] not in "IF":
        return image.convert("L")
    values = np.asarray(image, np.float32)
    values = values - values.min()
    return Image.fromarray(values * (255 / max(values.max(), 1e-6)))
