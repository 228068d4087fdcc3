"""Streams and devices: real ones of this machine."""

import contextlib
import functools
import http.server
import socket
import threading

import pytest

from tests.detect.blobs import detect_to
from tests.detect.video_files import av, content_of, write_video
from yolact_tf.detect.sources import Video, find_sources


@contextlib.contextmanager
def served(folder):
    """The address of a web server of a folder."""
    handler = functools.partial(Quiet, directory=folder)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


def test_a_video_of_a_web_server_is_whole(tmp_path):
    path = write_video(tmp_path / "clip.mp4", frames=12, sound="aac")
    with served(tmp_path) as address:
        (source,) = find_sources(f"{address}/clip.mp4?token=secret")
        assert source.num_frames == 12 and not source.is_live and "secret" not in source.place
        assert source.name == f"127_0_0_1_{address.rpartition(':')[2]}_clip.mp4"
        assert detect_to(tmp_path / "out", f"{address}/clip.mp4") == (12, 12)
        with pytest.raises(ValueError, match=r"nothing.mp4: expected a video. Received: .*404"):
            find_sources(f"{address}/nothing.mp4")
    (written,) = (tmp_path / "out").glob("*.mp4")
    assert len(content_of(written).times) == 12
    assert [data for _, data in content_of(written).sound[0][1]] == [
        data for _, data in content_of(path).sound[0][1]
    ]


@pytest.fixture
def broadcast(tmp_path):
    """The address at which a transport stream of 40 frames is sent once."""
    content = write_video(tmp_path / "clip.ts", frames=40).read_bytes()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def send():
            connection, _ = server.accept()
            with connection:
                connection.sendall(content)

        thread = threading.Thread(target=send, daemon=True)
        thread.start()
        yield f"tcp://127.0.0.1:{server.getsockname()[1]}"
        thread.join(20)


def test_a_stream_that_does_not_say_how_long_it_is_is_live(broadcast):
    (source,) = find_sources(broadcast)
    assert source.is_live and source.num_frames is None
    frames = list(source.frames())
    assert [frame.number for frame in frames] == list(range(1, len(frames) + 1)) and len(frames) > 30
    assert not any(frame.is_last for frame in frames)
    assert frames[5].seconds - frames[4].seconds == pytest.approx(1 / 25, abs=1e-3)


def test_a_device_is_live():
    if "lavfi" not in av.formats_available:
        pytest.skip("needs FFmpeg's device of test pictures")
    camera = Video("testsrc=size=64x48:rate=25", "camera0", "camera 0", "lavfi")
    assert camera.is_live and camera.num_frames is None and camera.suffix == ".mp4"
    frames = camera.frames()
    first, second = next(frames), next(frames)
    assert first.image.shape == (48, 64, 3) and second.number == 2 and second.seconds > first.seconds
    frames.close()
