"""What `yolact detect --save` may write, each to a folder of its name."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from yolact_tf.data.convert import WRITERS
from yolact_tf.detect.sinks.cutouts import Cutouts
from yolact_tf.detect.sinks.data_set_folder import DataSetFolder
from yolact_tf.detect.sinks.sink import Sink
from yolact_tf.files import require_writable

KINDS = (*WRITERS, "cutouts")


def require_room(kinds: Iterable[str], output: Path) -> None:
    """ValueError where one of `kinds` is none, or its folder below `output` is not free: what lies there may
    have been corrected by hand."""
    for kind in kinds:
        if kind not in KINDS:
            raise ValueError(f"--save must be one of {', '.join(KINDS)}. Received: {kind!r}")
        folder = output / kind
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise ValueError(f"--save {kind} needs a new or an empty folder. Received: {str(folder)!r}")
        require_writable(folder / "any")


def open_sinks(kinds: Iterable[str], output: Path, labels: Mapping[int, str]) -> list[Sink]:
    """The sinks of `kinds` below `output`; labels: category id -> name of all classes."""
    return [
        Cutouts(output / kind) if kind == "cutouts" else DataSetFolder(output / kind, kind, labels)
        for kind in dict.fromkeys(kinds)
    ]
