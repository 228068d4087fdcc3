"""Annotations that are not held in memory are those of the file."""

import contextlib
import json

import pytest

from tests.coco_folder import rectangle, write_annotations
from tests.data.accents import ACCENTS, write_accent, write_plain
from yolact_tf.data.coco.annotations import Annotations, read_content
from yolact_tf.data.coco.plain_form import is_in_plain_form, plain_annotations, plain_images, read_annotations
from yolact_tf.data.tally import Tally


@pytest.fixture
def read():
    """Reads an annotation file, which stays open as long as the test runs."""
    with contextlib.ExitStack() as opened:
        yield lambda file: read_content(opened.enter_context(open(file, "rb")), file, is_in_plain_form)


@pytest.mark.parametrize("name", ACCENTS)
def test_pieces_in_plain_form_are_the_whole_in_plain_form(name, tmp_path, read):
    write_accent(tmp_path, name)
    file, folder = tmp_path / "train.json", tmp_path / "images"
    whole, expected = read_annotations(file, folder)
    content, accents = read(file), Tally()
    plain_images(content, file, folder, accents)
    plain_annotations(content["images"], content["annotations"], folder, accents)
    assert list(content["annotations"]) == whole["annotations"]
    assert list(accents.items()) == list(expected.items())
    for image, of_whole in zip(content["images"], whole["images"], strict=True):
        assert image == {field: of_whole[field] for field in image}


def test_annotations_in_plain_form_are_not_kept(tmp_path, read):
    content = write_plain(tmp_path)
    content["annotations"][1]["area"] = "81"
    write_annotations(tmp_path, content)
    annotations = read(tmp_path / "train.json")["annotations"]
    assert list(annotations.kept) == [1] and list(annotations) == content["annotations"]
    annotations[0]["area"] = annotations[1]["area"] = 0
    assert [annotation["area"] for annotation in annotations] == [content["annotations"][0]["area"], 0, 40]


def test_annotations_go_to_their_images_in_the_order_of_the_file(tmp_path, read):
    content = write_plain(tmp_path)
    content["annotations"] = [rectangle(i, 1, 1, 5, 5) for i in (2, 1, 2, "1", 2.0)]
    for number, annotation in enumerate(content["annotations"]):
        annotation["id"] = number
    write_annotations(tmp_path, content)
    annotations = read(tmp_path / "train.json")["annotations"]
    by_image = annotations.by_image([1, "x", 2, 5], [1], "train.json")
    assert {key: numbers.tolist() for key, numbers in by_image.items()} == {
        1: [1, 3],
        "x": [],
        2: [0, 2, 4],
        5: [],
    }


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("image_id", 9, "annotation 2: expected the id of one of 2 images as `image_id`. Received: 9"),
        ("image_id", "x", "annotation 2: expected the id of one of 2 images as `image_id`. Received: 'x'"),
        ("category_id", 3, "annotation 2: expected one of the category ids"),
        ("category_id", None, "annotation 2: expected one of the category ids"),
    ],
)
def test_the_first_annotation_of_nothing_known_is_named(field, value, message, tmp_path, read):
    content = write_plain(tmp_path)
    for annotation in content["annotations"][1:]:
        annotation[field] = value
    write_annotations(tmp_path, content)
    annotations = read(tmp_path / "train.json")["annotations"]
    with pytest.raises(ValueError, match=message):
        annotations.by_image([1, 2], [1], "train.json")


def test_there_may_be_no_annotations_and_no_images():
    assert Annotations().by_image([], [1], "") == {}
    assert [n.tolist() for n in Annotations().by_image([4], [], "").values()] == [[]]


def test_lists_in_any_order_and_the_last_of_two_count(tmp_path, read):
    content = write_plain(tmp_path)
    text = json.dumps({key: content[key] for key in ("annotations", "categories", "images")})
    file = tmp_path / "train.json"
    file.write_text(f'{{"annotations": [{{"image_id": 1, "category_id": 1}}], {text[1:]}')
    assert list(read(file)["annotations"]) == content["annotations"]
    file.write_text(f'{text[:-1]}, "annotations": []}}')
    assert list(read(file)["annotations"]) == []
