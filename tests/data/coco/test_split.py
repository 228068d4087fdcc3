"""COCO JSON: masks against pycocotools, and every way in which a data set is broken."""

import json
import logging
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from PIL import Image
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO

from tests.coco_folder import rectangle, write_annotations, write_folder
from yolact_tf.data.coco.segmentation import decode_counts
from yolact_tf.data.coco.split import load_coco

HEIGHT, WIDTH = 30, 40


def decode(runs, height, width):
    """Run lengths to the mask [H, W]."""
    return np.repeat(np.arange(len(runs)) % 2, runs).reshape(width, height).T


def random_mask(seed, height=37, width=53):
    """A mask of few or many runs, with or without its first pixel, sometimes empty or full."""
    rng = np.random.default_rng(seed)
    noise = rng.normal(size=(height, width))
    for _ in range(seed % 4 * 3):
        noise += np.roll(noise, 1, 0) + np.roll(noise, -1, 1)
    return np.asfortranarray(noise > rng.choice([-99, -1, 0, 1, 99]) * noise.std(), "uint8")


def rle_of(mask):
    """COCO's compressed RLE as JSON holds it."""
    rle = coco_mask.encode(np.asfortranarray(mask, "uint8"))
    return {"size": rle["size"], "counts": rle["counts"].decode()}


def load_one(folder, segmentation, **changes):
    """The record of one image with one object of that segmentation."""
    annotation = {**rectangle(1, 5, 5, 10, 10), "segmentation": segmentation, **changes}
    write_folder(folder, {"a.png": (HEIGHT, WIDTH)}, [annotation])
    (record,) = load_coco(folder, "train", "refuse").records
    return record


# Run lengths


def test_decode_counts_undoes_the_encoding_of_pycocotools():
    for seed in range(60):
        mask = random_mask(seed)
        for counts in (coco_mask.encode(mask)["counts"], rle_of(mask)["counts"]):  # bytes and text
            assert_array_equal(decode(decode_counts(counts), *mask.shape), mask)


def test_decode_counts_of_runs_that_take_several_characters():
    # Each run is coded relative to the one two before, so both signs and up to four characters occur.
    mask = np.zeros((700, 900), "uint8", order="F")
    mask[:, 200:500] = 1
    mask[::7, 600] = 1
    mask[690:, 700:702] = 1
    runs = decode_counts(coco_mask.encode(mask)["counts"])
    assert_array_equal(runs[:2], [200 * 700, 300 * 700])
    assert_array_equal(decode(runs, 700, 900), mask)


def test_decode_counts_worked_by_hand():
    # Six bits a character from "0" (48); 0x20 continues, 0x10 is the sign. "R" = 34 = 0x20 + 2 and
    # "1" = 1 give 2 + 32 = 34; the fourth run is 5 = 3 (the second run) + 2.
    assert_array_equal(decode_counts("R1342"), [34, 3, 4, 5])


def test_decode_counts_undoes_what_writes_any_run_lengths():
    for runs in (
        [34, 3, 4, 5],
        [2**58, 0, 2**58, 7, 1],
        decode_counts(rle_of(random_mask(3))["counts"]).tolist(),
    ):
        assert_array_equal(decode_counts(written(runs)), runs)


def test_no_counts_are_no_runs():
    assert decode_counts("").shape == (0,)


# Masks


def test_a_polygon_is_what_pycocotools_makes_of_it(tmp_path):
    polygon = [3.2, 4.1, 30.7, 8.0, 22.5, 27.9, 10.0, 20.0]
    record = load_one(tmp_path, [polygon])
    expected = coco_mask.decode(coco_mask.frPyObjects([polygon], HEIGHT, WIDTH))[..., 0]
    assert_array_equal(decode(record.runs[0], HEIGHT, WIDTH), expected)
    assert record.runs[0].dtype == np.int32


def test_several_polygons_are_one_object(tmp_path):
    apart, overlapping = [1, 1, 9, 1, 9, 9, 1, 9], [5, 5, 30, 5, 30, 20, 5, 20]
    record = load_one(tmp_path, [apart, overlapping])
    expected = coco_mask.decode(coco_mask.frPyObjects([apart, overlapping], HEIGHT, WIDTH)).max(2)
    assert len(record.runs) == 1
    assert_array_equal(decode(record.runs[0], HEIGHT, WIDTH), expected)


