"""Which file of an image folder a name means that another tool or machine wrote."""

import functools
import json
import os
import posixpath
import unicodedata
from pathlib import Path, PurePosixPath, PureWindowsPath
from urllib.parse import unquote

from yolact_tf.files import PathLike
from yolact_tf.images.inspection import SUFFIXES


class ImageNames:
    """The files below a folder, by the names that annotations may give them."""

    def __init__(self, folder: PathLike) -> None:
        self._folder = Path(folder)

    def is_plain(self, name: str) -> bool:
        """Whether `name` is that of a file below the folder as it stands."""
        return name in self._at_the_top or (not _is_absolute(name) and self._is_file(name))

    def readings(self, name: str) -> list[str]:
        """Plain names of the files that `name` may mean: [] for none, several where it tells too little.

        Leading folders that are not there are those of another machine, or the folder itself once more.
        Where they are there and the file is not, it is missing, whatever else is called like it.
        """
        if self._is_file(name):  # an absolute name that is right
            own, path = self._folder.resolve(), Path(name).resolve()
            return [path.relative_to(own).as_posix() if path.is_relative_to(own) else name]
        parts = _parts(name)
        for start in range(len(parts)):
            found = self._called("/".join(parts[start:]))
            is_last = start == len(parts) - 1
            if found or (not is_last and (self._folder / parts[start]).is_dir()):
                return found
        return self._by_last_part.get(_spelled(parts[0]), []) if len(parts) == 1 else []

    def listing(self) -> str:
        """A text that changes with the names below the folder, on which readings depend."""
        found = os.walk(self._folder)
        return json.dumps(
            sorted((folder, sorted(folders), sorted(names)) for folder, folders, names in found)
        )

    def _called(self, name):
        if self._is_file(name):
            return [name]
        spelled = (_spelled(name), _spelled(unquote(name)))
        found = self._by_name.get(spelled[0]) or self._by_name.get(spelled[1])
        return found or ([] if _has_ending(name) else self._by_stem.get(spelled[0], []))

    def _is_file(self, name):
        return os.path.isfile(os.path.join(self._folder, name))

    @functools.cached_property
    def _at_the_top(self):
        """Names that need no look at the file: most data sets have all images there."""
        with os.scandir(self._folder) as entries:
            return {entry.name for entry in entries if entry.is_file()}

    @functools.cached_property
    def _by_name(self):
        """A plain name as `_spelled` -> the plain names that read so."""
        known = {}
        for folder, folders, names in os.walk(self._folder):
            folders[:] = [name for name in folders if not name.startswith(".")]  # no thumbnails
            for name in sorted(names):
                plain = Path(folder, name).relative_to(self._folder).as_posix()
                known.setdefault(_spelled(plain), []).append(plain)
        return known

    @functools.cached_property
    def _by_stem(self):
        known = {}
        for spelled, plain in self._by_name.items():
            if _has_ending(spelled):
                known.setdefault(spelled.rpartition(".")[0], []).extend(plain)
        return known

    @functools.cached_property
    def _by_last_part(self):
        known = {}
        for spelled, plain in self._by_name.items():
            known.setdefault(spelled.rpartition("/")[2], []).extend(plain)
        return known


def with_slashes(name: str) -> str:
    """A name of any system as a path with slashes; of an address, without what is asked for there."""
    slashed = name.replace("\\", "/").replace("?d=", "/")  # Label Studio: /data/local-files/?d=folder/a.jpg
    return slashed.partition("?")[0] if "://" in slashed else slashed


def accents_of(name: str, plain: str) -> list[str]:
    """The kinds of accents in which `name` says the plain name of a file."""
    slashed = name.replace("\\", "/")
    kinds = ["file name with backslashes"] if "\\" in name and "\\" not in plain else []
    if not _has_ending(with_slashes(name)) and _has_ending(plain):
        kinds, plain = [*kinds, "file name without its ending"], plain.rpartition(".")[0]
    if _is_absolute(name):
        return [*kinds, "file name of another machine"]
    same_letters = slashed.endswith(plain) or plain.endswith(f"/{slashed}")
    kinds += [] if same_letters else ["file name in other letters"]
    num_more = len(_parts(name)) - len(PurePosixPath(plain).parts)
    kinds += ["file name with folders too many"] if num_more > 0 else []
    kinds += ["file name without its folder"] if num_more < 0 else []
    return kinds


def _parts(name):
    """The folders and the name of the file, without what leads up or nowhere."""
    parts = posixpath.normpath(with_slashes(name)).split("/")
    return [part for part in parts if part not in ("", ".", "..")]


def _has_ending(name):
    return PurePosixPath(name.strip()).suffix.lower() in SUFFIXES


def _is_absolute(name):
    return name.startswith("/") or "://" in name or bool(PureWindowsPath(name).drive) or name.startswith("\\")


def _spelled(name):
    """A name for systems that ignore case, compose accents otherwise, or pad it."""
    return unicodedata.normalize("NFC", name).casefold().strip()
