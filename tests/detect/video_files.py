"""Real videos of a few frames, and what a video file holds."""

from fractions import Fraction
from typing import NamedTuple

import numpy as np
import pytest

av = pytest.importorskip("av")
SOUND_RATE = 16000


def picture(number, size=(64, 48)):
    """[H, W, 3] uint8: a red bar on gray, `number` times a sixteenth from the left; blue at the top."""
    width, height = size
    image = np.full((height, width, 3), 100, np.uint8)
    image[: height // 4] = (30, 60, 200)
    left = number * width // 16 % width
    image[:, left : left + width // 8] = (220, 30, 30)
    return image


def noise(number, size):
    """[H, W, 3] uint8 of which no encoder makes little."""
    coarse = np.random.default_rng(number).integers(0, 256, (size[1] // 8, size[0] // 8, 3), np.uint8)
    return coarse.repeat(8, 0).repeat(8, 1)


def write_video(
    path,
    frames=12,
    size=(64, 48),
    rate=Fraction(25),
    durations=None,
    sound=None,
    turn=0,
    codec="libx264",
    pix_fmt="yuv420p",
    draw=picture,
):
    """Writes a video of which `draw(number, size)` is a frame; returns its path.

    size: (width, height).  durations: of frames, in hundredths of the usual one, where the rate is not even.
    sound: name of a codec.  turn: degrees against the clock that players turn it by.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    time_base = 1 / (rate * 100)
    with av.open(path, "w") as container:
        options = {"bf": "0"} if codec == "libx264" else {}
        video = container.add_stream(codec, rate, options, width=size[0], height=size[1], time_base=time_base)
        video.pix_fmt = pix_fmt
        if turn:
            video.set_display_rotation(turn)
        audio = container.add_stream(sound, SOUND_RATE) if sound else None
        now = 0
        for number in range(frames):
            frame = av.VideoFrame.from_ndarray(draw(number, size))
            frame.pts, frame.time_base = now, time_base
            now += durations[number] if durations else 100
            container.mux(video.encode(frame))
        container.mux(video.encode())
        if audio:
            _add_sound(container, audio, float(now * time_base))
    return path


def _add_sound(container, audio, seconds):
    size = audio.codec_context.frame_size or 1024
    for start in range(0, round(seconds * SOUND_RATE), size):
        wave = np.sin(np.arange(start, start + size) / 7).astype("f") / 4
        frame = av.AudioFrame.from_ndarray(wave[None], "fltp", "mono")
        frame.sample_rate, frame.pts, frame.time_base = SOUND_RATE, start, Fraction(1, SOUND_RATE)
        for resampled in av.AudioResampler(audio.format, audio.layout, SOUND_RATE).resample(frame):
            container.mux(audio.encode(resampled))
    container.mux(audio.encode())


class Content(NamedTuple):
    """What a video file holds."""

    size: tuple
    times: list  # seconds of its frames
    seconds: float  # how long it is
    turn: int
    rate: Fraction
    codec: str
    pix_fmt: str
    sound: list  # (codec, [(time, bytes)])


def content_of(path):
    """The Content of a video file; every frame of it is decoded."""
    with av.open(path) as container:
        video = container.streams.video[0]
        frames = list(container.decode(video))
        times = [float(frame.pts * frame.time_base) for frame in frames]
        seconds = float(video.duration * video.time_base) if video.duration else container.duration / 1e6
        size, turn = (frames[0].width, frames[0].height), frames[0].rotation
        context = video.codec_context
        sound = [_sound_of(path, stream.index) for stream in container.streams.audio]
        return Content(size, times, seconds, turn, video.average_rate, context.name, context.pix_fmt, sound)


def _sound_of(path, index):
    with av.open(path) as container:
        stream = container.streams[index]
        packets = [p for p in container.demux(stream) if p.size]
        return stream.codec_context.name, [(round(float(p.pts * p.time_base), 4), bytes(p)) for p in packets]


def pictures_of(path):
    """[n, H, W, 3] uint8 RGB as stored."""
    with av.open(path) as container:
        return np.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)])