def test_a_rectangle_on_pixel_borders_covers_its_pixels(tmp_path):
    record = load_one(tmp_path, [[5, 6, 15, 6, 15, 9, 5, 9]])
    expected = np.zeros((HEIGHT, WIDTH))
    expected[6:9, 5:15] = 1
    assert_array_equal(decode(record.runs[0], HEIGHT, WIDTH), expected)


@pytest.mark.parametrize("is_crowd", [0, 1])
def test_compressed_and_uncompressed_rle_are_the_same(is_crowd, tmp_path):
    mask = random_mask(7, HEIGHT, WIDTH)
    compressed = rle_of(mask)
    plain = {"size": [HEIGHT, WIDTH], "counts": decode_counts(compressed["counts"]).tolist()}
    for name, segmentation in (("compressed", compressed), ("plain", plain)):
        record = load_one(tmp_path / name, segmentation, iscrowd=is_crowd)
        assert_array_equal(decode(record.runs[0], HEIGHT, WIDTH), mask)
        assert_array_equal(record.is_crowd, [bool(is_crowd)])


def test_a_mask_that_starts_with_its_first_pixel_keeps_the_empty_first_run(tmp_path):
    record = load_one(tmp_path, {"size": [HEIGHT, WIDTH], "counts": [0, 50, HEIGHT * WIDTH - 50]})
    assert_array_equal(record.runs[0], [0, 50, HEIGHT * WIDTH - 50])


def test_iscrowd_may_be_missing(tmp_path):
    annotation = rectangle(1, 5, 5, 10, 10)
    del annotation["iscrowd"], annotation["area"]
    write_folder(tmp_path, {"a.png": (HEIGHT, WIDTH)}, [annotation])
    assert_array_equal(load_coco(tmp_path, "train").records[0].is_crowd, [False])


@pytest.mark.parametrize("split", ["train", "val"])
def test_real_masks_are_those_of_pycocotools(shared_data, split, capsys):
    coco = COCO(shared_data / "coco100" / f"{split}.json")
    records = load_coco(shared_data / "coco100", split, "refuse").records
    crowds = compared = 0
    for record in records:
        annotations = coco.imgToAnns[record.image_id]
        assert len(annotations) == len(record.runs)
        for index, annotation in enumerate(annotations):
            if record.is_crowd[index] or index < 3:
                mask = coco.annToMask(annotation)
                assert_array_equal(decode(record.runs[index], record.height, record.width), mask)
                compared += 1
        crowds += record.is_crowd.sum()
    assert compared > 100 and crowds == sum(a["iscrowd"] for a in coco.anns.values()) > 0


# Records


def test_boxes_are_corners_relative_to_the_image(tmp_path):
    # x 10, y 6, w 20, h 12 in 40x30: 10/40, 6/30, 30/40, 18/30.
    write_folder(tmp_path, {"a.png": (HEIGHT, WIDTH)}, [rectangle(1, 10, 6, 20, 12)])
    (record,) = load_coco(tmp_path, "train").records
    assert_allclose(record.boxes, [[0.25, 0.2, 0.75, 0.6]], rtol=1e-6)
    assert (record.boxes.dtype, record.classes.dtype) == (np.float32, np.int32)
    assert (record.image_id, record.height, record.width) == (1, HEIGHT, WIDTH)


def test_an_image_without_objects_has_empty_arrays(tmp_path):
    write_folder(tmp_path, {"a.png": (HEIGHT, WIDTH)})
    (record,) = load_coco(tmp_path, "train", "refuse").records
    assert record.boxes.shape == (0, 4) and record.boxes.dtype == np.float32
    assert record.classes.shape == record.is_crowd.shape == (0,) and len(record.runs) == 0


def test_classes_are_ranks_of_category_ids_with_gaps_and_in_any_order(tmp_path):
    categories = [{"id": 90, "name": "z"}, {"id": 3, "name": "a"}, {"id": 17, "name": "m"}]
    annotations = [rectangle(1, 2, 2, 9, 9, category_id=c) for c in (17, 90, 3, 90)]
    write_folder(tmp_path, {"a.png": (HEIGHT, WIDTH)}, annotations, categories)
    data = load_coco(tmp_path, "train", "refuse")
    assert list(data.labels.items()) == [(3, "a"), (17, "m"), (90, "z")]
    assert_array_equal(data.records[0].classes, [1, 2, 0, 2])


