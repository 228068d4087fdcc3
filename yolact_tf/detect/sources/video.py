"""A video file or a stream as a source: frames by time, upright, through PyAV."""

import contextlib
import logging
from collections.abc import Iterator
from fractions import Fraction
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from yolact_tf.detect.sources.frame import Frame
from yolact_tf.detect.sources.pyav import faults_named, pyav
from yolact_tf.files import PathLike

logger = logging.getLogger(__name__)
SUFFIXES = (
    *(".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".ts", ".mts", ".m2ts", ".vob"),
    *(".wmv", ".asf", ".flv", ".f4v", ".3gp", ".3g2", ".ogv", ".mxf", ".mjpeg", ".mjpg", ".h264", ".264"),
    *(".hevc", ".h265", ".265", ".y4m", ".dv"),
)
MARK = "drawn by yolact_tf"  # comment in the head of what we write
PATIENCE = (20.0, 20.0)  # seconds that a stream may take to open, and between two of its packets
# Sound that players take from an MP4; of any other the whole goes into Matroska.
_SOUND_OF_MP4 = {"aac", "mp3", "mp3float", "ac3", "eac3", "opus", "flac", "alac"}
MICROSECONDS = 1_000_000  # to the second, in which containers count
_UNSPECIFIED = 2  # FFmpeg's AVCOL_SPC_UNSPECIFIED
_HD = 720  # rows from which colours that do not say what they are are taken for BT.709, as players do
_TOLERANCE = Fraction(1, 2)  # seconds that a file may be shorter than its head says


class Facts(NamedTuple):
    """What the head of a video says."""

    num_frames: int | None
    is_live: bool
    rate: Fraction  # frames a second, on average
    time_base: Fraction  # seconds, of which times are multiples
    pixel_shape: Fraction  # width / height of a pixel
    sound: frozenset[str]  # names of codecs
    metadata: dict[str, str]


class Video:
    """A video file, or a stream by its URL.

    url: what PyAV opens.  place: the same for messages, without passwords.  form: a device's, as PyAV names
    it.  A stream is opened once and goes on from there; one that does not know how long it is is live.
    """

    def __init__(self, url: str, name: str, place: str | None = None, form: str | None = None):
        self.url, self.name, self.place, self.form = url, name, place or url, form
        self.is_file = form is None and "://" not in url
        self._opened: Any = None

    @property
    def suffix(self) -> str:
        facts = self._facts_if_any()
        return ".mkv" if facts and not facts.sound <= _SOUND_OF_MP4 else ".mp4"

    @property
    def num_frames(self) -> int | None:
        facts = self._facts_if_any()
        return facts.num_frames if facts else None

    @property
    def is_live(self) -> bool:
        return self.facts.is_live

    @cached_property
    def facts(self) -> Facts:
        """Its Facts. ValueError, OSError or ImportError where it is no video."""
        container = self.open()
        facts = _facts(container)
        if self.is_file:
            container.close()
            return facts._replace(is_live=False)
        self._opened = container
        return facts

    def _facts_if_any(self):
        """None for what is no video, which reading it tells."""
        with contextlib.suppress(ValueError, OSError, ImportError):
            return self.facts

    def open(self) -> Any:
        """PyAV's container of it, with a video stream at least."""
        container, self._opened = self._opened, None
        if container is not None:
            return container
        av = pyav()
        with faults_named(self.place):
            # A path may begin like a protocol of FFmpeg's.
            url = f"file:{self.url}" if self.is_file else self.url
            container = av.open(url, format=self.form, timeout=None if self.is_file else PATIENCE)
        if not container.streams.video:
            kinds = ", ".join(dict.fromkeys(stream.type for stream in container.streams)) or "nothing"
            container.close()
            raise ValueError(f"{self.place}: expected a video. Received: a file with {kinds} alone")
        return container

    def frames(self) -> Iterator[Frame]:
        """Frames in order. What cannot be decoded is passed over, and a log line says so at the end."""
        is_live = self.is_live
        with self.open() as container:
            stream = container.streams.best("video")
            if not is_live:  # a delay of some frames
                stream.thread_type = "AUTO"
            reading = _Reading(self, container, stream)
            # A stream that goes on has no last frame.
            yield from reading.frames() if is_live else _with_last(reading.frames())
        if not reading.count:
            raise ValueError(f"{self.place}: expected a video. Received one of which no frame can be decoded")
        if remark := reading.remark():
            logger.warning("%s: %s", self.place, remark)


def is_our_video(path: PathLike) -> bool:
    """Whether a file is a video that an earlier detection drew."""
    with contextlib.suppress(ValueError, OSError, ImportError), Video(str(path), "").open() as container:
        return container.metadata.get("comment", container.metadata.get("COMMENT")) == MARK
    return False


def start_of(container: Any) -> Fraction:
    """The time in seconds at which a container's streams begin."""
    return Fraction(container.start_time or 0, MICROSECONDS)


class _Reading:
    """One way through a video."""

    def __init__(self, source, container, stream):
        self.source, self.container, self.stream = source, container, stream
        self.count = self.packets = self.spoilt = 0
        self.reached = start_of(container)  # up to which there was anything
        self.end = self.reached + _duration(container)
        self.fault = ""  # that ended the reading
        self.interval = 1 / _rate(stream)
        # What is live began with the first frame that is seen.
        self.start = None if source.is_live else start_of(container)

    def frames(self):
        name, seconds = self.source.name, -self.interval
        for decoded in self._decoded():
            # Times of a damaged or odd file may be missing, or not rise.
            expected, least = seconds + self.interval, seconds + self.stream.time_base
            seconds = max(self._seconds(decoded.pts, expected), least)
            lasts = decoded.duration * self.stream.time_base or self.interval
            turns = round(decoded.rotation / 90) % 4
            self.count += 1
            image = _upright(decoded, turns)
            yield Frame(image, name, self.count, self.source, float(seconds), float(lasts), turns)

    def _seconds(self, pts, otherwise):
        if pts is None:
            return otherwise
        if self.start is None:
            self.start = pts * self.stream.time_base
        return pts * self.stream.time_base - self.start

    def _decoded(self):
        for packet in self._packets():
            try:
                yield from packet.decode()
            except pyav().FFmpegError:
                self.spoilt += 1

    def _packets(self):
        """Those of the picture; those of the sound only tell how far the file goes."""
        packets = self.container.demux(self.stream, *self.container.streams.audio)
        while True:
            try:
                packet = next(packets, None)
            except pyav().FFmpegError as error:
                self.fault = error.strerror
                return
            if packet is None:
                return
            if packet.pts is not None:
                end = (packet.pts + (packet.duration or 0)) * packet.time_base
                self.reached = max(self.reached, end)
            if packet.stream_index == self.stream.index:
                self.packets += packet.size > 0 or packet.dts is not None
                yield packet

    def remark(self):
        """What is wrong with the video, as far as reading it showed; "" where nothing is."""
        remarks = []
        if self.fault or self._is_short():
            of = f" of {self.stream.frames}" if self.stream.frames else ""
            why = f" ({self.fault})" if self.fault else ""
            remarks.append(f"broken off after {self.count}{of} frames{why}")
        if self.spoilt:
            remarks.append(f"{self.spoilt} packets could not be decoded")
        return ", ".join(remarks)

    def _is_short(self):
        """Whether there was less than the head says."""
        # An AVI also counts the times at which no frame is new.
        if self.stream.frames and self.container.format.name != "avi":
            return self.packets < self.stream.frames
        return self.reached + _TOLERANCE < self.end


def _facts(container):
    stream = container.streams.best("video")
    rate = _rate(stream)
    num_frames = stream.frames
    if not num_frames:
        num_frames = round(_duration(container) * rate)
    return Facts(
        num_frames or None,
        not container.duration,
        rate,
        stream.time_base,
        stream.sample_aspect_ratio or Fraction(1),
        frozenset(sound.codec_context.name for sound in container.streams.audio if sound.codec_context),
        dict(container.metadata),
    )


def _duration(container):
    """Seconds from the start to the end, 0 where nobody knows."""
    duration = Fraction(container.duration or 0, MICROSECONDS)
    # Matroska's runs from 0, wherever the first frame is.
    return (
        max(duration - start_of(container), Fraction(0)) if "matroska" in container.format.name else duration
    )


def _rate(stream):
    return stream.average_rate or stream.guessed_rate or Fraction(25)


def _with_last(frames):
    """`frames`, the last of them marked as such."""
    before = next(frames, None)
    for frame in frames:
        yield before
        before = frame
    if before is not None:
        yield before._replace(is_last=True)


def _upright(decoded, turns):
    """[H, W, 3] uint8 RGB of a decoded frame after as many quarter turns against the clock."""
    is_unsaid_hd = decoded.colorspace == _UNSPECIFIED and decoded.height >= _HD
    image = decoded.reformat(format="rgb24", src_colorspace="ITU709" if is_unsaid_hd else None).to_ndarray()
    return np.ascontiguousarray(np.rot90(image, turns)) if turns else image
