"""metadata.json of an artefact, which makes it complete: the names of its classes, and how it detects."""

import json
from typing import Any

from yolact_tf.files import PathLike
from yolact_tf.labels import labels_from_json


def checked_metadata(text: str | bytes, path: PathLike, expected: str) -> dict[str, Any]:
    """The metadata that `text`, of the artefact at `path`, holds; `labels` by category id.

    expected: what the artefact should be, for the ValueError, in one line, of one that is not ours.
    """
    try:
        metadata = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path}: {expected}. Received one without metadata ({error})") from None
    is_object = isinstance(metadata, dict)
    keys = ("labels", "detect", "anchors")
    missing = [key for key in keys if not (is_object and isinstance(metadata.get(key), dict))]
    if missing:
        raise ValueError(f"{path}: {expected}. Received one whose metadata lack {missing}")
    labels = labels_from_json(json.dumps(metadata["labels"]), f"{path}: metadata.json")
    return {**metadata, "labels": labels}
