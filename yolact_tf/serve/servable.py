"""An export opened for serving: its versions, each with its signatures."""

import dataclasses
import re
import threading
from collections.abc import Mapping
from pathlib import Path

from google.protobuf import json_format
from tensorflow.core.protobuf import saved_model_pb2

from yolact_tf.files import PathLike
from yolact_tf.model_folder import load_saved_model, require_versions


@dataclasses.dataclass(frozen=True)
class ServedVersion:
    """One loaded version; `module` is held because signatures alone let their variables be freed."""

    number: int
    signatures: dict
    signature_def: dict
    module: object


class Servable:
    """A named model and its versions, each loaded when it is first asked for."""

    def __init__(self, name: str, folders: Mapping[int, Path]):
        self.name = name
        self.folders = dict(sorted(folders.items(), reverse=True))  # newest first, as TF Serving lists them
        self._loaded: dict[int, ServedVersion] = {}
        self._lock = threading.Lock()

    def version(self, number: int | None = None) -> ServedVersion:
        """Returns the `ServedVersion` of a number in `folders`, the newest without one.

        Raises ValueError: damaged files.
        """
        number = max(self.folders) if number is None else number
        with self._lock:
            if number not in self._loaded:
                self._loaded[number] = _load_version(number, self.folders[number])
            return self._loaded[number]


def load_servable(path: PathLike, name: str = "yolact") -> Servable:
    """Opens an export for serving and loads its newest version.

    path: a folder in TF Serving's layout (PATH/<integer>/saved_model.pb), or one that holds saved_model.pb
    itself, which counts as version 1. Versions are those present now: one added later is not seen.
    Raises FileNotFoundError where the path is missing, ValueError where it holds no SavedModel.
    """
    if not re.fullmatch(r"[^/:?#%]+", name):
        raise ValueError(f"`name` must have at least one character and none of '/:?#%'. Received: {name!r}")
    folders = require_versions(path)
    servable = Servable(name, folders)
    servable.version()
    return servable


def _load_version(number, folder):
    module = load_saved_model(folder)
    graph = saved_model_pb2.SavedModel.FromString((folder / "saved_model.pb").read_bytes()).meta_graphs[0]
    complete = {"preserving_proto_field_name": True, "always_print_fields_with_no_presence": True}
    signatures = sorted(graph.signature_def.items())
    signature_def = {key: json_format.MessageToDict(value, **complete) for key, value in signatures}
    return ServedVersion(number, dict(module.signatures), signature_def, module)


def one_line(error: BaseException) -> str:
    """Returns an error's own words, without what TensorFlow puts around them."""
    lines = [line.strip() for line in str(error).split("[[{{node")[0].splitlines() if line.strip()]
    words = lines[-1] if lines else type(error).__name__
    asserted = re.fullmatch(r"assertion failed: \[(.*)\]", words)
    return asserted.group(1) if asserted else words
