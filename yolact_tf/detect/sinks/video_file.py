"""A video as it is written: H.264 at the times of its source, with the sound of that."""

import contextlib
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from yolact_tf.detect.sinks.mp4_fragments import cut_after_last_whole
from yolact_tf.detect.sinks.sound import Sound
from yolact_tf.detect.sources import Frame, Video
from yolact_tf.detect.sources.pyav import pyav
from yolact_tf.detect.sources.video import MARK
from yolact_tf.files import atomic_path

# Without B-frames a player starts at once, and the last frame lasts as long as it should.
_ENCODER = {"preset": "veryfast", "crf": "20", "bf": "0"}
# What there is of an MP4 plays whatever ends the writing, but for the last tenth of a second; one that is
# finished is like any other.
_MP4 = {"movflags": "hybrid_fragmented+delay_moov", "frag_duration": "100000"}
# What a head says of its own file, not of what is shown.
_OF_A_FILE = ("major_brand", "minor_version", "compatible_brands", "encoder")
_BT709, _LIMITED = 1, 1  # FFmpeg's numbers of these colours, and of the range 16..235


class VideoFile:
    """Writes a video like `source`, of which `first` is a frame: its size, times, turn, sound, and what its
    head says.

    path: .mp4 or .mkv; the file gets that name when it is closed. Of an odd size it is 4:4:4, since H.264 has
    no other of that kind, which not every player takes. OSError in one line where the disk is full: what was
    written by then stays, as far as it plays without a fault.
    """

    def __init__(self, path: Path, source: Video, first: Frame):
        facts = source.facts
        self.path, self.count = path, 0
        self._time_base = facts.time_base
        self._place = contextlib.ExitStack()
        self._temporary = self._place.enter_context(atomic_path(path, suffix=path.suffix))
        options = _MP4 if path.suffix == ".mp4" else {}
        self._container = pyav().open(self._temporary, "w", options=options)
        kept = {key: text for key, text in facts.metadata.items() if key not in _OF_A_FILE}
        self._container.metadata.update({**kept, "comment": MARK})
        self._stream = _add_stream(self._container, first, facts)
        self._sound = Sound(source, self._container)

    def add(self, picture: np.ndarray, frame: Frame) -> None:
        """Takes the next picture [H, W, 3] uint8 RGB, upright, to be shown when `frame` is."""
        stream, seconds = self._stream, frame.seconds or 0.0
        stored = np.ascontiguousarray(np.rot90(picture, -frame.turns))
        shown = (
            pyav()
            .VideoFrame.from_ndarray(stored)
            .reformat(
                stream.width, stream.height, stream.pix_fmt, dst_colorspace="ITU709", dst_color_range="MPEG"
            )
        )
        shown.time_base = self._time_base
        shown.pts = round(Fraction(seconds) / self._time_base)
        shown.duration = round(Fraction(frame.lasts) / self._time_base)
        with self._faults_named():
            self._container.mux(stream.encode(shown))
            self.count += 1
            self._sound.copy(None if frame.is_last else seconds + frame.lasts)

    def close(self) -> None:
        """Ends the file and gives it its name."""
        with contextlib.closing(self._sound), self._place:
            try:
                with self._faults_named(), self._container:
                    self._container.mux(self._stream.encode())
            except OSError:
                if self.path.suffix == ".mp4":
                    cut_after_last_whole(self._temporary)
                if _plays(self._temporary):
                    self._place.close()
                raise

    @contextlib.contextmanager
    def _faults_named(self) -> Iterator[None]:
        """Says in one line that names the file why FFmpeg cannot write it."""
        try:
            yield
        except pyav().FFmpegError as error:
            raise OSError(
                f"{self.path}: expected to write the whole video. Received: {error.strerror}, after "
                f"{self.count} frames"
            ) from None


def _add_stream(container: Any, first: Frame, facts: Any) -> Any:
    """The stream of pictures like `first`."""
    height, width = first.image.shape[:2] if first.turns % 2 == 0 else first.image.shape[1::-1]
    stream = container.add_stream(
        "libx264", facts.rate, options=_ENCODER, width=width, height=height, time_base=facts.time_base
    )
    stream.pix_fmt = "yuv444p" if width % 2 or height % 2 else "yuv420p"
    context = stream.codec_context
    context.sample_aspect_ratio = facts.pixel_shape
    context.colorspace = context.color_primaries = context.color_trc = _BT709
    context.color_range = _LIMITED
    context.flags |= pyav().codec.context.Flags.frame_duration
    if first.turns:
        stream.set_display_rotation(90 * first.turns)
    return stream


def _plays(path):
    """Whether a file is a video of a frame at least."""
    av = pyav()
    try:
        with av.open(path) as container:
            return next(container.decode(video=0), None) is not None
    except av.FFmpegError:
        return False