def test_records_and_objects_keep_the_order_of_the_file(tmp_path):
    annotations = [rectangle(2, 1, 1, 5, 5), rectangle(1, 2, 2, 5, 5), rectangle(2, 3, 3, 5, 5)]
    write_folder(tmp_path, {"z.png": (HEIGHT, WIDTH), "a.png": (HEIGHT, WIDTH)}, annotations)
    records = load_coco(tmp_path, "train", "refuse").records
    assert [Path(r.path).name for r in records] == ["z.png", "a.png"]
    assert_allclose(records[0].boxes[:, 0] * WIDTH, [2], rtol=1e-6)
    assert_allclose(records[1].boxes[:, 0] * WIDTH, [1, 3], rtol=1e-6)


def test_unicode_and_nested_file_names(tmp_path):
    names = ["Käfer 木.png", "2024/märz/a b.png"]
    write_folder(tmp_path / "ordner ü", dict.fromkeys(names, (HEIGHT, WIDTH)))
    records = load_coco(tmp_path / "ordner ü", "train", "refuse").records
    assert [Path(r.path) for r in records] == [tmp_path / "ordner ü" / "images" / n for n in names]


def test_an_image_that_lies_on_its_side_is_annotated_upright(tmp_path):
    content = write_folder(tmp_path, {"a.jpg": (WIDTH, HEIGHT)}, [rectangle(1, 5, 5, 10, 10)])
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (HEIGHT, WIDTH)).save(tmp_path / "images" / "a.jpg", exif=exif)
    content["images"][0].update(height=HEIGHT, width=WIDTH)
    write_annotations(tmp_path, content)
    assert load_coco(tmp_path, "train", "refuse").records[0].width == WIDTH


# A folder that is no data set


@pytest.mark.parametrize(
    "text, message",
    [
        ("", "expected COCO JSON. Received: Expecting value"),
        ("{'images': []}", "expected COCO JSON. Received: Expecting property name"),
        ("\udcff", "expected COCO JSON. Received: 'utf-8' codec"),
        pytest.param("[" * 100_000, "expected COCO JSON. Received: maximum recursion depth", id="depth"),
        pytest.param("9" * 5000, "expected COCO JSON. Received: Exceeds the limit", id="digits"),
        ("[]", "expected COCO JSON with a list `images`. Received: list"),
        ("{}", "expected COCO JSON with a list `images`. Received: keys []"),
        ('{"images": [], "categories": []}', "list `annotations`. Received: keys ['categories', 'images']"),
        ('{"images": [], "annotations": []}', "expected COCO JSON with a list `categories`"),
        ('{"images": {}, "annotations": [], "categories": []}', "expected COCO JSON with a list `images`"),
        ('{"images": [{"id": 1}]}', "expected `file_name` in every entry of `images`"),
        ('{"images": [7]}', "expected `id` in every entry of `images`. Received: 7"),
        ('{"images": [], "annotations": [{"image_id": 1}]}', "expected `category_id` in every entry"),
        ('{"images": [], "annotations": [], "categories": [{"id": 1}]}', "expected `name` in every entry"),
    ],
)
@pytest.mark.parametrize("on_error", ["skip", "refuse"])
def test_what_is_not_coco_json_is_always_refused(text, message, on_error, tmp_path):
    (tmp_path / "images").mkdir()
    (tmp_path / "train.json").write_text(text, encoding="utf-8", errors="surrogateescape")
    with pytest.raises(ValueError) as caught:
        load_coco(tmp_path, "train", on_error)
    assert str(caught.value).startswith(f"{tmp_path / 'train.json'}: ") and message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "change, message",
    [
        ({"image_id": 99}, "annotation 1: expected the id of one of 1 images as `image_id`. Received: 99"),
        (
            {"category_id": 4},
            "annotation 1: expected one of the category ids [1] as `category_id`. Received: 4",
        ),
    ],
)
@pytest.mark.parametrize("on_error", ["skip", "refuse"])
def test_an_annotation_of_nothing_is_always_refused(change, message, on_error, tmp_path):
    write_folder(tmp_path, {"a.png": (HEIGHT, WIDTH)}, [{**rectangle(1, 5, 5, 10, 10), **change}])
    with pytest.raises(ValueError) as caught:
        load_coco(tmp_path, "train", on_error)
    assert str(caught.value) == f"{tmp_path / 'train.json'}: {message}"


