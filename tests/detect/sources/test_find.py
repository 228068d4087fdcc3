"""What a user names, and what is meant."""

import sys

import pytest
from PIL import Image

from tests.detect.blobs import detect_to
from tests.detect.video_files import write_video
from yolact_tf.detect.sources import find_sources


def image_at(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (20, 10), "red").save(path)
    return path


def names(places):
    return [source.name for source in find_sources(places)]


def test_all_kinds_are_found_in_the_order_given_each_once(tmp_path, monkeypatch):
    image_at(tmp_path / "in" / "b.png")
    image_at(tmp_path / "a.jpg")
    write_video(tmp_path / "in" / "clip.MP4", frames=1)
    monkeypatch.chdir(tmp_path)
    assert names(["a.jpg", "in", "in/*.MP4", "**/b.png"]) == ["a.jpg", "b.png", "clip.MP4"]
    assert names(tmp_path / "a.jpg") == ["a.jpg"]


def test_a_folder_gives_what_is_to_be_seen_and_not_what_lies_below(tmp_path, caplog):
    image_at(tmp_path / "a.png")
    image_at(tmp_path / "deep" / "b.png")
    write_video(tmp_path / "clip.avi", frames=1, codec="mpeg4")
    (tmp_path / "notes.txt").write_text("no image")
    assert names(tmp_path) == ["a.png", "clip.avi"]
    assert "passed over 2 entries that are no image or video files or drawn by yolact, deep" in caplog.text


def test_a_video_drawn_by_us_is_passed_over(tmp_path):
    write_video(tmp_path / "clip.mov", frames=2)
    for _ in range(2):
        assert detect_to(tmp_path, tmp_path).frames == 2
    assert (tmp_path / "clip.mp4").is_file()
    assert names(tmp_path) == ["clip.mov"]


def test_a_link_that_leads_back_gives_nothing_twice(tmp_path, monkeypatch):
    image_at(tmp_path / "b.png")
    (tmp_path / "a-loop").symlink_to(".")
    (tmp_path / "link.png").symlink_to("b.png")
    monkeypatch.chdir(tmp_path)
    assert names("**/*.png") == names([".", "a-loop"]) == ["b.png", "link.png"]


@pytest.mark.parametrize(
    ("place", "message"),
    [
        ("nowhere.mp4", r"SOURCE must be an image, a video, .*'nowhere.mp4', which matches nothing"),
        ("", r"SOURCE must be an image, a video, .*'', which matches nothing"),
        (7, r"/dev/video7: expected a camera. Received none; this machine has "),
        ("7", r"/dev/video7: expected a camera"),
        ("/dev/video7", r"/dev/video7: expected a camera"),
        ("file:///nowhere/clip.mp4", r"'/nowhere/clip.mp4', which matches nothing"),
    ],
)
def test_what_is_not_there_is_named(place, message):
    if "camera" in message and sys.platform != "linux":
        pytest.skip("cameras have other names there")
    with pytest.raises(FileNotFoundError, match=message) as refused:
        find_sources(place)
    assert "\n" not in str(refused.value)


def test_a_password_is_in_no_message():
    with pytest.raises(ValueError, match="rtsp://localhost:9/live: expected a video. Received: ") as refused:
        find_sources("rtsp://admin:secret@localhost:9/live?token=secret")
    assert "secret" not in str(refused.value)


def test_the_url_of_a_file_is_that_file(tmp_path):
    path = image_at(tmp_path / "an image.png")
    assert find_sources([path.as_uri(), path]) == find_sources(path)


def test_a_file_that_has_a_number_as_its_name_is_no_camera(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    image_at(tmp_path / "0.png").rename(tmp_path / "0")
    assert names("0") == ["0"]


def test_without_pyav_a_video_says_what_to_install(tmp_path, monkeypatch):
    path = write_video(tmp_path / "clip.mp4", frames=1)
    monkeypatch.setitem(sys.modules, "av", None)
    for place in (path, 0, "rtsp://localhost/live"):
        with pytest.raises((ImportError, FileNotFoundError)) as refused:
            find_sources(place)
        assert place == 0 or "Videos, cameras and streams need av: pip install 'yolact_tf[video]'" in str(
            refused.value
        )
    image_at(tmp_path / "a.png")
    assert detect_to(tmp_path / "out", tmp_path).frames == 1  # and the video is left out
