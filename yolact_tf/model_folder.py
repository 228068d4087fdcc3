"""TF Serving's layout: BASE/<version>/saved_model.pb, the newest version served, settings beside BASE."""

import re
from pathlib import Path
from typing import Any

from yolact_tf.files import PathLike

LABELS = "assets/labels.json"  # category id -> name, in a version's folder; none but our exports have it
DETECTION = "assets/detection.json"  # the DetectConfig of the run, which says what no graph knows
_VERSION = "[0-9]{1,18}"  # what an int64 holds


def find_versions(path: PathLike) -> dict[int, Path]:
    """Version number -> folder of the SavedModels at `path`, newest first; empty where there are none.

    A folder that holds saved_model.pb itself counts as version 1. Other entries are no versions.
    """
    path = Path(path)
    if (path / "saved_model.pb").is_file():
        return {1: path}
    versions = {
        int(folder.name): folder for folder in _numbered(path) if (folder / "saved_model.pb").is_file()
    }
    return dict(sorted(versions.items(), reverse=True))


def require_versions(path: PathLike) -> dict[int, Path]:
    """`find_versions` of a path that must have some: FileNotFoundError or ValueError in one line."""
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"Expected an exported model. Received: {str(path)!r}, which is not there")
    versions = find_versions(path)
    if not versions:
        raise ValueError(
            "Expected an exported model: a folder that holds saved_model.pb, itself or in a folder named by "
            f"a version number, an OpenVINO folder, or a .tflite or .onnx file. Received: {str(path)!r}"
        )
    return versions


def new_version(path: PathLike) -> tuple[Path, Path]:
    """(base, folder), absolute: where one more version of the model at `base` goes.

    path: the base, which gets the version after its newest, or BASE/N, which asks for version N.
    ValueError where that is taken, or where base holds anything but versions.
    """
    path = Path(path).resolve()
    base = path.parent if re.fullmatch(_VERSION, path.name) else path
    versions = find_versions(base)
    if (base.exists() and not versions and not _is_empty(base)) or base in versions.values():
        raise ValueError(
            "--output must be a new folder, an empty one, or the folder above the versions of a model. "
            f"Received: {str(base)!r}, which exists and is none of them"
        )
    if find_versions(base.parent):
        raise ValueError(
            f"--output must not lie in the folder of another model. Received: {str(base)!r}, in "
            f"{str(base.parent)!r}, which holds versions of one"
        )
    taken = {int(folder.name) for folder in _numbered(base)}
    folder = base / str(max(taken, default=0) + 1) if path == base else path
    if int(folder.name) in versions or (folder.exists() and not _is_empty(folder)):
        raise ValueError(
            f"--output must name a version that is free. Received: {str(folder)!r}, beside versions "
            f"{', '.join(map(str, sorted(taken)))}"
        )
    return base, folder


def load_saved_model(folder: PathLike) -> Any:
    """The SavedModel in `folder`, loaded. ValueError in one line where it is damaged."""
    import tensorflow as tf

    try:
        return tf.saved_model.load(str(folder))
    except Exception as error:  # TensorFlow and protobuf raise many kinds for a damaged file
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        reason = lines[0] if lines else type(error).__name__
        raise ValueError(f"{folder}: expected a SavedModel that loads. Received: {reason}") from error


def _numbered(path):
    return [p for p in path.iterdir() if re.fullmatch(_VERSION, p.name)] if path.is_dir() else []


def _is_empty(path):
    return path.is_dir() and not any(path.iterdir())
