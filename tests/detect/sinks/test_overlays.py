"""Names of overlays and results, and whose files are overwritten."""

import json
import os

import pytest
from PIL import Image

from tests.detect.blobs import detect_to, finds_one
from yolact_tf.detect.sinks.overlays import Overlays, overlay_names
from yolact_tf.detect.sinks.results import ResultsFile
from yolact_tf.detect.sources import Still, find_sources
from yolact_tf.detect.stream import stream
from yolact_tf.detect.writing import write_detections


def detect(paths, output):
    return detect_to(output, paths).objects


def draw(*paths, colour="red"):
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (20, 10), colour).save(path)
    return list(paths)


def written(output):
    """Overlays below `output`, and the names in its detections.json."""
    rows = json.loads((output / "detections.json").read_text())
    overlays = sorted(path.relative_to(output).as_posix() for path in output.rglob("*.png") if path.is_file())
    return overlays, [row["file_name"] for row in rows]


@pytest.mark.parametrize(
    ("names", "overlays", "file_names"),
    [
        (["a.jpg", "deep/b.png"], ["a.png", "b.png"], ["a.jpg", "b.png"]),
        (["x/i/a.jpg", "y/i/a.jpg"], ["x/i/a.png", "y/i/a.png"], ["x/i/a.jpg", "y/i/a.jpg"]),
        (["x/i/a.jpg", "x/a.jpg"], ["a.png", "i/a.png"], ["i/a.jpg", "a.jpg"]),
        (["a.jpg", "a.png", "b.jpg"], ["a.jpg.png", "a.png.png", "b.jpg.png"], ["a.jpg", "a.png", "b.jpg"]),
        (
            ["a.jpg", "a.png", "a.jpg.png"],
            ["a.jpg.png", "a.jpg.png.png", "a.png.png"],
            ["a.jpg", "a.png", "a.jpg.png"],
        ),
        (
            ["a.png/x.jpg", "x.jpg", "a.jpg"],
            ["a.jpg.png", "a.png/x.jpg.png", "x.jpg.png"],
            ["a.png/x.jpg", "x.jpg", "a.jpg"],
        ),
        (["x/a_b.jpg", "x_a/b.jpg"], ["a_b.png", "b.png"], ["a_b.jpg", "b.jpg"]),
    ],
)
def test_names_differ_where_pictures_do(names, overlays, file_names, tmp_path):
    paths = draw(*(tmp_path / "in" / name for name in names))
    assert detect(paths, tmp_path / "out") == len(names)
    assert written(tmp_path / "out") == (overlays, file_names)


def test_many_pictures_are_named_at_once():
    """Comparing each with each would take the better part of an hour."""
    paths = [f"{i % 7}/{i // 14}.{'jpg' if i % 2 else 'png'}" for i in range(40_000)]
    assert len(set(overlay_names([Still(path, path) for path in paths]))) == 40_000


def test_a_picture_named_twice_is_one(tmp_path, monkeypatch):
    draw(tmp_path / "in" / "a.png")
    monkeypatch.chdir(tmp_path)
    assert len(find_sources(["in", "in/a.png", "in/../in/*.png", tmp_path / "in"])) == 1


def test_folders_and_dead_links_by_an_images_name_are_passed_over_and_counted(tmp_path, caplog):
    (image,) = draw(tmp_path / "b.jpg")
    (tmp_path / "a.jpg").mkdir()
    (tmp_path / "dead.png").symlink_to(tmp_path / "nowhere")
    (tmp_path / "notes.txt").write_text("")
    assert find_sources(tmp_path) == find_sources(f"{tmp_path}/*.jpg") == [Still(str(image), "b.jpg")]
    assert [record.getMessage() for record in caplog.records] == [
        f"{tmp_path}: passed over 3 entries that are no image or video files or drawn by yolact, a.jpg first"
    ]


def test_overlays_in_a_folder_of_pictures_are_passed_over_and_counted(tmp_path, caplog):
    (image,) = draw(tmp_path / "x.jpg")
    for _ in range(2):
        detect(tmp_path, tmp_path)
        assert written(tmp_path) == (["x.png"], ["x.jpg"])
    assert (
        "passed over 2 entries that are no image or video files or drawn by yolact, detections.json"
        in caplog.text
    )
    image.unlink()
    with pytest.raises(ValueError, match=r"that are not drawn by yolact; .* Received: 2 other entries"):
        find_sources(tmp_path)


