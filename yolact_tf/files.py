"""Files and folders that are written whole or not at all."""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

PathLike = str | os.PathLike[str]
Check = Callable[[Path], None]  # raises where what was written must not get its name


def write_text(path: PathLike, text: str) -> None:
    """Writes a text file under a temporary name, then renames it."""
    with atomic_path(path) as temporary:
        Path(temporary).write_text(text, encoding="utf-8")


@contextlib.contextmanager
def atomic_path(target: PathLike, suffix: str = "") -> Iterator[str]:
    """A temporary name beside `target` that becomes `target` when the block ends without error.

    What the system says of no file in particular, such as that the disk is full, is said of `target`.
    """
    target = Path(target)
    handle, temporary = tempfile.mkstemp(prefix=".tmp-", suffix=suffix, dir=target.parent)
    os.close(handle)
    umask = os.umask(0)
    os.umask(umask)
    try:
        yield temporary
        os.chmod(temporary, 0o666 & ~umask)  # mkstemp makes files that only their owner reads
        os.replace(temporary, target)
    except BaseException as error:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
        if isinstance(error, OSError) and error.errno and error.filename is None:
            error.filename = str(target)
        raise


@contextlib.contextmanager
def new_folder(target: Path) -> Iterator[Path]:
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


def require_apart(source: PathLike, target: PathLike) -> tuple[Path, Path]:
    """Both as absolute paths. ValueError unless the source is a folder, and the target can be a new one."""
    source, target = Path(source).resolve(), Path(target).resolve()
    if not source.is_dir():
        raise FileNotFoundError(f"The source must be a folder. Received: {str(source)!r}, which is none")
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise ValueError(
            f"The target must be a new or an empty folder. Received: {str(target)!r}, which is not"
        )
    if target.is_relative_to(source) or target == Path.cwd() or os.path.ismount(target):
        raise ValueError(
            "The target must be a folder outside the source, and neither the current folder nor a mount "
            f"point. Received: {str(target)!r}"
        )
    return source, target


def link_or_copy(source: PathLike, path: PathLike) -> None:
    """Puts file `source` at `path`: a hard link where the disk allows it, else a copy."""
    try:
        # Resolved, since a link to a symbolic link may point nowhere from its new place.
        os.link(Path(source).resolve(), path)
    except OSError:  # another disk, or one that knows no links
        shutil.copyfile(source, path)


def require_writable(path: PathLike) -> None:
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
