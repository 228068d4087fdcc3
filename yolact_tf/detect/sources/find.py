"""What a user names, to the sources that are meant."""

import glob
import itertools
import logging
import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

from yolact_tf.detect.sources.camera import camera, camera_at
from yolact_tf.detect.sources.frame import Source
from yolact_tf.detect.sources.pyav import pyav
from yolact_tf.detect.sources.still import Still
from yolact_tf.detect.sources.video import SUFFIXES as VIDEO_SUFFIXES
from yolact_tf.detect.sources.video import Video, is_our_video
from yolact_tf.draw.picture_files import is_our_picture
from yolact_tf.files import PathLike
from yolact_tf.images.inspection import SUFFIXES as IMAGE_SUFFIXES

logger = logging.getLogger(__name__)
Place = PathLike | int
_EXPECTED = (
    "SOURCE must be an image, a video, a folder, a glob, the number of a webcam or the URL of a stream"
)
_FILE = "file://"
_DEVICE = re.compile(r"/dev/video\d+")


def find_sources(places: Place | Iterable[Place]) -> list[Source]:
    """The sources that `places` name, in their order, each once, with names that differ.

    places: paths of images and videos, folders (not searched below), globs, numbers of webcams and URLs; one
    of them or several. Of a folder, what an earlier detection drew is passed over, and the log says how many
    entries were. FileNotFoundError for what is not there, ValueError for a folder with nothing to look at,
    ImportError for a video where PyAV is missing.
    """
    found: dict[str, Path | Video] = {}  # by absolute path, URL or device
    for place in [places] if isinstance(places, (str, os.PathLike, int)) else places:
        stream = _stream(place)
        if stream is not None:
            found.setdefault(stream.url, stream)
            continue
        for path in _files(_plain(str(place))):
            # A folder may be met under several names, and endlessly where a link in it leads back.
            found.setdefault(os.path.join(os.path.realpath(path.parent), path.name), path)
    names = iter(_distinct([path for path in found.values() if isinstance(path, Path)]))
    return [_file(one, next(names)) if isinstance(one, Path) else one for one in found.values()]


def _stream(place):
    """The webcam or stream that `place` names, opened; None for what may be files."""
    if isinstance(place, int) or (str(place).isdecimal() and not os.path.exists(place)):
        source = camera(int(place))
    elif _DEVICE.fullmatch(os.fspath(place)):
        source = camera_at(Path(place))
    elif "://" in str(place) and not str(place).startswith(_FILE):
        source = Video(str(place), *_names_of(str(place)))
    else:
        return None
    _ = source.facts  # opens it: nobody should wait for a model to hear that it is not there
    return source


def _names_of(url):
    """The name of a stream, as a file may have it, and its URL without the password."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    words = re.sub(r"[^\w-]+", "_", host), *re.sub(r"[^\w./-]+", "_", parts.path).split("/")
    return "_".join(filter(None, words)) or parts.scheme, f"{parts.scheme}://{host}{parts.path}"


def _plain(place):
    """`place` without the start of the URL of a file."""
    return url2pathname(place.removeprefix(_FILE)) if place.startswith(_FILE) else place


def _files(place):
    path = Path(place)
    if place and path.is_dir():  # nothing, as of a variable that is not set, is not the current folder
        return _files_in(path)
    found = [path] if path.is_file() else [Path(p) for p in glob.glob(place, recursive=True)]
    found = sorted((file for file in found if file.is_file()), key=lambda file: (len(file.parts), file))
    if not found:
        raise FileNotFoundError(f"{_EXPECTED}. Received: {place!r}, which matches nothing")
    if any(map(_is_video, found)):
        pyav()
    return found


def _files_in(folder):
    """Files of `folder` that are images or videos by their suffix and not drawn by us, in order."""
    entries = sorted(folder.iterdir())
    is_source = [path.is_file() and _is_to_be_seen(path) for path in entries]
    found = list(itertools.compress(entries, is_source))
    if not found:
        raise ValueError(
            f"SOURCE {str(folder)!r}: expected images ({' '.join(IMAGE_SUFFIXES[:6])} …) or videos in the "
            f"folder that are not drawn by yolact; what lies below it, a glob gives ('DIR/**/*'). Received: "
            f"{len(entries)} other entries"
        )
    if len(found) < len(entries):
        first, others = entries[is_source.index(False)].name, len(entries) - len(found)
        message = "%s: passed over %d entries that are no image or video files or drawn by yolact, %s first"
        logger.warning(message, folder, others, first)
    return found


def _is_to_be_seen(path):
    if _is_video(path):
        return not is_our_video(path)
    return path.suffix.lower() in IMAGE_SUFFIXES and not is_our_picture(path)


def _is_video(path):
    return path.suffix.lower() in VIDEO_SUFFIXES


def _file(path, name):
    return Video(str(path), name) if _is_video(path) else Still(str(path), name)


def _distinct(paths: Sequence[Path]) -> list[str]:
    """The names of files, as they are or, where two have one, below the folder that all have in common."""
    names = [path.name for path in paths]
    if len(set(names)) == len(names):
        return names
    absolute = [Path(os.path.abspath(path)) for path in paths]
    root = os.path.commonpath([path.parent for path in absolute])
    return [path.relative_to(root).as_posix() for path in absolute]
