"""An export opened for serving: its newest version, followed as versions come and go."""

import contextlib
import dataclasses
import gc
import logging
import re
import threading
from collections.abc import Iterator
from pathlib import Path

from google.protobuf import json_format
from tensorflow.core.protobuf import saved_model_pb2

from yolact_tf.export.warmup import read_warmup
from yolact_tf.files import PathLike
from yolact_tf.model_folder import find_versions, load_saved_model, require_versions

POLL_SECONDS = 1.0  # between two looks at the folder, as in TF Serving

logger = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True, eq=False)
class ServedVersion:
    """One loaded version; `module` is held because signatures alone let their variables be freed."""

    number: int
    signatures: dict
    signature_def: dict
    module: object


class Servable:
    """A named model of which the newest version that loads is served, or all versions that do.

    `refresh` follows the folder: a new version is loaded before the older is let go, which ends with the
    last request that has it. A version that does not load is named once and tried again when its files
    have changed; what is served goes on.
    """

    def __init__(self, name: str, path: PathLike, all_versions: bool = False):
        self.name = name
        self._path = Path(path)
        self._all_versions = all_versions
        self._served: dict[int, ServedVersion] = {}
        self._states: dict[int, tuple[str, str]] = {}
        self._broken: dict[int, tuple] = {}  # version -> its files when it did not load

    @property
    def versions(self) -> list[int]:
        """Numbers of the versions that are served, newest first."""
        return list(self._served)

    def states(self) -> dict[int, tuple[str, str]]:
        """{version: (state in TF Serving's words, what is wrong or "")}, newest first, of all ever tried."""
        return dict(sorted(self._states.items(), reverse=True))

    def version(self, number: int | None = None) -> ServedVersion:
        """The version of a number in `versions`, the newest without one. KeyError for another."""
        served = self._served
        return served[next(iter(served)) if number is None else number]

    def refresh(self) -> None:
        """Loads what is newer than what is served, then lets go of what no longer is."""
        served = {}
        for number, folder in find_versions(self._path).items():
            version = self._served.get(number) or self._load(number, folder)
            if version:
                served[number] = version
                if not self._all_versions:
                    break
        # A folder that is empty or away for a moment ends nothing.
        if not served or served == self._served:
            return
        for number in self._served.keys() - served.keys():
            self._states[number] = "END", ""
            logger.info("%s version %d is no longer served", self.name, number)
        self._served = served
        gc.collect()  # the graphs of a loaded model refer to one another

    @contextlib.contextmanager
    def followed(self, seconds: float = POLL_SECONDS) -> Iterator[None]:
        """Within the block, a thread calls `refresh` every so many seconds."""
        ended = threading.Event()

        def follow():
            while not ended.wait(seconds):
                try:
                    self.refresh()
                except OSError as error:  # such as that of a network disk
                    logger.warning("%s: the folder cannot be read: %s", self.name, error)

        thread = threading.Thread(target=follow, name="versions", daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()

    def _load(self, number, folder):
        """The version in `folder`, or None where it does not load."""
        files = _files_of(folder)
        if self._broken.get(number) == files:
            return None
        self._states[number] = "LOADING", ""
        try:
            version = _load_version(number, folder)
        except ValueError as error:
            self._broken[number], self._states[number] = files, ("END", str(error))
            logger.warning("%s version %d is not served: %s", self.name, number, error)
            return None
        self._states[number] = "AVAILABLE", ""
        logger.info("%s version %d is loaded", self.name, number)
        return version


def load_servable(path: PathLike, name: str = "yolact", all_versions: bool = False) -> Servable:
    """Opens an export for serving: its newest version that loads, or with `all_versions` all that do.

    path: a folder in TF Serving's layout (PATH/<integer>/saved_model.pb), or one that holds saved_model.pb
    itself, which counts as version 1.
    Raises FileNotFoundError where the path is missing, ValueError where it holds no SavedModel that loads.
    """
    if not re.fullmatch(r"[^/:?#%]+", name):
        raise ValueError(f"`name` must have at least one character and none of '/:?#%'. Received: {name!r}")
    require_versions(path)
    servable = Servable(name, path, all_versions)
    servable.refresh()
    if not servable.versions:
        _, reason = next(iter(servable.states().values()))
        raise ValueError(reason)
    return servable


def _load_version(number, folder):
    """Raises ValueError where files are damaged, or a warm-up request fails."""
    module = load_saved_model(folder)
    graph = saved_model_pb2.SavedModel.FromString((folder / "saved_model.pb").read_bytes()).meta_graphs[0]
    complete = {"preserving_proto_field_name": True, "always_print_fields_with_no_presence": True}
    signatures = sorted(graph.signature_def.items())
    signature_def = {key: json_format.MessageToDict(value, **complete) for key, value in signatures}
    version = ServedVersion(number, dict(module.signatures), signature_def, module)
    try:
        for name, inputs in read_warmup(folder):
            version.signatures[name](**inputs)
    except Exception as error:  # of the file, of a signature that is not there, of any of its ops
        raise ValueError(
            f"{folder}: expected warm-up requests that work. Received: {one_line(error)}"
        ) from error
    return version


def _files_of(folder):
    """What changes when a file in `folder` does."""
    stats = [(str(path), path.stat()) for path in sorted(folder.rglob("*")) if path.is_file()]
    return tuple((name, stat.st_size, stat.st_mtime_ns) for name, stat in stats)


def one_line(error: BaseException) -> str:
    """Returns an error's own words, without what TensorFlow puts around them."""
    lines = [line.strip() for line in str(error).split("[[{{node")[0].splitlines() if line.strip()]
    words = lines[-1] if lines else type(error).__name__
    # What was compared follows what was asserted, in brackets of its own.
    asserted = re.fullmatch(r"assertion failed: \[(.*?)\]( \[.*)?", words)
    return asserted.group(1) if asserted else words