def test_no_images_at_all_are_refused(tmp_path):
    (tmp_path / "images").mkdir()
    write_annotations(tmp_path, {"images": [], "annotations": [], "categories": []})
    with pytest.raises(ValueError, match="expected at least one readable image. Received none"):
        load_coco(tmp_path, "train")


# One annotation that is broken


def size(*numbers, counts):
    return {"segmentation": {"size": list(numbers), "counts": counts}}


def written(runs):
    """COCO's compressed text of any run lengths: those of an encoder have to fit into an image."""
    text = ""
    for number, run in enumerate(runs):
        rest, more = run - (runs[number - 2] if number > 2 else 0), True
        while more:
            code, rest = rest & 0x1F, rest >> 5
            more = rest != (-1 if code & 0x10 else 0)
            text += chr(48 + code + (0x20 if more else 0))
    return text


BROKEN_ANNOTATIONS = {
    "two points": ({"segmentation": [[1, 1, 9, 9]]}, "at least three points (x, y). Received: 4 numbers"),
    "an odd number": ({"segmentation": [[1, 1, 9, 9, 5, 2, 3]]}, "three points (x, y). Received: 7 numbers"),
    "a NaN corner": ({"segmentation": [[1, 1, 9, float("nan"), 5, 2]]}, "NaN or no number"),
    "a text corner": ({"segmentation": [[1, 1, 9, "x", 5, 2]]}, "NaN or no number"),
    "a corner on the moon": (
        {"segmentation": [[0, 0, 1e9, 0, 1e9, 1e9]]},
        "up to 100000. Received: one beyond",
    ),
    "no polygon": ({"segmentation": [None]}, "expected at least one polygon. Received: [None]"),
    "RLE without counts": ({"segmentation": {"size": [30, 40]}}, "expected polygons or RLE"),
    "RLE of another size": (size(40, 30, counts=[1200]), "RLE of size [30, 40]. Received: [40, 30]"),
    "RLE that is too short": (size(30, 40, counts=[1000]), "that sum to 1200. Received: 1000"),
    "a negative run": (size(30, 40, counts=[1100, -100, 200]), "that sum to 1200. Received: one of -100"),
    "half a run": (size(30, 40, counts=[600.5, 599.5]), "expected RLE counts of whole numbers up to 1200"),
    "cut RLE text": (
        size(30, 40, counts=rle_of(random_mask(7, 30, 40))["counts"][:-4]),
        "expected run lengths",
    ),
    "RLE text with half a number": (size(30, 40, counts="PPP"), "whole numbers. Received: 'PPP' at the end"),
    "RLE text of half a character": (
        size(30, 40, counts="\ud800" + rle_of(random_mask(7, 30, 40))["counts"]),
        "characters that are not of RLE",
    ),
    "RLE text of other characters": (size(30, 40, counts="Ü\n"), "characters that are not of RLE"),
    "RLE text of a vast number": (size(30, 40, counts="P" * 13 + "1"), "more than 12 characters"),
    "runs that sum to 1200 beyond 64 bits": (
        size(30, 40, counts=written([2**58] * 64 + [1200])),
        f"run lengths that sum to 1200. Received: one of {2**58}",
    ),
    "RLE text of nothing": (size(30, 40, counts=""), "that sum to 1200. Received: 0"),
    "RLE of no text": (size(30, 40, counts=5), ""),
    "RLE of no numbers": (size(30, 40, counts=[None, 5]), ""),
    "RLE of vast numbers": (size(30, 40, counts=[2**70]), ""),
    "no width": ({"bbox": [5, 5, 0, 10]}, "positive width and height. Received: [5, 5, 0, 10]"),
    "a negative height": ({"bbox": [5, 5, 10, -1]}, "positive width and height"),
    "three numbers": ({"bbox": [5, 5, 10]}, "four finite numbers as `bbox`. Received: [5, 5, 10]"),
    "a NaN box": ({"bbox": [5, 5, float("nan"), 10]}, "four finite numbers as `bbox`"),
    "a text box": ({"bbox": ["five", 5, 10, 10]}, "four finite numbers as `bbox`"),
    "a box of true": ({"bbox": [True, 5, 10, 10]}, "four finite numbers as `bbox`"),
    "a box to the end of float64": ({"bbox": [5, 5, 1e308, 1e308]}, "`bbox` coordinates up to 100000"),
    "a box of a vast whole number": ({"bbox": [5, 5, 10**30, 10]}, "four finite numbers as `bbox`"),
    "a box beside the image": ({"bbox": [45, 5, 10, 10]}, "a `bbox` inside 40x30 pixels. Received: [45"),
    "a crowd flag of words": ({"iscrowd": "no"}, "expected 0 or 1 as `iscrowd`. Received: 'no'"),
    "a crowd flag of 2": ({"iscrowd": 2}, "expected 0 or 1 as `iscrowd`. Received: 2"),
    "a crowd flag of a list": ({"iscrowd": [0]}, "expected 0 or 1 as `iscrowd`. Received: [0]"),
    "a box in words": ({"bbox": "none"}, "four finite numbers as `bbox`. Received: 'none'"),
}


