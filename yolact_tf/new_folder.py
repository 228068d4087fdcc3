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


def require_writable(path):
    """ValueError in one line where a file `path` cannot be written or replaced; leaves nothing behind."""
    folder = Path(path).absolute().parent
    while not folder.exists():
        folder = folder.parent
    try:
        if Path(path).is_dir():
            raise IsADirectoryError("a folder has its name")
        # The only sure test: root may write where the disk may not be written.
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        reason = error.strerror or error
        raise ValueError(f"Expected a file that can be written. Received: {str(path)!r} ({reason})") from None
