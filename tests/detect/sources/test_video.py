"""Frames of real videos: how many, when, how turned, and what a broken one gives."""

from fractions import Fraction

import numpy as np
import pytest
from numpy.testing import assert_allclose

from tests.detect.video_files import av, picture, write_video
from yolact_tf.detect.sources import Video


def frames_of(path):
    return list(Video(str(path), path.name).frames())


def test_frames_are_those_that_were_written(tmp_path):
    path = write_video(tmp_path / "clip.mp4", frames=12, rate=Fraction(25))
    video = Video(str(path), "clip.mp4")
    frames = list(video.frames())
    assert video.num_frames == len(frames) == 12 and not video.is_live
    assert [frame.number for frame in frames] == list(range(1, 13))
    assert_allclose([frame.seconds for frame in frames], np.arange(12) / 25, atol=1e-9)
    assert_allclose([frame.lasts for frame in frames], 1 / 25, atol=1e-9)
    assert [frame.is_last for frame in frames] == [False] * 11 + [True]
    assert {frame.name for frame in frames} == {"clip.mp4"}
    for number, frame in enumerate(frames):
        assert frame.image.dtype == np.uint8 and frame.image.shape == (48, 64, 3)
        assert np.abs(frame.image.astype(int) - picture(number)).mean() < 6
    assert len(list(video.frames())) == 12  # again


def test_times_of_a_video_without_an_even_rate(tmp_path):
    path = write_video(tmp_path / "clip.mkv", frames=5, rate=Fraction(10), durations=[100, 300, 50, 100, 100])
    assert_allclose([frame.seconds for frame in frames_of(path)], [0, 0.1, 0.4, 0.45, 0.55], atol=1e-3)


@pytest.mark.parametrize("turn", [90, 180, -90])
def test_a_turned_video_is_seen_upright(turn, tmp_path):
    frame = frames_of(write_video(tmp_path / "clip.mp4", frames=1, turn=turn))[0]
    assert frame.turns == turn // 90 % 4
    upright = np.rot90(picture(0), turn // 90)
    assert frame.image.shape == upright.shape
    assert np.abs(frame.image.astype(int) - upright).mean() < 6


@pytest.mark.parametrize(
    ("name", "codec", "pix_fmt"),
    [
        ("a.avi", "mpeg4", "yuv420p"),
        ("a.webm", "libvpx-vp9", "yuv420p"),
        ("a.mov", "libx264", "yuv422p"),
        ("a.ts", "libx264", "yuv420p"),
        ("a.mkv", "mjpeg", "yuvj420p"),
        ("a.mp4", "libx265", "yuv420p10le"),
    ],
)
def test_other_containers_and_codecs(name, codec, pix_fmt, tmp_path):
    path = write_video(tmp_path / name, frames=6, codec=codec, pix_fmt=pix_fmt)
    frames = frames_of(path)
    assert len(frames) == 6
    assert_allclose([frame.seconds for frame in frames], np.arange(6) / 25, atol=2e-3)
    assert np.abs(frames[3].image.astype(int) - picture(3)).mean() < 12


def copied(path, target, later=0, options=None):
    """The same video in another file, `later` units of its time."""
    with av.open(path) as source, av.open(target, "w", options=options or {}) as container:
        copy = container.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.dts, packet.pts, packet.stream = packet.dts + later, packet.pts + later, copy
                container.mux(packet)
    return target


def test_nothing_is_said_of_a_whole_video(tmp_path, caplog):
    plain = write_video(tmp_path / "clip.mkv", frames=30)
    # Matroska counts its length from 0, and an AVI among its frames the times at which no frame is new.
    late = copied(plain, tmp_path / "late.mkv", later=5000)
    uneven = write_video(tmp_path / "uneven.avi", frames=30, durations=[100, 300] * 15, codec="mpeg4")
    for path in (plain, late, uneven):
        assert len(frames_of(path)) == 30
    assert not caplog.records
    of_late = Video(str(late), "late")
    assert of_late.num_frames == 1.2 * of_late.facts.rate


def test_a_broken_tail_gives_the_frames_before_it(tmp_path, caplog):
    path = write_video(tmp_path / "clip.mkv", frames=60)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) * 2 // 3])
    frames = frames_of(path)
    assert 20 < len(frames) < 60 and frames[-1].is_last
    assert np.abs(frames[10].image.astype(int) - picture(10)).mean() < 6
    assert f"clip.mkv: broken off after {len(frames)} frames" in caplog.text


def test_a_broken_tail_of_an_mp4_whose_head_is_whole(tmp_path, caplog):
    path = write_video(tmp_path / "clip.mp4", frames=60)
    head_first = copied(path, tmp_path / "head_first.mp4", options={"movflags": "faststart"})
    whole = head_first.read_bytes()
    head_first.write_bytes(whole[: len(whole) * 2 // 3])
    frames = frames_of(head_first)
    assert 5 < len(frames) < 60
    assert f"broken off after {len(frames)} of 60 frames" in caplog.text


def test_damage_in_the_middle_is_passed_over(tmp_path, caplog):
    path = write_video(tmp_path / "clip.mkv", frames=30, codec="mjpeg", pix_fmt="yuvj420p")
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 900] = bytes(900)
    path.write_bytes(data)
    assert 20 <= len(frames_of(path)) <= 30


@pytest.mark.parametrize("content", [b"", b"this is no video", b"\0" * 5000])
def test_what_is_no_video_is_refused_in_one_line(content, tmp_path):
    path = tmp_path / "clip.mp4"
    path.write_bytes(content)
    with pytest.raises(ValueError, match="clip.mp4: expected a video. Received: ") as refused:
        frames_of(path)
    assert "\n" not in str(refused.value)


def test_a_video_that_is_not_there_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="clip.mp4: no such video"):
        frames_of(tmp_path / "clip.mp4")


def test_sound_alone_is_no_video(tmp_path):
    path = tmp_path / "clip.mp4"
    with av.open(path, "w") as container:
        stream = container.add_stream("aac", 8000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), "f"), "fltp", "mono")
        frame.sample_rate = 8000
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
    with pytest.raises(ValueError, match="expected a video. Received: a file with audio alone"):
        frames_of(path)


def test_a_name_that_looks_like_a_protocol_is_a_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_video(tmp_path / "concat:a|b.mp4", frames=2)
    assert len(list(Video("concat:a|b.mp4", "a").frames())) == 2