@pytest.mark.parametrize("name", BROKEN_ANNOTATIONS)
def test_a_broken_annotation_is_left_out_alone_or_refused(name, tmp_path, caplog):
    change, message = BROKEN_ANNOTATIONS[name]
    good = [rectangle(1, 1, 1, 8, 8), rectangle(1, 20, 20, 8, 8), rectangle(2, 3, 3, 8, 8)]
    broken = {**rectangle(1, 5, 5, 10, 10), **change, "id": 77}
    pictures = {"a.png": (HEIGHT, WIDTH), "b.png": (HEIGHT, WIDTH)}
    write_folder(tmp_path, pictures, [good[0], broken, *good[1:]])
    line = f"{tmp_path / 'images' / 'a.png'}: annotation 77: "

    with caplog.at_level(logging.WARNING):
        data = load_coco(tmp_path, "train", "skip")
    assert [len(record.runs) for record in data.records] == [2, 1]
    assert_allclose(data.records[0].boxes[:, 0] * WIDTH, [1, 20], rtol=1e-6)
    (logged,) = [record.getMessage() for record in caplog.records]
    assert logged.startswith(f"left out: {line}") and message in logged

    with pytest.raises(ValueError) as caught:
        load_coco(tmp_path, "train", "refuse")
    assert str(caught.value).startswith(line) and message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "part, message",
    [
        ([1, 1, 9, 9], "at least three points (x, y). Received: 4 numbers (1 of 2 polygons)"),
        ([1, 1, 9, float("nan"), 5, 2], "NaN or no number (1 of 2 polygons)"),
        (None, "expected a polygon as a list of numbers. Received: None (1 of 2 polygons)"),
    ],
)
def test_a_broken_polygon_is_left_out_of_its_object_or_refused(part, message, tmp_path, caplog):
    whole = rectangle(1, 5, 6, 10, 10)
    expected = load_one(tmp_path / "sound", whole["segmentation"])
    spoilt = [whole["segmentation"][0], part]
    write_folder(tmp_path, {"a.png": (HEIGHT, WIDTH)}, [{**whole, "segmentation": spoilt}])
    (record,) = load_coco(tmp_path, "train", "skip").records
    assert_array_equal(record.runs[0], expected.runs[0])
    (logged,) = [record.getMessage() for record in caplog.records]
    assert (
        logged.startswith(f"left out: {tmp_path / 'images' / 'a.png'}: annotation 1: ") and message in logged
    )
    with pytest.raises(ValueError) as caught:
        load_coco(tmp_path, "train", "refuse")
    assert message in str(caught.value)


# Numbers in other forms


