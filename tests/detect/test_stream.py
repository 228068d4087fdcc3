"""Frames of sources with what was found in each."""

import numpy as np
import pytest
from PIL import Image

import yolact_tf
from tests.detect.blobs import finds_one
from tests.detect.video_files import write_video
from yolact_tf.detect.sources import find_sources
from yolact_tf.detect.stream import stream, total_frames


@pytest.fixture
def folder(tmp_path):
    """Two images with a video between them."""
    for name in ("a.png", "c.png"):
        Image.new("RGB", (20, 10), "red").save(tmp_path / name)
    write_video(tmp_path / "b.mp4", frames=5)
    return tmp_path


@pytest.mark.parametrize("batch", [1, 2, 3, 8])
def test_all_frames_come_in_order_whatever_the_batch(batch, folder):
    asked = []

    def detect(images):
        asked.append(len(images) if isinstance(images, list) else 1)
        return finds_one(images)

    found = list(stream(detect, find_sources(folder), batch))
    names = [(frame.name, frame.number, frame.image_id) for frame, _ in found]
    assert names == [("a.png", 1, 1), *(("b.mp4", i, i + 1) for i in range(1, 6)), ("c.png", 1, 7)]
    assert [detections.image_size for _, detections in found] == [frame.image.shape[:2] for frame, _ in found]
    assert max(asked) == min(batch, 7) and sum(asked) == 7
    assert total_frames(find_sources(folder)) == 7


def test_what_cannot_be_read_is_left_out_and_keeps_its_number(folder, caplog):
    (folder / "a.png").write_bytes(b"no image")
    (folder / "b.mp4").write_bytes(b"no video")
    ((frame, _),) = stream(finds_one, find_sources(folder))
    assert (frame.name, frame.image_id) == ("c.png", 3)
    assert "left out: " in caplog.text and "a.png" in caplog.text and "b.mp4: expected a video" in caplog.text
    (folder / "c.png").write_bytes(b"no image")
    with pytest.raises(ValueError, match="a.png: expected an image"):
        list(stream(finds_one, find_sources(folder)))


def test_of_what_is_live_the_newest_frame_is_looked_at(folder):
    class Camera:
        name = place = "camera0"
        suffix, num_frames, is_live = ".mp4", None, True

        def frames(self):
            (clip,) = find_sources(folder / "b.mp4")
            for _ in range(20):
                for frame in clip.frames():
                    yield frame._replace(source=self)

    sizes = []

    def slowly(image):
        sizes.append(image.shape)
        for _ in range(200):
            np.linalg.inv(np.eye(40))
        return finds_one(image)

    found = list(stream(slowly, [Camera()], batch=4))
    assert 1 < len(found) <= 100 and set(sizes) == {(48, 64, 3)}  # never as a batch, which would wait
    assert total_frames([Camera()]) is None


def test_a_detector_streams(shapes_run, folder):
    detector = yolact_tf.Detector(yolact_tf.load_run(shapes_run))
    found = list(detector.stream([folder / "a.png", folder / "b.mp4"], batch=2))
    assert [frame.name for frame, _ in found] == ["a.png"] + 5 * ["b.mp4"]
    for frame, detections in found:
        alone = detector(frame.image)
        np.testing.assert_allclose(detections.scores, alone.scores, atol=1e-5)
    with pytest.raises(FileNotFoundError, match="matches nothing"):
        detector.stream("nowhere.png")


def test_leaving_a_stream_ends_its_reading(folder):
    import threading

    found = stream(finds_one, find_sources(folder))
    next(found)
    found.close()
    assert not [thread for thread in threading.enumerate() if thread.name == "ahead"]
