"""metadata.json, which `yolact export` appends to a `.tflite` as a zip."""

import zipfile
import zlib
from typing import Any

from yolact_tf.detect.engines.metadata import checked_metadata
from yolact_tf.files import PathLike

EXPECTED = "expected a .tflite of `yolact export`"


def read_metadata(path: PathLike) -> dict[str, Any]:
    """The metadata.json in a `.tflite` that we exported, `labels` by category id.

    ValueError in one line for any other file.
    """
    try:
        with zipfile.ZipFile(path) as appended:
            text = appended.read("metadata.json")
    except (zipfile.BadZipFile, zlib.error, KeyError, ValueError) as error:
        raise ValueError(f"{path}: {EXPECTED}. Received one without metadata ({error})") from None
    return checked_metadata(text, path, EXPECTED)