@pytest.mark.parametrize("through_link", [False, True])
def test_a_picture_is_never_overwritten_by_its_overlay(through_link, tmp_path):
    paths = draw(tmp_path / "a.png", tmp_path / "b.png")
    before = [path.read_bytes() for path in paths]
    output = tmp_path
    if through_link:
        output = tmp_path / "link"
        output.symlink_to(tmp_path)
    with pytest.raises(ValueError, match=r"without overwriting .* Received one with .*a.png"):
        detect(paths, output)
    assert [path.read_bytes() for path in paths] == before
    assert not (tmp_path / "detections.json").exists()


def test_overlays_of_ours_are_no_exception_where_they_are_the_pictures(tmp_path):
    detect(draw(tmp_path / "in" / "a.png"), tmp_path / "out")
    with pytest.raises(ValueError, match="without overwriting"):
        detect([tmp_path / "out" / "a.png"], tmp_path / "out")


def test_photographs_may_lie_beside_their_overlays(tmp_path):
    detect(draw(tmp_path / "a.jpg"), tmp_path)
    assert written(tmp_path) == (["a.png"], ["a.jpg"])


def test_results_are_written_anew_and_files_of_others_stay(tmp_path):
    paths, output = draw(tmp_path / "in" / "a.jpg", tmp_path / "in" / "b.jpg"), tmp_path / "out"
    detect(paths, output)
    detect(paths, output)
    for text in ('[{"image_id": 1, "category_id": 1, "segmentation": {}}]', "[" * 100_000):
        (output / "detections.json").write_text(text)
        with pytest.raises(ValueError, match="detections.json"):
            detect(paths, output)
    (output / "detections.json").unlink()
    draw(output / "b.png")
    before = {path: path.read_bytes() for path in output.iterdir()}
    with pytest.raises(ValueError, match="b.png"):
        detect(paths, output)
    assert {path: path.read_bytes() for path in output.iterdir()} == before


@pytest.mark.parametrize("name", ["a.jpg.png/x.jpg", "b/x.jpg"])
def test_an_overlay_that_meets_a_folder_of_overlays_is_refused_first(name, tmp_path):
    paths = draw(*(tmp_path / "in" / path for path in (name, "a.png", "a.jpg", "x.jpg")))
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "b").write_text("")
    with pytest.raises(ValueError, match="a folder of overlays can be written without overwriting"):
        detect(paths, tmp_path / "out")
    assert os.listdir(tmp_path / "out") == ["b"]


def test_an_output_that_cannot_be_written_is_refused_first(tmp_path):
    paths = draw(tmp_path / "a.jpg")
    with pytest.raises(ValueError, match=r"can be written. Received: .*Not a directory"):
        detect(paths, tmp_path / "a.jpg" / "out")
    assert os.listdir(tmp_path) == ["a.jpg"]


def test_a_picture_that_vanishes_is_left_out(tmp_path, caplog):
    first, second, third = draw(tmp_path / "a.jpg", tmp_path / "b.jpg", tmp_path / "c.jpg")
    sources = find_sources([first, second, third])
    first.unlink()
    third.unlink()
    third.mkdir()  # which fails as a file that one may not read does
    output = tmp_path / "out"
    sinks = [Overlays(sources, output), ResultsFile(output)]
    assert write_detections(stream(finds_one, sources), sinks, lambda found: found) == (1, 1)
    assert "left out" in caplog.text and "a.jpg" in caplog.text and "c.jpg" in caplog.text
    assert [row["image_id"] for row in json.loads((output / "detections.json").read_text())] == [2]


def test_a_picture_may_be_drawn_in_another_way(tmp_path):
    (image,) = draw(tmp_path / "a.jpg", colour="red")
    sources = find_sources(image)
    overlays = Overlays(sources, tmp_path / "out", lambda image, found: 0 * image)
    write_detections(stream(finds_one, sources), [overlays], lambda found: found)
    assert Image.open(tmp_path / "out" / "a.png").getextrema() == ((0, 0),) * 3


def test_stills_and_videos_of_one_name_do_not_meet():
    class Clip:
        name, suffix = "a.mov", ".mp4"

    assert overlay_names([Still("a.jpg", "a.jpg"), Clip()]) == ["a.png", "a.mp4"]
    assert overlay_names([Still("a.jpg", "a.jpg"), Still("a.png", "a.png"), Clip()]) == [
        "a.jpg.png",
        "a.png.png",
        "a.mov.mp4",
    ]
