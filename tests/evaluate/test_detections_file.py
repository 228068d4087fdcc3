import json
from types import SimpleNamespace

import numpy as np
import pytest
from pycocotools import mask as coco_mask

from tests.coco_folder import rectangle, write_folder
from tests.evaluate.scenes import CAT, DOG, record_of, rectangle_rle, result, split_of
from yolact_tf.data.coco.turning import turn_annotation, turn_record
from yolact_tf.data.load import load_data
from yolact_tf.evaluate.detections_file import read_results

BOX = (10, 20, 30, 40)
ROW = result(7, CAT, BOX, 0.5)


@pytest.fixture
def data():
    paths = {7: "data/images/a.png", 8: "data/images/night/b.png", 9: "data/images/day/b.png"}
    return split_of([record_of(image_id, [(CAT, *BOX)], path=path) for image_id, path in paths.items()])


@pytest.fixture
def read(data, tmp_path):
    """Reads results that are written to a file first."""

    def of(content):
        file = tmp_path / "detections.json"
        file.write_text(content if isinstance(content, str) else json.dumps(content))
        return read_results(file, data)

    return of


def test_results_are_read_as_they_were_written(read):
    rows = [ROW, {**result(8, DOG, BOX, 1), "mask_score": 0.25}]
    assert read(rows) == rows
    assert read([]) == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"image_id": 10}, "expected `image_id` to be that of one of the 3 images of scenes. Received: 10"),
        (
            {"image_id": None},
            "expected `image_id` to be that of one of the 3 images of scenes. Received: None",
        ),
        ({"image_id": [7]}, r"3 images of scenes. Received: \[7\]"),
        (
            {"file_name": "c.png"},
            "`file_name` to be that of one of the 3 images of scenes. Received: 'c",
        ),
        ({"file_name": "b.png"}, "expected `file_name` to tell images apart. Received: 'b.png'"),
        ({"category_id": 4}, r"expected `category_id` to be one of \[3, 5, 8\]. Received: 4"),
        ({"category_id": True}, "Received: True"),
        ({"score": None}, "expected `score` to be a number. Received: {'score': None}"),
        ({"score": float("nan")}, "expected `score` to be a number. Received: {'score': nan}"),
        ({"mask_score": "1"}, "expected `score` to be a number. Received: {'score': 0.5, 'mask_score': '1'}"),
        ({"bbox": [1, 2, 3]}, r"expected `bbox` to be \[x, y, width, height\] in pixels up to 100000. Rec"),
        ({"bbox": [1, 2, -3, 4]}, r"Received: \[1, 2, -3, 4\]"),
        ({"segmentation": rectangle_rle(BOX, 101)}, r"expected RLE of size \[100, 100\]. Received: \[101,"),
        ({"segmentation": {"size": [100, 100], "counts": "3"}}, "run lengths that sum to 10000. Received: 3"),
        ({"segmentation": None}, "expected polygons or RLE as `segmentation`. Received: None"),
    ],
)
def test_a_row_that_does_not_fit_is_named_in_one_line(change, message, read, tmp_path):
    with pytest.raises(ValueError, match=message) as caught:
        read([ROW, {**ROW, **change}, {}])
    assert str(caught.value).startswith(f"{tmp_path / 'detections.json'}: row 2 of 3: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{not json", "expected a JSON list of COCO results. Received: "),
        ({"annotations": []}, "expected a JSON list of COCO results. Received: dict"),
        ([5], "row 1 of 1: expected an object. Received: 5"),
        ([{}], "row 1 of 1: expected `image_id` to be that of one of the 3"),
        ([{"image_id": 7, "category_id": 3}], "expected `score` to be a number. Received: None"),
        (
            [{"image_id": 7, "category_id": 3, "score": 1}],
            "expected `bbox` or `segmentation`. Rec",
        ),
    ],
)
def test_what_is_no_list_of_results_is_refused(content, message, read):
    with pytest.raises(ValueError, match=message):
        read(content)


def test_a_file_that_is_not_there_is_named(data, tmp_path):
    with pytest.raises(FileNotFoundError, match="none.json: expected a JSON list .* Received: no such file"):
        read_results(tmp_path / "none.json", data)


def test_a_file_name_tells_the_image_as_detect_writes_it(read):
    names = {"a.png": 7, "night/b.png": 8, "images/day/b.png": 9, "/elsewhere/a.png": 7}
    found = read([{**ROW, "image_id": 1, "file_name": name} for name in names])
    assert [row["image_id"] for row in found] == list(names.values())
    assert "file_name" not in found[0]


def test_masks_come_in_any_form_of_coco(read):
    x, y, w, h = BOX
    runs = coco_mask.decode(ROW["segmentation"]).T.ravel()
    edges = np.flatnonzero(np.diff(runs, prepend=0, append=0))
    counts = np.diff(edges, prepend=0, append=100 * 100).tolist()
    forms = [[[x, y, x + w, y, x + w, y + h, x, y + h]], {"size": [100, 100], "counts": counts}]
    assert read([{**ROW, "segmentation": form} for form in forms]) == [ROW, ROW]
    without_box = {key: value for key, value in ROW.items() if key != "bbox"}
    assert read([without_box]) == [ROW]


def test_a_box_without_a_mask_is_filled_and_told(read, caplog):
    without = {key: value for key, value in ROW.items() if key != "segmentation"}
    assert read([ROW, without, without]) == [ROW] * 3
    (line,) = caplog.messages
    assert line.endswith("detections.json: 2 of 3 rows have no mask; their boxes are filled")


def test_results_may_be_of_the_image_as_stored_or_upright(tmp_path):
    write_folder(tmp_path, {"a.png": (30, 40)}, [rectangle(1, 5, 6, 20, 10)], splits=("val",))
    (record,) = load_data(tmp_path, "val").records
    upright = turn_record(record, 6)
    data = SimpleNamespace(records=[upright], labels={1: "thing"}, origin="turned")
    rle = coco_mask.encode(np.asfortranarray(np.eye(30, 40, dtype=np.uint8)))
    stored = {
        "image_id": 1,
        "category_id": 1,
        "score": 0.5,
        "bbox": [0, 0, 30, 30],
        "segmentation": {"size": [30, 40], "counts": rle["counts"].decode()},
    }
    file = tmp_path / "detections.json"
    for row in (stored, turn_annotation(stored, (40, 30), 6)):
        file.write_text(json.dumps([row]))
        assert read_results(file, data) == [stored]