@pytest.mark.parametrize(
    "value, is_crowd",
    [(0, 0), (1, 1), (None, 0), ("0", 0), ("1", 1), (0.0, 0), (1.0, 1), (False, 0), (True, 1)],
)
def test_the_flag_of_crowds_in_every_form(value, is_crowd, tmp_path, caplog):
    write_folder(tmp_path, {"a.png": (HEIGHT, WIDTH)}, [{**rectangle(1, 5, 5, 10, 10), "iscrowd": value}])
    assert_array_equal(load_coco(tmp_path, "train", "refuse").records[0].is_crowd, [bool(is_crowd)])
    accent = (
        "1 x annotation without `iscrowd` (annotation 1)"
        if value is None
        else f"1 x number in another form (annotation 1: `iscrowd` {value!r} read as {is_crowd})"
    )
    line = f"{tmp_path / 'train.json'}: not in plain form: {accent}"
    assert caplog.messages == ([] if type(value) is int else [line])


def test_ids_and_sizes_in_quotes_or_with_a_decimal_point_are_the_same_numbers(tmp_path, caplog):
    pictures = {"a.png": (HEIGHT, WIDTH), "b.png": (HEIGHT, WIDTH)}
    content = write_folder(tmp_path, pictures, [rectangle(1, 5, 5, 9, 9), rectangle(2, 1, 1, 8, 8)])
    plain = load_coco(tmp_path, "train", "refuse")
    content["images"][0].update(id="1", width=40.0)
    content["images"][1].update(height="30")
    content["annotations"][0].update(image_id=1.0, category_id="1")
    content["annotations"][1].update(image_id="2")
    content["categories"][0]["id"] = 1.0
    write_annotations(tmp_path, content)
    data = load_coco(tmp_path, "train", "refuse")
    assert data.labels == plain.labels == {1: "thing"}
    for record, expected in zip(data.records, plain.records, strict=True):
        assert (record.image_id, record.height, record.width) == (expected.image_id, HEIGHT, WIDTH)
        assert_array_equal(record.xywh, expected.xywh)
        assert_array_equal(record.classes, expected.classes)
    (told,) = [record.getMessage() for record in caplog.records]
    assert told.endswith("7 x number in another form (first category 1: `id` 1.0 read as 1)")


@pytest.mark.parametrize("value", ["a", "007", "1e3", "1.0", " 1", "٣", "9" * 20])
def test_other_text_is_an_image_id_as_it_stands(value, tmp_path, caplog):
    content = write_folder(tmp_path, {"a.png": (HEIGHT, WIDTH)}, [rectangle(value, 5, 5, 9, 9)])
    content["images"][0]["id"] = value
    write_annotations(tmp_path, content)
    (record,) = load_coco(tmp_path, "train", "refuse").records
    assert record.image_id == value and len(record.runs) == 1
    assert [m.partition("plain form: ")[2] for m in caplog.messages] == [
        f"1 x id that is text (image {value!r})"
    ]


@pytest.mark.parametrize(
    "change, message",
    [
        ({"id": [1]}, "image [1]: expected a whole number from 0, or text, as `id`. Received: [1]"),
        (
            {"id": 2**63},
            f"image {2**63}: expected a whole number from 0, or text, as `id`. Received: {2**63}",
        ),
        ({"id": "\ud800"}, r"expected a whole number from 0, or text, as `id`. Received: '\ud800'"),
        ({"id": 1.5}, "image 1.5: expected a whole number from 0, or text, as `id`. Received: 1.5"),
        ({"width": -2}, "image 1: expected a whole number from 1 as `width`. Received: -2"),
        ({"height": "tall"}, "image 1: expected a whole number from 1 as `height`. Received: 'tall'"),
        ({"file_name": None}, "image 1: expected text as `file_name`. Received: None"),
        ({"file_name": ["a.png"]}, "image 1: expected text as `file_name`. Received: ['a.png']"),
        ({"file_name": "a\0.png"}, r"expected text as `file_name`. Received: 'a\x00.png'"),
        ({"file_name": "\ud800"}, r"expected text as `file_name`. Received: '\ud800'"),
    ],
)
def test_an_entry_that_names_no_image_is_left_out_or_refused(change, message, tmp_path, caplog):
    pictures = {"a.png": (HEIGHT, WIDTH), "b.png": (HEIGHT, WIDTH)}
    content = write_folder(tmp_path, pictures, [rectangle(2, 5, 5, 9, 9)])
    content["images"][0].update(change)
    write_annotations(tmp_path, content)
    assert [record.image_id for record in load_coco(tmp_path, "train", "skip").records] == [2]
    (told,) = [record.getMessage() for record in caplog.records]
    assert told.startswith("left out: ") and message in told
    with pytest.raises(ValueError) as caught:
        load_coco(tmp_path, "train", "refuse")
    assert str(caught.value) == told.removeprefix("left out: ")


