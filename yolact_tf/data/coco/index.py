"""What opening a large split found, kept in a cache folder, so that it is found out once.

$XDG_CACHE_HOME/yolact_tf (else ~/.cache/yolact_tf) has a folder for each annotation file, and in it one
index: a folder that is never changed, called after the digest of its manifest, which has checksums of all
else. It counts as long as the annotations, the image files' sizes and times and the code that read them are
the same.
"""

import concurrent.futures
import contextlib
import dataclasses
import functools
import hashlib
import importlib.metadata
import json
import logging
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from io import FileIO
from pathlib import Path
from typing import NamedTuple

import numpy as np

import yolact_tf
from yolact_tf.data.coco.findings import Findings, LeftOut
from yolact_tf.data.coco.packed import CannotKeep, PackedRecords, Packing, mapped_columns
from yolact_tf.data.image_names import ImageNames
from yolact_tf.data.tally import Counted, Tally

logger = logging.getLogger(__name__)

FEWEST = 10_000  # images and annotations that are worth an index: fewer open within a second or two
_MANIFEST = "manifest.json"
_MAKING = ".making-"
_ABANDONED = 24 * 3600  # seconds after which what is still being made belongs to a process that was killed
_READERS = ("pillow", "pillow_heif", "pycocotools", "numpy")  # what the content of an index depends on, too
_AT_ONCE = 1024


class Summary(NamedTuple):
    """What is known of a split beside its records."""

    labels: dict[int, str]
    num_unusable: int  # images
    findings: Findings


class Opened(NamedTuple):
    """A split, read or from an index."""

    records: PackedRecords
    labels: dict[int, str]
    num_unusable: int
    findings: Findings


class Files(NamedTuple):
    """The image files that a split names, as they are."""

    names: list[str]
    are_literal: bool  # whether names are those of files as they stand
    state: str  # changes with the size or the time of one; else, too, with a name of any below the folder


class Index:
    """The index of an annotation file, under one reading of boxes without masks.

    digest: of the annotation file's content.
    """

    def __init__(self, annotation_file: Path, image_folder: Path, boxless: str, digest: str) -> None:
        self._annotation_file, self._image_folder = annotation_file, image_folder
        self._made_of = {"annotations": digest, "code": _code_digest()}
        place = f"{annotation_file.resolve()}\0{image_folder.resolve()}\0{boxless}"
        self._name = hashlib.sha256(place.encode(errors="surrogateescape")).hexdigest()[:32]

    def opened(self) -> Opened | None:
        """What an earlier opening found; None where there is none, or it was of other data.

        A damaged index is told of in one line, and goes.
        """
        for folder in self._kept():
            try:
                opened = self._read(folder)
            except (OSError, ValueError, KeyError, TypeError) as error:
                if not folder.exists():  # a newer one came, just now
                    continue
                logger.warning("%s: a damaged index, which is made anew (%s)", folder, error)
                shutil.rmtree(folder, ignore_errors=True)
                continue
            if opened:
                return opened
        return None

    def look_at(self, names: list[str], are_literal: bool) -> Files:
        """The Files of some names, as they are now."""
        return Files(names, are_literal, _state_of(self._image_folder, names, are_literal))

    def packed(self, pack: Callable[[Packing], Summary], files: Files, size: int) -> Opened:
        """What `pack` packs and says: kept from now on, or in memory alone where it is small.

        size: images and annotations.  Where nothing can be kept, one line says so.
        """
        if size >= FEWEST:
            try:
                return self._keep(pack, files)
            except CannotKeep as error:
                logger.warning(
                    "%s: no index can be kept, so that the next opening takes as long (%s)",
                    *(self._annotation_file, error),
                )
        packing = Packing()
        summary = pack(packing)
        return Opened(packing.records(self._image_folder), *summary)

    def _kept(self):
        try:
            return [path for path in sorted((cache_folder() / self._name).iterdir()) if path.name[0] != "."]
        except (OSError, RuntimeError):  # none yet; no home
            return []

    def _read(self, folder):
        data = (folder / _MANIFEST).read_bytes()
        if hashlib.sha256(data).hexdigest() != folder.name:
            raise ValueError(f"{_MANIFEST} has changed")
        manifest = json.loads(data)
        if manifest["made_of"] != self._made_of:
            return None
        files = Files(**manifest["files"])
        if self.look_at(files.names, files.are_literal) != files:
            return None
        columns = mapped_columns(folder, manifest["checksums"])
        names = [files.names[place] for place in manifest["places"]]
        records = PackedRecords(columns, manifest["image_ids"], names, self._image_folder)
        return Opened(records, *_summary_from(manifest))

    def _keep(self, pack, files):
        with _folder_in(self._name) as making:
            with _told_as_cannot_keep():
                packing = Packing(making)
            try:
                summary = pack(packing)
            finally:
                packing.close()
            place_of = {name: place for place, name in enumerate(files.names)}
            manifest = {
                "made_of": self._made_of,
                "files": files._asdict(),
                "checksums": packing.checksums,
                "image_ids": packing.image_ids,
                "places": [place_of[name] for name in packing.file_names],
                **_plain(summary),
            }
            data = json.dumps(manifest).encode()
            with _told_as_cannot_keep():
                (making / _MANIFEST).write_bytes(data)
                # Mapped under the name that nobody else knows: after that it may even be removed.
                columns = mapped_columns(making, packing.checksums)
                _publish(making, hashlib.sha256(data).hexdigest())
        records = PackedRecords(columns, packing.image_ids, packing.file_names, self._image_folder)
        return Opened(records, *summary)


