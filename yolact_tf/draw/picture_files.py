"""Pictures as files that say who drew them."""

from pathlib import Path

import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from yolact_tf.files import PathLike, atomic_path

_MARK = ("Software", "yolact_tf")  # of the PNG files that we write


def save_picture(picture: np.ndarray, path: PathLike) -> None:
    """Writes [H, W, 3] uint8 RGB as the PNG or JPEG that `path` names, whole or not at all."""
    mark = PngInfo()
    mark.add_text(*_MARK)
    with atomic_path(path, suffix=Path(path).suffix) as temporary:
        Image.fromarray(picture).save(temporary, quality=90, pnginfo=mark)


def is_our_picture(path: PathLike) -> bool:
    """Whether a file is a PNG that `save_picture` wrote."""
    try:
        with Image.open(path) as image:
            return image.info.get(_MARK[0]) == _MARK[1]
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        return False