def test_an_image_entered_twice_is_loaded_once_and_two_of_one_id_not_at_all(tmp_path, caplog):
    pictures = dict.fromkeys(("a.png", "b.png", "c.png"), (HEIGHT, WIDTH))
    content = write_folder(tmp_path, pictures, [rectangle(1, 5, 5, 9, 9), rectangle(3, 5, 5, 9, 9)])
    content["images"].append(dict(content["images"][0]))
    content["images"][1]["id"] = 3
    write_annotations(tmp_path, content)
    data = load_coco(tmp_path, "train", "skip")
    assert [record.image_id for record in data.records] == [1] and data.num_left_out == 3
    for told, key in zip(caplog.messages, (1, 3), strict=True):
        assert told.endswith(f"image {key}: expected ids to be unique. Received: {key} 2 times")


def test_a_file_may_begin_with_a_byte_order_mark(tmp_path):
    write_folder(tmp_path, {"a.png": (HEIGHT, WIDTH)}, [rectangle(1, 5, 5, 9, 9)])
    file = tmp_path / "train.json"
    file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes())
    (record,) = load_coco(tmp_path, "train", "refuse").records
    assert len(record.runs) == 1


# Names of classes


def test_a_name_may_be_a_number_and_two_classes_may_share_one(tmp_path):
    categories = [{"id": 3, "name": 7}, {"id": 1, "name": "crane"}, {"id": 2, "name": "crane"}]
    write_folder(tmp_path, {"a.png": (HEIGHT, WIDTH)}, categories=categories)
    assert load_coco(tmp_path, "train", "refuse").labels == {1: "crane", 2: "crane", 3: "7"}


@pytest.mark.parametrize(
    "categories, message",
    [
        ([{"id": 1, "name": None}], "expected text as `name` of category 1. Received: None"),
        ([{"id": 1, "name": ["a"]}], "expected text as `name` of category 1. Received: ['a']"),
        ([{"id": "one", "name": "a"}], "expected whole numbers as ids of `categories`. Received: 'one'"),
        ([{"id": [1], "name": "a"}], "expected whole numbers as ids of `categories`. Received: [1]"),
        ([{"id": 1, "name": "\ud800"}], r"expected text as `name` of category 1. Received: '\ud800'"),
        (
            [{"id": 10**400, "name": "a"}],
            f"expected whole numbers as ids of `categories`. Received: {10**79}",
        ),
        (
            [{"id": 2**31, "name": "a"}],
            "expected ids of `categories` up to 2147483647. Received: 2147483648",
        ),
        (
            [{"id": 1, "name": "a"}, {"id": "1", "name": "b"}],
            "expected one name for category 1. Received: 'a' and 'b'",
        ),
    ],
)
def test_categories_that_name_nothing_are_refused(categories, message, tmp_path):
    write_folder(tmp_path, {"a.png": (HEIGHT, WIDTH)}, categories=categories)
    with pytest.raises(ValueError) as caught:
        load_coco(tmp_path, "train")
    assert str(caught.value) == f"{tmp_path / 'train.json'}: {message}"


# One image that is broken


def cut(path):
    path.write_bytes(path.read_bytes()[:-100])


