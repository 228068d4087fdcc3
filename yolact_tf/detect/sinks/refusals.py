"""What a user reads where something cannot be written."""

import contextlib
import json
from collections.abc import Iterator, Set
from pathlib import Path


def foreign(path: Path, what: str) -> ValueError:
    """The error for a file at `path`, not of `yolact detect`, where `what` would be written."""
    return ValueError(
        f"--output must be a folder where {what} can be written without overwriting a file that `yolact "
        f"detect` did not write. Received one with {str(path)!r}"
    )


def require_rows(path: Path, keys: Set[str], what: str) -> None:
    """`foreign` for a file at `path` that is no list of rows with `keys`, as we write `what`."""
    if path.exists() and not _has_rows(path, keys):
        raise foreign(path, what)


@contextlib.contextmanager
def named(path: Path) -> Iterator[None]:
    """Says which file it is that cannot be written, such as on a full disk."""
    try:
        yield
    except OSError as error:
        raise OSError(f"{path}: expected to write it. Received: {error.strerror or error}") from None


def _has_rows(path, keys):
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(rows, list) and all(isinstance(row, dict) and row.keys() >= keys for row in rows)
