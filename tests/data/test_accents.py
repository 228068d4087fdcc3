"""Annotations in other tools' accents mean what they mean to whoever reads them, and are told of once."""

import codecs
import json

import pytest
from numpy.testing import assert_array_equal

from tests.coco_folder import rectangle, write_annotations, write_folder
from tests.data.accents import ACCENTS, HEIGHT, WIDTH, write_accent, write_plain
from tests.data.convert.made import assert_same_objects
from yolact_tf.data.coco.split import load_coco
from yolact_tf.data.convert.coco import read_coco
from yolact_tf.data.inspect.check import check
from yolact_tf.data.inspect.repair import repair


def problems_of(folder):
    """What a check finds beside that there is one split alone."""
    return [problem for problem in check(folder) if problem.kind != "no validation split"]


def assert_same_records(received, expected):
    for record, other in zip(received, expected, strict=True):
        assert record.path.partition("/images/")[2] == other.path.partition("/images/")[2]
        assert (record.height, record.width) == (other.height, other.width)
        for field in ("boxes", "classes", "is_crowd", "areas", "xywh"):
            assert_array_equal(getattr(record, field), getattr(other, field))
        for runs, other_runs in zip(record.runs, other.runs, strict=True):
            assert_array_equal(runs, other_runs)


@pytest.mark.parametrize("name", ACCENTS)
def test_an_accent_is_the_same_to_all_that_read_it_and_is_told_in_one_line(name, tmp_path, caplog):
    write_plain(tmp_path / "plain")
    plain = load_coco(tmp_path / "plain", "train", "refuse")
    assert not caplog.messages
    folder = tmp_path / "accent"
    kinds = write_accent(folder, name)

    assert_same_records(load_coco(folder, "train", "refuse").records, plain.records)
    assert len(caplog.messages) == bool(kinds)
    for message in caplog.messages:
        head, told = message.split(": not in plain form: ")
        assert head == str(folder / "train.json") and "\n" not in told
        parts = [part.partition(" (")[0] for part in told.split("; ")]
        assert parts == [f"{count} x {kind}" for kind, count in kinds.items()]

    found = problems_of(folder)
    assert {problem.kind: problem.count for problem in found} == kinds
    assert {problem.severity for problem in found} <= {"note"}

    done = repair(folder, tmp_path / "copy")
    assert {k: v for k, v in done.items() if k.endswith(", now plain")} == {
        f"{kind}, now plain": count for kind, count in kinds.items()
    }
    assert problems_of(tmp_path / "copy") == []
    assert_same_records(load_coco(tmp_path / "copy", "train", "refuse").records, plain.records)

    data_set = read_coco(folder)
    assert_same_objects(data_set, read_coco(tmp_path / "plain"))
    assert {kind: counted.count for kind, counted in data_set.losses.accents.items()} == kinds


@pytest.mark.parametrize(
    ("mark", "encoding"),
    [
        (codecs.BOM_UTF8, "utf-8"),
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
        (codecs.BOM_UTF32_LE, "utf-32-le"),
    ],
)
def test_a_file_may_begin_with_a_byte_order_mark(mark, encoding, tmp_path):
    write_plain(tmp_path)
    file = tmp_path / "train.json"
    file.write_bytes(mark + file.read_text().encode(encoding))
    assert len(load_coco(tmp_path, "train", "refuse").records) == 2
    (found,) = problems_of(tmp_path)
    assert (found.kind, found.severity) == ("byte order mark", "note") and encoding.upper().startswith(
        found.message.removeprefix("of ")
    )
    repair(tmp_path, tmp_path / "copy")
    assert (
        problems_of(tmp_path / "copy") == [] and (tmp_path / "copy" / "train.json").read_bytes()[:1] == b"{"
    )


def test_a_repaired_copy_has_ids_that_are_numbers(tmp_path):
    write_accent(tmp_path / "data", "ids that are text")
    assert [r.image_id for r in load_coco(tmp_path / "data", "train").records] == ["image-1", "image-2"]
    repair(tmp_path / "data", tmp_path / "copy")
    content = json.loads((tmp_path / "copy" / "train.json").read_text())
    assert [image["id"] for image in content["images"]] == [1, 2]
    assert [(a["id"], a["image_id"]) for a in content["annotations"]] == [(1, 1), (2, 2), (3, 2)]


