"""Images and videos with what was found in them."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path, PurePosixPath

import numpy as np

from yolact_tf.detect.detections import Detections
from yolact_tf.detect.sinks.refusals import foreign, named
from yolact_tf.detect.sinks.sink import Sink
from yolact_tf.detect.sinks.video_file import VideoFile
from yolact_tf.detect.sources import Frame, Source, Video
from yolact_tf.detect.sources.video import is_our_video
from yolact_tf.draw.picture_files import is_our_picture, save_picture
from yolact_tf.files import require_writable

Draw = Callable[[np.ndarray, Detections], np.ndarray]


class Overlays(Sink):
    """Writes an overlay of each source to a folder: a PNG of a still, a video of all others.

    draw: makes the picture of an image [H, W, 3] uint8 RGB and what was found in it.
    ValueError, before anything is written, where that would overwrite a source or any file that is not from
    an earlier detection.
    """

    def __init__(
        self, sources: Sequence[Source], folder: Path, draw: Draw = lambda image, found: found.draw(image)
    ):
        names = overlay_names(sources)
        self.paths = {source.name: folder / name for source, name in zip(sources, names, strict=True)}
        _require_free(sources, list(self.paths.values()), [folder / name for name in _folders(names)])
        self._draw = draw
        self._video: VideoFile | None = None

    def add(self, frame: Frame, found: Detections) -> None:
        picture, path = self._draw(frame.image, found), self.paths[frame.name]
        if self._video is not None and self._video.path != path:
            self.close()
        path.parent.mkdir(parents=True, exist_ok=True)
        if not isinstance(frame.source, Video):
            with named(path):
                save_picture(picture, path)
            return
        if self._video is None:
            self._video = VideoFile(path, frame.source, frame)
        self._video.add(picture, frame)

    def close(self) -> None:
        video, self._video = self._video, None
        if video is not None:
            video.close()


def overlay_names(sources: Sequence[Source]) -> list[str]:
    """Where below a folder the overlay of each source goes."""
    named = [
        (source.name.removesuffix(PurePosixPath(source.name).suffix), source.suffix) for source in sources
    ]
    short = [stem + suffix for stem, suffix in named]
    # Where two kinds of file have one name, all keep their suffixes, so that none meets another or a folder.
    if len(set(short)) == len(short) and _folders(source.name for source in sources).isdisjoint(short):
        return short
    return [source.name + source.suffix for source in sources]


def _folders(names):
    """The folders that names lie in, which have "/" between them."""
    return {name[:end] for name in names for end, letter in enumerate(name) if letter == "/"}


def _require_free(sources, overlays, folders):
    """ValueError where `overlays` cannot be written, or are not ours to overwrite.

    folders: of overlays.
    """
    taken = set(overlays)
    for folder in folders:
        if folder in taken or (folder.exists() and not folder.is_dir()):
            raise foreign(folder, "a folder of overlays")
    places = {os.path.realpath(source.place) for source in sources}
    for overlay in overlays:
        is_ours = is_our_video if overlay.suffix in (".mp4", ".mkv") else is_our_picture
        if os.path.realpath(overlay) in places or (overlay.exists() and not is_ours(overlay)):
            raise foreign(overlay, "an overlay")
    require_writable(overlays[0])
