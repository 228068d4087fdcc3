"""`yolact data …` as a user runs it: exit codes, tables, files."""

import json
import re

import numpy as np
import pytest
from PIL import Image

from tests.coco_folder import rectangle, write_annotations, write_folder
from tests.data.accents import write_accent
from tests.in_process import in_process


@pytest.fixture
def run(capsys, monkeypatch):
    """run(*arguments) -> (exit code, stdout, stderr) of `yolact data …`."""
    return lambda *arguments: in_process(capsys, monkeypatch, "data", *arguments)


@pytest.fixture
def faulty(tmp_path):
    """A folder with a box without width, an area that is off and a picture that is gone."""
    objects = [rectangle(1, 5, 5, 20, 20), {**rectangle(1, 5, 5, 20, 20), "bbox": [5, 5, 0, 20]}]
    objects.append({**rectangle(1, 30, 5, 20, 20), "area": 5})
    folder = tmp_path / "faulty"
    write_folder(folder, {"a.png": (40, 60), "b.png": (40, 60)}, objects, splits=("train", "val"))
    (folder / "images" / "b.png").unlink()
    return folder


def test_check_passes_sound_data(shapes_data, run):
    code, out, err = run("check", shapes_data)
    assert (code, err) == (0, "") and "error" not in out and "warning" not in out
    contents = [json.loads((shapes_data / f"{split}.json").read_text("utf-8")) for split in ("train", "val")]
    count = sum(len(content["images"]) + len(content["annotations"]) for content in contents)
    assert out.splitlines()[0] == f"{count} images and annotations looked at"


def test_check_counts_and_shows_what_is_wrong_and_fails(faulty, run):
    code, out, err = run("check", faulty, "--examples", "1")
    assert (code, err) == (1, "")
    rows = {line[9:].rsplit("train:")[0].split("  ")[0]: line for line in out.splitlines()}
    for problem, severity, count in (
        ("missing image", "error", 2),
        ("empty box", "error", 2),
        ("area disagrees", "warning", 2),
    ):
        assert rows[problem].startswith(severity) and f"  {count}  " in rows[problem]
    assert "images/b.png: expected an image file. Received: none" in rows["missing image"]


def test_check_repairs_a_copy(faulty, tmp_path, run):
    before = (faulty / "train.json").read_bytes()
    code, out, _ = run("check", faulty, "--fix", tmp_path / "copy")
    assert code == 0 and f"repaired copy: {tmp_path / 'copy'}" in out
    assert "images dropped: 2" in out and "areas taken from the mask: 2" in out
    assert (faulty / "train.json").read_bytes() == before
    code, out, _ = run("check", tmp_path / "copy", "--decode")
    assert code == 0 and "error" not in out
    code, _, err = run("check", faulty, "--fix", tmp_path / "copy")
    assert code == 2 and "must go to a new folder" in err


def test_a_set_without_validation_is_told_what_makes_one_and_that_works(shapes_data, tmp_path, run):
    data, out = tmp_path / "data", tmp_path / "out"
    data.mkdir()
    (data / "result.json").write_bytes((shapes_data / "train.json").read_bytes())
    (data / "images").symlink_to(shapes_data / "images")
    code, table, _ = run("check", data)
    assert code == 0 and f"`yolact data split {data} OUT --val 0.2` makes one" in " ".join(table.split())
    code, table, err = run("split", data, out, "--val", "0.25", "--group-by", r"_(\d+)\d")
    assert (code, err) == (0, "")
    rows = [line.split() for line in table.splitlines()]
    # Of 24 images, which are three groups of ten, ten and four.
    assert rows[:2] == [["train", "val"], ["images", "20", "4"]] and rows[-1] == [str(out)]
    assert "kept together: 24 images in 3 groups" in table
    code, table, _ = run("check", out)
    assert code == 0 and "warning" not in table
    code, _, err = run("split", data, out)
    assert code == 2 and "The target must be a new or an empty folder" in err


def test_training_without_validation_names_what_makes_it(shapes_data, tmp_path, capsys, monkeypatch):
    (tmp_path / "train").mkdir()
    (tmp_path / "train" / "_annotations.coco.json").write_bytes((shapes_data / "train.json").read_bytes())
    for image in sorted((shapes_data / "images").iterdir()):
        (tmp_path / "train" / image.name).hardlink_to(image)
    arguments = ("train", "tiny_256", "--data", tmp_path, "--run", tmp_path / "run")
    code, _, err = in_process(capsys, monkeypatch, *arguments)
    command = f"`yolact data split {tmp_path} OUT --val 0.2`"
    assert code == 2 and err.splitlines()[-1].endswith(f"Received: train; {command} makes one")
    assert not (tmp_path / "run").exists()


def test_repairing_that_leaves_nothing_fails_and_writes_nothing(tmp_path, run):
    write_folder(
        tmp_path / "data", {"a.png": (40, 60)}, [{**rectangle(1, 5, 5, 9, 9), "segmentation": [[1]]}]
    )
    code, out, err = run("check", tmp_path / "data", "--fix", tmp_path / "copy")
    assert (code, err) == (1, "") and "no repaired copy: " in out
    assert "expected at least one annotation to keep. Received none" in " ".join(out.split())
    assert not (tmp_path / "copy").exists()


def test_ids_in_quotes_are_mended_and_nothing_is_dropped(tmp_path, run):
    objects = [rectangle("1", x, 5, 20, 20) for x in (5, 15, 25)]  # equal ones would become one
    content = write_folder(tmp_path / "data", {"a.png": (40, 60)}, objects)
    content["images"][0]["width"] = -1
    write_annotations(tmp_path / "data", content)
    code, out, _ = run("check", tmp_path / "data", "--fix", tmp_path / "copy")
    assert code == 0
    assert "number in another form, now plain: 3" in out and "image without a size, now plain: 1" in out
    copy = json.loads((tmp_path / "copy" / "train.json").read_text())
    assert [a["image_id"] for a in copy["annotations"]] == [1, 1, 1] and copy["images"][0]["width"] == 60


def test_stats_counts_classes_and_suggests_anchors(shapes_data, tmp_path, run):
    picture = tmp_path / "new" / "stats.png"
    small = ("--recipe", "tiny_256", "--set", "data.image_size=128")
    code, out, _ = run("stats", shapes_data, *small, "--output", picture)
    assert code == 0
    content = json.loads((shapes_data / "train.json").read_text())
    assert out.startswith(f"24 images, {len(content['annotations'])} objects, 0 crowds")
    for category in content["categories"]:
        count = sum(a["category_id"] == category["id"] for a in content["annotations"])
        assert any(line.split() == [category["name"], str(count)] for line in out.splitlines())
    assert "found by the recipe's anchors" in out
    (setting,) = (line for line in out.splitlines() if line.startswith("--set anchors.sizes="))
    again, out, _ = run("stats", shapes_data, *small, *setting.split(" ", 1))
    assert again == 0 and "by better ones" not in out
    with Image.open(picture) as image:
        assert image.size[0] > 1000


@pytest.mark.whole
def test_show_draws_examples(shapes_data, tmp_path, run):
    options = ("--recipe", "tiny_256", "--count", "3", "--set", "data.image_size=64")
    sheets = []
    for name in ("a.png", "b.jpg"):
        code, out, _ = run("show", shapes_data, "--output", tmp_path / name, *options, "--seed", "5")
        assert (code, out.strip()) == (0, str(tmp_path / name))
        with Image.open(tmp_path / name) as image:
            assert image.format == ("PNG" if name == "a.png" else "JPEG")
            sheets.append(np.asarray(image).astype(float))
    assert sheets[0].shape == (64, 3 * 64 + 2 * 6, 3)
    assert np.abs(sheets[0] - sheets[1]).mean() < 8  # but for JPEG's blur the same picture


def test_convert_says_what_is_lost(tmp_path, run):
    objects = [rectangle(1, 5, 5, 20, 20), rectangle(1, 30, 5, 20, 20, is_crowd=1)]
    write_folder(tmp_path / "coco", {"a.png": (40, 60)}, objects)
    code, out, err = run("convert", tmp_path / "coco", tmp_path / "yolo", "--from", "coco", "--to", "yolo")
    assert (code, err) == (0, "")
    assert "train: 1 images, 1 objects" in out
    assert any("crowd" in line and " 1 " in line for line in out.splitlines())
    code, out, _ = run("convert", tmp_path / "yolo", tmp_path / "back", "--from", "yolo")
    assert code == 0 and "count" not in out
    (annotation,) = json.loads((tmp_path / "back" / "train.json").read_text())["annotations"]
    np.testing.assert_allclose(annotation["bbox"], [5, 5, 20, 20], atol=0.01)


def test_convert_names_what_is_malformed_and_strict_refuses_it(tmp_path, run):
    objects = [rectangle(1, 5, 5, 20, 20), *({**rectangle(1, 5, 5, 9, 9), "segmentation": [[1, 2]]},) * 4]
    write_folder(tmp_path / "coco", {"a.png": (40, 60), "b.png": (40, 60)}, objects)
    (tmp_path / "coco" / "images" / "b.png").unlink()
    request = ("convert", tmp_path / "coco", tmp_path / "yolo", "--from", "coco", "--to", "yolo")
    code, out, err = run(*request, "--strict")
    assert code == 2 and "Received: 1 image, 4 objects malformed: " in err
    assert len(err.strip().splitlines()) == 1 and "and 2 more" in err and "b.png: no such image file" in err
    assert not (tmp_path / "yolo").exists()
    code, out, err = run(*request)
    assert (code, err) == (0, "") and "train: 1 images, 1 objects" in out
    text = " ".join(out.split())
    assert "left out as malformed: 1 image, 4 objects" in text
    assert "b.png: no such image file" in text and "annotation 2: expected polygons" in text


def test_accents_are_notes_of_a_check_that_passes(tmp_path, run):
    write_accent(tmp_path / "data", "a path of another Windows")
    code, out, err = run("check", tmp_path / "data")
    assert (code, err) == (0, "")
    rows = [re.split(" {2,}", line)[:2] for line in out.splitlines() if line.startswith("note")]
    assert rows == [["note", "file name with backslashes"], ["note", "file name of another machine"]]
    code, out, err = run("convert", tmp_path / "data", tmp_path / "yolo", "--from", "coco", "--to", "yolo")
    assert (code, err) == (0, "") and "plain form: 2 x file name with backslashes (first image 1: 'C:" in out


def test_boxes_are_what_convert_and_records_are_asked_for(tmp_path, run):
    objects = [rectangle(1, 5, 5, 20, 20), {**rectangle(1, 30, 5, 20, 20), "segmentation": []}]
    write_folder(tmp_path / "coco", {"a.png": (40, 60)}, objects)
    for boxes_as, count in (("rectangles", 2), ("drop", 1)):
        request = ("convert", tmp_path / "coco", tmp_path / boxes_as, "--from", "coco", "--to", "yolo")
        code, out, err = run(*request, "--boxes-as", boxes_as)
        assert (code, err) == (0, "") and f"train: 1 images, {count} objects" in out
        assert "boxes without a mask" in out
    code, _, err = run("records", tmp_path / "coco", tmp_path / "shards", "--boxes-as", "refuse")
    assert code == 2 and "expected a mask of each annotation" in err


@pytest.mark.parametrize(
    "arguments, message",
    [
        (("check", "nowhere"), "Data must be a folder"),
        (("stats", "nowhere"), "Data must be a folder"),
        (("show", "nowhere", "--output", "x.png"), "Data must be a folder"),
        (("convert", "nowhere", "y", "--from", "coco"), "The source must be a folder"),
        (("convert", ".", "y", "--from", "coc"), "--from must be one of coco, cvat"),
        (("check", ".", "--examples", "0"), "Invalid value for '--examples'"),
    ],
)
def test_a_wrong_request_is_one_line_and_leaves_nothing(arguments, message, tmp_path, monkeypatch, run):
    monkeypatch.chdir(tmp_path)
    code, _, err = run(*arguments)
    assert code == 2 and message in err and len(err.strip().splitlines()) == 1
    assert list(tmp_path.iterdir()) == []
