"""Videos that are written like the ones they come from."""

import contextlib
import resource
from fractions import Fraction

import numpy as np
import pytest
from numpy.testing import assert_allclose

from tests.detect.blobs import detect_to, finds_one
from tests.detect.video_files import content_of, noise, pictures_of, write_video
from yolact_tf.detect.sinks.overlays import Overlays
from yolact_tf.detect.sources import Video, find_sources
from yolact_tf.detect.stream import stream
from yolact_tf.detect.writing import write_detections


def copy_of(path, folder, draw=lambda image, found: image):
    """`path` as it is written, with nothing drawn over it."""
    sources = find_sources(path)
    overlays = Overlays(sources, folder, draw)
    write_detections(stream(finds_one, sources), [overlays], lambda found: found)
    (written,) = overlays.paths.values()
    return written


@pytest.mark.parametrize("size", [(64, 48), (65, 49), (64, 49)])
@pytest.mark.parametrize("rate", [Fraction(25), Fraction(30000, 1001)])
def test_size_rate_and_length_stay(size, rate, tmp_path):
    codec = "libx264" if size == (64, 48) else "libvpx-vp9"
    path = write_video(tmp_path / "clip.mkv", frames=10, size=size, rate=rate, codec=codec)
    before, after = content_of(path), content_of(copy_of(path, tmp_path / "out"))
    assert after.size == before.size == size
    assert after.codec == "h264" and after.pix_fmt == ("yuv420p" if size == (64, 48) else "yuv444p")
    assert_allclose(after.times, before.times, atol=2e-3)
    assert float(after.rate) == pytest.approx(float(before.rate), rel=4e-3)
    assert after.seconds == pytest.approx(float(10 / rate), abs=3e-3)


def test_times_stay_where_the_rate_is_not_even(tmp_path):
    path = write_video(tmp_path / "clip.mp4", frames=5, rate=Fraction(10), durations=[100, 300, 50, 100, 100])
    before, after = content_of(path), content_of(copy_of(path, tmp_path / "out"))
    assert_allclose(after.times, before.times, atol=1e-6)
    assert after.seconds == pytest.approx(before.seconds, abs=1e-6)


@pytest.mark.parametrize("turn", [90, 180, -90])
def test_the_turn_stays_and_labels_are_upright(turn, tmp_path):
    path = write_video(tmp_path / "clip.mp4", frames=3, turn=turn, size=(320, 240))
    copy = copy_of(path, tmp_path / "out")
    assert content_of(copy).turn == content_of(path).turn
    assert content_of(copy).size == (320, 240)
    assert np.abs(pictures_of(copy).astype(int) - pictures_of(path)).mean() < 6
    drawn = pictures_of(copy_of(path, tmp_path / "drawn", white_corner))
    seen = np.rot90(drawn[0], turn // 90)
    assert seen[:50, :50].mean() > 240 and seen[-50:, -50:].mean() < 180


def white_corner(image, found):
    """A picture that is white at its upper left."""
    drawn = image.copy()
    drawn[:60, :60] = 255
    return drawn


@pytest.mark.parametrize(
    ("name", "sound", "ending"),
    [
        ("a.mp4", "aac", ".mp4"),
        ("a.mkv", "libopus", ".mp4"),
        ("a.ts", "aac", ".mp4"),
        ("a.mkv", "flac", ".mp4"),
        ("a.mov", "pcm_s16le", ".mkv"),
        ("a.mp4", "libmp3lame", ".mp4"),
    ],
)
def test_sound_is_copied_untouched(name, sound, ending, tmp_path):
    path = write_video(tmp_path / name, frames=30, sound=sound)
    copy = copy_of(path, tmp_path / "out")
    assert copy.suffix == ending
    ((codec, before),), ((copied_codec, after),) = content_of(path).sound, content_of(copy).sound
    assert copied_codec == codec
    sound_of = lambda packets: b"".join(data[7:] if data[:2] == b"\xff\xf1" else data for _, data in packets)
    assert sound_of(after) == sound_of(before)  # but for the headers that AAC has in a transport stream
    shift = np.array([t for t, _ in after]) - [t for t, _ in before]
    assert np.ptp(shift) < 2e-3
    video_shift = content_of(copy).times[0] - content_of(path).times[0]
    assert shift[0] == pytest.approx(video_shift, abs=2e-3)


def test_sound_that_goes_on_after_the_picture_is_copied_too(tmp_path):
    path = write_video(tmp_path / "clip.mkv", frames=5, sound="flac")
    longer = write_video(tmp_path / "longer.mkv", frames=50, sound="flac")
    assert len(content_of(longer).sound[0][1]) > len(content_of(path).sound[0][1])
    copy = copy_of(longer, tmp_path / "out")
    assert len(content_of(copy).sound[0][1]) == len(content_of(longer).sound[0][1])


def test_colours_stay(tmp_path):
    path = write_video(tmp_path / "clip.mp4", frames=3, size=(1280, 720))
    before, after = pictures_of(path), pictures_of(copy_of(path, tmp_path / "out"))
    seen = next(iter(Video(str(path), "x").frames())).image
    assert np.abs(after[0].astype(int) - seen).mean() < 3
    assert before.shape == after.shape


def test_two_videos_of_one_request_are_two_files(tmp_path):
    for name in ("a", "b"):
        write_video(tmp_path / f"{name}.mp4", frames=4)
    assert detect_to(tmp_path / "out", tmp_path) == (8, 8)
    assert [len(pictures_of(tmp_path / "out" / f"{name}.mp4")) for name in "ab"] == [4, 4]


@contextlib.contextmanager
def little_room(limit):
    """No file can have more than `limit` bytes, as on a disk that fills up."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.fixture
def large(tmp_path):
    """A video of 100 frames that take many bytes."""
    return write_video(tmp_path / "clip.mp4", frames=100, size=(320, 240), draw=noise)


FULL = r"out/clip.mp4: expected to write the whole video. Received: .*, after \d+ frames"


@pytest.mark.parametrize("place", ["moof", "mdat"])
@pytest.mark.parametrize("share", [0.3, 0.98])  # the rest does not fit when the file is ended
@pytest.mark.parametrize("sound", [None, "aac"])
def test_what_was_written_before_the_disk_was_full_plays(place, share, sound, tmp_path):
    large = write_video(tmp_path / "clip.mp4", frames=100, size=(320, 240), draw=noise, sound=sound)
    whole = copy_of(large, tmp_path / "whole").read_bytes()
    # A fragment's head, or the pictures behind it, end where the disk does.
    limit = whole.index(place.encode(), int(share * whole.index(b"moov", 2000))) + 20
    out = tmp_path / "out"
    with pytest.raises(OSError, match=FULL), little_room(limit):
        copy_of(large, out)
    assert [file.name for file in out.iterdir()] == ["clip.mp4"]
    after = content_of(out / "clip.mp4")  # without a fault from the first to the last
    assert 100 * share - 6 < len(after.times) < 100 * share + 3
    assert_allclose(np.diff(after.times), 0.04, atol=1e-6)
    difference = pictures_of(out / "clip.mp4").astype(int) - pictures_of(large)[: len(after.times)]
    assert np.abs(difference).mean((1, 2, 3)).max() < 10


def test_nothing_stays_where_not_even_a_frame_fits(large, tmp_path):
    with pytest.raises(OSError, match=FULL), little_room(3000):
        copy_of(large, tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []
