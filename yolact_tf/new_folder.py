"""A new folder, whole or not at all, and files that come into it unaltered."""

import contextlib
import os
import shutil
import tempfile
from pathlib import Path


@contextlib.contextmanager
def new_folder(target):
    """A folder to fill, which becomes `target` when the `with` block ends well and vanishes otherwise.

    target: a Path that is free, or an empty folder; its parents are made.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{target.name}.", dir=target.parent) as holder:
        # One level down: the holder is private (mode 0700), the result should not be.
        made = Path(holder) / "made"
        made.mkdir()
        yield made
        if target.exists():
            target.rmdir()
        made.rename(target)


def link_or_copy(source, path):
    """Puts file `source` at `path`: a hard link where the disk allows it, else a copy."""
    try:
        # Resolved, since a link to a symbolic link may point nowhere from its new place.
        os.link(Path(source).resolve(), path)
    except OSError:  # another disk, or one that knows no links
        shutil.copyfile(source, path)