def flip_a_byte(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0xFF
    path.write_bytes(data)


BROKEN_IMAGES = {
    "missing": ("b.png", Path.unlink, "no such image file"),
    "empty": ("b.png", lambda path: path.write_bytes(b""), "Received 0 bytes"),
    "text": ("b.png", lambda path: path.write_text("hello"), "expected an image"),
    "a cut JPEG": ("b.jpg", cut, "expected a whole JPEG"),
    "a corrupt PNG": ("b.png", flip_a_byte, "expected a whole image"),
    "a folder": ("b.png", lambda path: (path.unlink(), path.mkdir()), "Is a directory"),
    "of another size": (
        "b.png",
        lambda path: Image.new("RGB", (HEIGHT, WIDTH)).save(path),
        "expected 40x30 pixels. Received: 30x40",
    ),
}


@pytest.mark.parametrize("name", BROKEN_IMAGES)
def test_a_broken_image_is_left_out_alone_or_refused(name, tmp_path, caplog):
    file_name, damage, message = BROKEN_IMAGES[name]
    noise = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3)).astype("uint8")
    pictures = {"a.png": (HEIGHT, WIDTH), file_name: noise, "c.png": (HEIGHT, WIDTH)}
    write_folder(tmp_path, pictures, [rectangle(i, 5, 5, 10, 10) for i in (1, 2, 3)])
    damage(tmp_path / "images" / file_name)

    with caplog.at_level(logging.WARNING):
        data = load_coco(tmp_path, "train", "skip")
    assert [Path(record.path).name for record in data.records] == ["a.png", "c.png"]
    (logged,) = [record.getMessage() for record in caplog.records]
    assert logged.startswith("left out: ") and message in logged
    assert str(tmp_path / "images" / file_name) in logged

    with pytest.raises(ValueError) as caught:
        load_coco(tmp_path, "train", "refuse")
    assert str(caught.value) == logged.removeprefix("left out: ")
    assert "\n" not in str(caught.value)


def test_a_data_set_of_broken_images_is_refused_though_each_may_be_skipped(tmp_path, caplog):
    write_folder(tmp_path, {"a.png": (HEIGHT, WIDTH), "b.png": (HEIGHT, WIDTH)})
    for path in (tmp_path / "images").iterdir():
        path.write_bytes(b"")
    with pytest.raises(ValueError) as caught:
        load_coco(tmp_path, "train", "skip")
    assert str(caught.value) == (
        f"{tmp_path / 'train.json'}: expected at least one readable image. Received none"
    )
    assert len(caplog.records) == 2


def test_many_problems_are_counted_not_listed(tmp_path, caplog):
    content = write_folder(tmp_path, {"a.png": (HEIGHT, WIDTH)})
    content["images"] += [{**content["images"][0], "id": i, "file_name": f"{i}.png"} for i in range(2, 16)]
    write_annotations(tmp_path, content)
    with pytest.raises(ValueError, match=r"2\.png: no such image file \(and 13 more\)$"):
        load_coco(tmp_path, "train", "refuse")
    load_coco(tmp_path, "train", "skip")
    assert len(caplog.records) == 11
    assert caplog.records[-1].getMessage() == f"left out: 4 more of {tmp_path / 'train.json'}"


def test_a_sound_data_set_logs_nothing(tmp_path, caplog):
    write_folder(tmp_path, {"a.png": (HEIGHT, WIDTH)}, [rectangle(1, 5, 5, 10, 10)])
    load_coco(tmp_path, "train")
    assert not caplog.records


def test_real_data_sets_are_sound(shared_data):
    for name in ("coco100", "animals4", "fruitnuts3"):
        for split in ("train", "val"):
            data = load_coco(shared_data / name, split, "refuse")
            content = json.loads((shared_data / name / f"{split}.json").read_text())
            assert len(data.records) == len(content["images"])
            assert sum(len(r.runs) for r in data.records) == len(content["annotations"])
            assert list(data.labels) == sorted(data.labels)


def test_alpha_is_told_once_a_file(tmp_path, caplog):
    """RGBA, gray with alpha and a transparent colour of a palette are; what has none says nothing."""
    write_folder(tmp_path, {f"{n}.png": (HEIGHT, WIDTH) for n in "abcd"}, [rectangle(1, 2, 2, 9, 9)])
    for name, mode in (("b", "RGBA"), ("c", "LA"), ("d", "P")):
        more = {"transparency": 0} if mode == "P" else {}
        Image.new("RGB", (WIDTH, HEIGHT)).convert(mode).save(tmp_path / "images" / f"{name}.png", **more)
    load_coco(tmp_path, "train", "refuse")
    assert caplog.messages == [
        f"{tmp_path}/train.json: 3 images, b.png first, have an alpha channel, which is dropped"
    ]