def cache_folder() -> Path:
    """Where indices are kept."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "yolact_tf" / "coco"


def digest_of(file: FileIO) -> str:
    """The SHA-256 of an opened file."""
    file.seek(0)
    return hashlib.file_digest(file, "sha256").hexdigest()


def _plain(summary):
    found = dataclasses.asdict(summary.findings)
    accents = [[kind, *counted] for kind, counted in summary.findings.accents.items()]
    return {
        "labels": list(summary.labels.items()),
        "num_unusable": summary.num_unusable,
        "findings": {**found, "accents": accents},
    }


def _summary_from(manifest):
    found = manifest["findings"]
    counts = {name: Counted(*found[name]) for name in ("boxes", "with_alpha", "turned")}
    accents = Tally({kind: Counted(*counted) for kind, *counted in found["accents"]})
    left_out = [LeftOut(*one) for one in found["left_out"]]
    findings = Findings(**{**found, **counts, "left_out": left_out, "accents": accents})
    return Summary(dict(manifest["labels"]), manifest["num_unusable"], findings)


@contextlib.contextmanager
def _told_as_cannot_keep() -> Iterator[None]:
    try:
        yield
    except (OSError, RuntimeError) as error:
        raise CannotKeep(str(error)) from error


@contextlib.contextmanager
def _folder_in(name: str) -> Iterator[Path]:
    """A folder to fill below that of an annotation file; it goes with the block, unless it was renamed."""
    with _told_as_cannot_keep():
        (cache_folder() / name).mkdir(parents=True, exist_ok=True)
        holder = tempfile.TemporaryDirectory(prefix=_MAKING, dir=cache_folder() / name)
    with holder as private:
        # One level down: the holder is private (mode 0700), the result should not be.
        making = Path(private, "made")
        making.mkdir()
        yield making


def _publish(folder, name):
    """Gives what was made its name, unless another process was first; what came before goes."""
    place = folder.parents[1]
    try:
        folder.rename(place / name)
    except OSError:
        if not (place / name).is_dir():
            raise
    for other in place.iterdir():
        is_making = other.name.startswith(_MAKING)
        with contextlib.suppress(FileNotFoundError):
            if other.name != name and not (is_making and other.stat().st_mtime > time.time() - _ABANDONED):
                shutil.rmtree(other, ignore_errors=True)


def _state_of(folder, names, are_literal):
    digest = hashlib.sha256()
    groups = (names[at : at + _AT_ONCE] for at in range(0, len(names), _AT_ONCE))
    # Threads, since a disk far away takes its time.
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        for states in pool.map(lambda group: _sizes_and_times(folder, group), groups):
            digest.update(states)
    if not are_literal:
        digest.update(ImageNames(folder).listing().encode(errors="surrogateescape"))
    return digest.hexdigest()


def _sizes_and_times(folder, names):
    states = np.full((len(names), 2), -1, "<i8")
    for state, name in zip(states, names, strict=True):
        with contextlib.suppress(OSError):
            found = os.stat(os.path.join(folder, name))
            state[:] = found.st_size, found.st_mtime_ns
    return states.tobytes()


@functools.cache
def _code_digest():
    """A text that tells the code by which data are read from any other."""
    package = Path(yolact_tf.__file__).parent
    digest = hashlib.sha256(yolact_tf.__version__.encode())
    for room in ("data", "images"):
        for path in sorted((package / room).rglob("*.py")):
            digest.update(path.read_bytes())
    for name in _READERS:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            digest.update(f"{name} {importlib.metadata.version(name)}".encode())
    return digest.hexdigest()
