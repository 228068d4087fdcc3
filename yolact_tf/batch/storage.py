"""Files near by or far away, such as gs://bucket/folder/a.jpg, as Apache Beam reads and writes them."""

import contextlib
import functools
import logging
import os
import re
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Any

from yolact_tf.packages import require_package

_URL = re.compile(r"[a-zA-Z][-a-zA-Z0-9+.]*://")  # as Beam tells them from paths


def require_beam() -> None:
    """ImportError, in one line with the command that installs it, where Apache Beam is missing."""
    with _without_remarks():
        require_package("apache_beam", "beam", "Batch jobs")


def is_remote(address: str) -> bool:
    """Whether an address is an URL."""
    return _URL.match(address) is not None


def absolute(address: str) -> str:
    """The address as other processes may have it, in other folders."""
    return address if is_remote(address) else Path(address).absolute().as_posix()


def join(folder: str, name: str) -> str:
    """The address of a file in a folder."""
    return f"{folder.rstrip('/')}/{name}"


def folder_of(address: str) -> str:
    """The folder that a file lies in."""
    return address.rpartition("/")[0]


def exists(address: str) -> bool:
    """Whether there is a file of this address."""
    return _files().exists(address)


def matches(pattern: str) -> list[str]:
    """Addresses of the files that a glob means, sorted; [] for none. OSError where nobody can tell."""
    return sorted(found.path for found in _files().match([pattern])[0].metadata_list)


def read(address: str) -> bytes:
    """The bytes of a file. OSError where it cannot be read."""
    with _opened(address) as file:
        return file.read()


def write(address: str, content: bytes) -> None:
    """Writes a file, whose folder is made where folders are."""
    with _created(address) as file:
        file.write(content)


def claim(address: str) -> None:
    """Makes an empty file. FileExistsError where there is one."""
    if is_remote(address):
        if exists(address):
            raise FileExistsError(address)
        write(address, b"")
    else:
        os.close(os.open(address, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))


def put_together(parts: Iterable[str], address: str, header: bytes, separator: bytes, footer: bytes) -> None:
    """Writes what is in `parts`, in their order, to a file; nothing of those that are empty."""
    with _created(address) as file:
        file.write(header)
        before = b""
        for part in parts:
            with _opened(part) as content:
                if first := content.read(1):
                    file.write(before + first)
                    shutil.copyfileobj(content, file, 1 << 20)
                    before = separator
        file.write(footer)


def move(source: str, target: str) -> None:
    """Gives a file another name; one that was moved already stays where it is."""
    if not exists(source) and exists(target):
        return
    if is_remote(target):
        delete(target)  # which some clouds do not replace
        _files().rename([source], [target])
    else:
        os.replace(source, target)


def delete(address: str) -> None:
    """Removes a file, or with a slash at its end a folder and all that is in it, if there is any."""
    if not is_remote(address):
        with contextlib.suppress(FileNotFoundError):
            shutil.rmtree(address) if address.endswith("/") else os.unlink(address)
    elif address.endswith("/") or exists(address):
        _files().delete([address])


@contextlib.contextmanager
def near_by(address: str) -> Iterator[str]:
    """The path of a file or a folder, where it is far away that of a copy, which goes with the block."""
    if not is_remote(address):
        yield address
        return
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as copy:
        address = address.rstrip("/")
        found = matches(address) or matches(f"{address}/**")
        if not found:
            raise FileNotFoundError(f"Expected a file or a folder. Received: {address!r}, which is not there")
        base = folder_of(address)
        for file in found:
            path = os.path.join(copy, file.removeprefix(f"{base}/"))
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with _opened(file) as source, open(path, "wb") as target:
                shutil.copyfileobj(source, target, 1 << 20)
        yield os.path.join(copy, address.removeprefix(f"{base}/"))


@functools.cache
def _files() -> Any:
    with _without_remarks():
        from apache_beam.io.filesystems import FileSystems

    return FileSystems


def _opened(address: str) -> IO[bytes]:
    return _files().open(address, compression_type=_plain())


def _created(address: str) -> IO[bytes]:
    return _files().create(address, compression_type=_plain())


def _plain():
    """As it is: by default Beam unpacks and packs by the ending of a name."""
    from apache_beam.io.filesystem import CompressionTypes

    return CompressionTypes.UNCOMPRESSED


@contextlib.contextmanager
def _without_remarks():
    """Of the clouds whose packages are missing, Beam speaks when it is imported; what needs one, says so."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)