# Names that mean too much or too little


def load_named(folder, names, files):
    """(messages, [path below images/]) of a folder with `files` and image entries of `names`."""
    content = write_folder(folder, dict.fromkeys(files, (HEIGHT, WIDTH)), [rectangle(1, 1, 1, 9, 9)])
    size = {"height": HEIGHT, "width": WIDTH}
    content["images"] = [{"id": k, "file_name": name, **size} for k, name in enumerate(names, 1)]
    write_annotations(folder, content)
    return [record.path.partition("/images/")[2] for record in load_coco(folder, "train").records]


@pytest.mark.parametrize(
    ("name", "files", "reading"),
    [
        ("b.png", ("x/b.png", "y/b.png"), "'b.png' may mean 'x/b.png' or 'y/b.png'"),
        ("B.png", ("b.png", "b.PNG"), "'B.png' may mean 'b.PNG' or 'b.png'"),
        ("/other/b.PNG", ("b.png", "B.png"), "'/other/b.PNG' may mean 'B.png' or 'b.png'"),
    ],
)
def test_a_name_of_two_readings_is_refused_and_both_are_named(name, files, reading, tmp_path, caplog):
    assert load_named(tmp_path, ["a.png", name], ["a.png", *files]) == ["a.png"]
    told, left_out = caplog.messages
    assert f"1 x ambiguous file name (image 2: {reading})" in told
    assert left_out.endswith("no such image file")
    found = [problem for problem in problems_of(tmp_path) if problem.severity == "error"]
    assert {problem.kind for problem in found} == {"ambiguous file name", "missing image"}


def test_two_names_of_one_file_are_both_refused(tmp_path, caplog):
    assert load_named(tmp_path, ["a.png", "m/b.png", "n/b.png"], ["a.png", "b.png"]) == ["a.png"]
    line = "2 x ambiguous file name (first image 2: 'm/b.png' may mean 'b.png', and so may another entry)"
    assert line in caplog.messages[0]


@pytest.mark.parametrize(
    ("name", "files"),
    [
        ("x/b.png", ("b.png", "x/c.png")),  # x/ is there, and its b.png is not
        ("x/b.png", ("y/b.png",)),
        ("c.png", ("b.png",)),
        ("b.jpg", ("b.png",)),
    ],
)
def test_a_file_that_is_missing_is_no_other_of_its_name(name, files, tmp_path, caplog):
    assert load_named(tmp_path, ["a.png", name], ["a.png", *files]) == ["a.png"]
    (told,) = caplog.messages
    assert told == f"left out: {tmp_path / 'images' / name}: no such image file"


def test_a_name_that_is_there_with_its_backslash_stays(tmp_path, caplog):
    assert load_named(tmp_path, ["a\\b.png"], ["a\\b.png", "b.png"]) == ["a\\b.png"] and not caplog.messages


def test_an_absolute_name_inside_the_data_folder_is_one_below_it(tmp_path):
    inside = str(tmp_path / "images" / "x" / "b.png")
    assert load_named(tmp_path, [inside], ["x/b.png"]) == ["x/b.png"]
    assert read_coco(tmp_path).splits["train"][0].name in ("x/b.png", "images/x/b.png")


def test_an_image_without_a_size_whose_file_is_gone_is_left_out(tmp_path, caplog):
    content = write_folder(tmp_path, {"a.png": (HEIGHT, WIDTH)})
    content["images"].append({"id": 2, "file_name": "gone.png"})
    write_annotations(tmp_path, content)
    assert len(load_coco(tmp_path, "train").records) == 1
    assert "image 2: expected a whole number from 1 as `width`. Received: None" in caplog.messages[0]


def test_ids_that_write_one_number_in_two_ways_are_not_mixed_up(tmp_path):
    content = write_folder(tmp_path, dict.fromkeys(("a.png", "b.png"), (HEIGHT, WIDTH)))
    content["images"][0]["id"], content["images"][1]["id"] = "01", "001"
    content["annotations"] = [{**rectangle("0001", 1, 1, 9, 9), "id": 1}]
    write_annotations(tmp_path, content)
    with pytest.raises(
        ValueError, match="expected the id of one of 2 images as `image_id`. Received: '0001'"
    ):
        load_coco(tmp_path, "train")
