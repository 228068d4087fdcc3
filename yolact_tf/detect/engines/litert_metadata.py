"""metadata.json, which `yolact export` appends to a `.tflite` as a zip."""

import json
import zipfile
import zlib
from typing import Any

from yolact_tf.files import PathLike
from yolact_tf.labels import labels_from_json

EXPECTED = "expected a .tflite of `yolact export`"


def read_metadata(path: PathLike) -> dict[str, Any]:
    """The metadata.json in a `.tflite` that we exported, `labels` by category id.

    ValueError in one line for any other file.
    """
    try:
        with zipfile.ZipFile(path) as appended:
            metadata = json.loads(appended.read("metadata.json"))
    except (zipfile.BadZipFile, zlib.error, KeyError, ValueError, RecursionError) as error:
        raise ValueError(f"{path}: {EXPECTED}. Received one without metadata ({error})") from None
    is_object = isinstance(metadata, dict)
    expected = ("labels", "detect", "anchors")
    missing = [key for key in expected if not (is_object and isinstance(metadata.get(key), dict))]
    if missing:
        raise ValueError(f"{path}: {EXPECTED}. Received one whose metadata lack {missing}")
    labels = labels_from_json(json.dumps(metadata["labels"]), f"{path}: metadata.json")
    return {**metadata, "labels": labels}
