"""`yolact detect` on more than images, and what a user reads where that does not work."""

import json
import os
import resource
import signal
import sys
import threading

import numpy as np
import pytest
from PIL import Image

from tests.detect.video_files import content_of, noise, write_video
from tests.image_bombs import png_of_size
from tests.in_process import in_process
from yolact_tf.detect.sources import Video
from yolact_tf.images.decoding import read_image


@pytest.fixture
def scene(shapes_data):
    """Draws frames of a video that a small model finds something in."""
    images = [read_image(path) for path in sorted((shapes_data / "images").glob("val_*"))]
    return lambda number, size: images[number % len(images)]


def rows_of(output):
    return json.loads((output / "detections.json").read_text())


def test_a_video_becomes_a_video(shapes_run, scene, tmp_path, capsys, monkeypatch):
    path = write_video(tmp_path / "clip.mov", frames=6, size=(128, 128), sound="aac", draw=scene)
    output = tmp_path / "out"
    request = ("detect", shapes_run, path, "--output", output, "--score-threshold", "0.01", "--top-k", "3")
    code, out, err = in_process(capsys, monkeypatch, *request)
    assert (code, err) == (0, "")
    rows = rows_of(output)
    assert out == f"{len(rows)} objects in 6 frames of 1 source: {output}\n"
    assert 0 < len(rows) <= 18 and {row["frame"] for row in rows} <= set(range(1, 7))
    before, after = content_of(path), content_of(output / "clip.mp4")
    assert (after.size, after.times, len(after.sound[0][1])) == (
        before.size,
        pytest.approx(before.times, abs=1e-4),
        len(before.sound[0][1]),
    )
    assert in_process(capsys, monkeypatch, *request)[0] == 0  # over its own files


@pytest.mark.whole
def test_thresholds_of_a_run_count_unless_one_is_given(
    shapes_run, shapes_data, tmp_path, capsys, monkeypatch
):
    run = tmp_path / "run"
    run.mkdir()
    for file in shapes_run.iterdir():
        (run / file.name).symlink_to(file)
    image, output = shapes_data / "images" / "val_00000.jpg", tmp_path / "out"
    request = ("detect", run, image, "--output", output, "--top-k", "100", "--all-classes")

    def found(*options):
        assert in_process(capsys, monkeypatch, *request, *options)[0] == 0
        return [row["category_id"] for row in rows_of(output)]

    everything = found("--score-threshold", "0")
    chosen = everything[0]
    thresholds = {"all": 1.0, "per_class": {str(chosen): 0.0}}
    (run / "thresholds.json").write_text(json.dumps(thresholds))
    assert found() == [category for category in everything if category == chosen]
    assert found("--score-threshold", "0") == everything
    (run / "thresholds.json").write_text(json.dumps({"all": 0.5, "per_class": {"999": 0.5}}))
    code, _, err = in_process(capsys, monkeypatch, *request)
    assert code == 2 and "thresholds.json: expected thresholds of" in err and err.count("\n") == 1


@pytest.mark.skipif(sys.platform != "linux", reason="cameras have other names there")
def test_a_webcam_that_is_not_there_is_one_line_before_the_model_is_opened(tmp_path, capsys, monkeypatch):
    code, _, err = in_process(capsys, monkeypatch, "detect", "no_model", "7", "--output", tmp_path / "out")
    assert code == 2 and err.startswith("yolact: /dev/video7: expected a camera. Received none; this machine")
    assert err.count("\n") == 1 and not (tmp_path / "out").exists()


def test_ctrl_c_leaves_what_was_done(shapes_run, tmp_path, capsys, monkeypatch):
    path = write_video(tmp_path / "clip.mp4", frames=3000, size=(64, 48))
    output, is_over = tmp_path / "out", threading.Event()

    def interrupt():
        while not is_over.wait(0.01):
            if any(output.glob(".tmp-*.mp4")):
                return os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    try:
        code, _, err = in_process(capsys, monkeypatch, "detect", shapes_run, path, "--output", output)
    finally:
        is_over.set()
        thread.join()
    assert code == 130 and err.splitlines()[-1] == "yolact: interrupted"
    assert sorted(file.name for file in output.iterdir()) == ["clip.mp4", "detections.json"]
    assert 0 < len(content_of(output / "clip.mp4").times) < 3000
    assert {row["frame"] for row in rows_of(output)} <= set(range(1, 3000))


@pytest.mark.whole
def test_a_full_disk_is_one_line(shapes_run, tmp_path, capsys, monkeypatch):
    path = write_video(tmp_path / "clip.mp4", frames=60, size=(320, 240), draw=noise)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size // 3, limits[1]))
    output = tmp_path / "out"
    try:
        code, _, err = in_process(capsys, monkeypatch, "detect", shapes_run, path, "--output", output)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    told = f"yolact: {output / 'clip.mp4'}: expected to write the whole video. Received: File too large"
    assert code == 2 and err.splitlines()[-1].startswith(told)
    assert 0 < len(list(Video(str(output / "clip.mp4"), "clip.mp4").frames())) < 60


def test_an_image_beyond_all_memory_is_left_out(shapes_run, tmp_path, capsys, monkeypatch):
    (tmp_path / "huge.png").write_bytes(png_of_size(2_000_000, 2_000_000))
    Image.fromarray(np.zeros((20, 20, 3), "uint8")).save(tmp_path / "small.png")
    request = ("detect", shapes_run, tmp_path, "--output", tmp_path / "out")
    code, out, err = in_process(capsys, monkeypatch, *request)
    assert code == 0 and "in 1 image" in out
    assert "left out: " in err and "huge.png: expected an image that fits into the memory left" in err


@pytest.mark.whole
@pytest.mark.parametrize("kind", ["shapes_run", "saved_model", "litert_file"])
def test_all_kinds_of_model_find_the_same_in_a_video(kind, request, scene, tmp_path, capsys, monkeypatch):
    path = write_video(tmp_path / "clip.mp4", frames=4, size=(128, 128), draw=scene)
    outputs = tmp_path / "run", tmp_path / kind
    models = request.getfixturevalue("shapes_run"), request.getfixturevalue(kind)
    for model, output in zip(models, outputs, strict=True):
        options = ("--output", output, "--score-threshold", "0.1")
        assert in_process(capsys, monkeypatch, "detect", model, path, *options)[0] == 0
    expected, found = map(rows_of, outputs)
    assert [row["frame"] for row in found] == [row["frame"] for row in expected]
    assert [row["category_id"] for row in found] == [row["category_id"] for row in expected]
    np.testing.assert_allclose([r["bbox"] for r in found], [r["bbox"] for r in expected], atol=0.1)
