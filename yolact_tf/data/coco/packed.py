"""Records of a split as a few long arrays, in memory or in mapped files, of which Records are views."""

import contextlib
import io
import os
import zlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from yolact_tf.data.record import Record, flips_of, runs_between
from yolact_tf.files import PathLike

# Name -> (type, shape of a row): of images, of objects, of flips.
COLUMNS: dict[str, tuple[str, tuple[int, ...]]] = {
    "size": ("<i4", (2,)),  # height, width
    "turned": ("<i4", ()),
    "objects_until": ("<i8", ()),  # objects of this image and of those before
    "boxes": ("<f4", (4,)),
    "classes": ("<i4", ()),
    "is_crowd": ("?", ()),
    "areas": ("<f8", ()),
    "xywh": ("<f8", (4,)),
    "flips_until": ("<i8", ()),
    "flips": ("<i4", ()),
}
_OF_OBJECTS = ("boxes", "classes", "is_crowd", "areas", "xywh")


class CannotKeep(OSError):
    """A file of an index that cannot be written."""


class PackedRecords(Sequence[Record]):
    """Records that share long arrays, of which they are views.

    columns: as COLUMNS.  image_ids, file_names: of each image, the latter below `folder`.
    """

    def __init__(
        self,
        columns: Mapping[str, np.ndarray],
        image_ids: Sequence[int | str],
        file_names: Sequence[str],
        folder: PathLike,
    ) -> None:
        self.columns, self.image_ids, self.file_names = columns, image_ids, file_names
        self._folder = str(Path(folder))
        self.object_splits = _from_zero(columns["objects_until"])  # [images + 1]
        self.flip_splits = _from_zero(columns["flips_until"])  # [objects + 1]

    def __len__(self) -> int:
        return len(self.image_ids)

    def __getitem__(self, number: Any) -> Any:
        if isinstance(number, slice):
            return tuple(self[n] for n in range(*number.indices(len(self))))
        number = range(len(self))[number]
        begin, end = self.object_splits[number : number + 2].tolist()
        height, width = self.columns["size"][number].tolist()
        columns = {name: self.columns[name][begin:end] for name in _OF_OBJECTS}
        runs = _Runs(self.columns["flips"], self.flip_splits[begin : end + 1], height * width)
        return Record(
            image_id=self.image_ids[number],
            path=self.path(number),
            height=height,
            width=width,
            runs=runs,
            turned=int(self.columns["turned"][number]),
            **columns,
        )

    @property
    def has_objects(self) -> np.ndarray:
        """[images] bool, whether there are objects or crowds."""
        return np.diff(self.object_splits) > 0

    def path(self, number: int) -> str:
        """The path of an image."""
        name = self.file_names[number]
        # Path takes ten times as long, and says the same but of names like ./a.jpg and folder//a.jpg.
        join = Path if "./" in name or "//" in name else os.path.join
        return str(join(self._folder, name))

    def some(self, numbers: Iterable[int]) -> "PackedRecords":
        """Those of some numbers alone, in memory."""
        packing = Packing()
        for number in numbers:
            packing.add(self[number], self.file_names[number])
        return packing.records(self._folder)


class Packing:
    """Records that are packed one after the other: in memory, or in files of a folder, a column each."""

    def __init__(self, folder: Path | None = None) -> None:
        self._opened = contextlib.ExitStack()
        self._files: dict[str, Any] = {name: io.BytesIO() for name in COLUMNS}
        if folder:
            for name in COLUMNS:
                self._files[name] = self._opened.enter_context((folder / name).open("wb"))
        self.checksums = dict.fromkeys(COLUMNS, 0)
        self.image_ids: list[int | str] = []
        self.file_names: list[str] = []
        self._num_objects = self._num_flips = 0

    def add(self, record: Record, file_name: str) -> None:
        """Packs one more Record, of an image of that name below the folder of images."""
        self.image_ids.append(record.image_id)
        self.file_names.append(file_name)
        flips = [flips_of(runs) for runs in record.runs]
        flips_until = self._num_flips + np.cumsum([len(f) for f in flips], dtype=np.int64)
        self._num_objects += len(flips)
        self._num_flips = int(flips_until[-1]) if flips else self._num_flips
        rows = {
            "size": [record.height, record.width],
            "turned": record.turned,
            "objects_until": self._num_objects,
            "flips_until": flips_until,
            "flips": np.concatenate(flips) if flips else [],
        }
        for name, (dtype, _) in COLUMNS.items():
            row = rows[name] if name in rows else getattr(record, name)
            data = np.asarray(row, dtype).tobytes()
            self.checksums[name] = zlib.crc32(data, self.checksums[name])
            try:
                self._files[name].write(data)
            except OSError as error:  # such as of a full disk
                raise CannotKeep(f"{self._files[name].name}: {error.strerror}") from error

    def close(self) -> None:
        """Ends files."""
        try:
            self._opened.close()
        except OSError as error:
            raise CannotKeep(error.strerror) from error

    def records(self, folder: PathLike) -> PackedRecords:
        """What was packed in memory, as records of images below `folder`."""
        columns = {
            name: np.frombuffer(file.getbuffer(), dtype).reshape(-1, *shape)
            for (name, (dtype, shape)), file in zip(COLUMNS.items(), self._files.values(), strict=True)
        }
        return PackedRecords(columns, self.image_ids, self.file_names, folder)


def mapped_columns(folder: Path, checksums: Mapping[str, int]) -> dict[str, np.ndarray]:
    """The columns that a Packing wrote into a folder. ValueError where one is not of its checksum.

    Only what is looked at gets into memory, which processes of one machine share.
    """
    columns = {}
    for name, (dtype, shape) in COLUMNS.items():
        with open(folder / name, "rb") as file:
            checksum = 0
            while data := file.read(1 << 20):
                checksum = zlib.crc32(data, checksum)
            if checksum != checksums[name]:
                raise ValueError(f"{name} of checksum {checksum}, not {checksums[name]}")
            # Private: who writes into a Record changes no file.
            flat = np.memmap(file, dtype, "c") if file.tell() else np.zeros(0, dtype)
        columns[name] = np.asarray(flat).reshape(-1, *shape)
    return columns


class _Runs(Sequence[np.ndarray]):
    """The run lengths of an image's masks, made of their flips as they are asked for."""

    def __init__(self, flips, splits, num_pixels):
        self._flips, self._splits, self._num_pixels = flips, splits, num_pixels

    def __len__(self):
        return len(self._splits) - 1

    def __getitem__(self, number):
        if isinstance(number, slice):
            return tuple(self[n] for n in range(*number.indices(len(self))))
        number = range(len(self))[number]
        return runs_between(self._flips[self._splits[number] : self._splits[number + 1]], self._num_pixels)


def _from_zero(until):
    return np.concatenate([[0], until]).astype(np.int64)
