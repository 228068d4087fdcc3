"""Converting pictures that TensorFlow does not decode."""

import json

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from PIL import Image

from tests.coco_folder import rectangle, write_folder
from tests.data.convert.made import kinds
from yolact_tf.data.coco.split import load_coco
from yolact_tf.data.convert import convert
from yolact_tf.data.inspect.check import check
from yolact_tf.data.inspect.repair import repair
from yolact_tf.images.decoding import read_image

HEIGHT, WIDTH = 20, 30
DEEP = np.linspace(0, 4095, HEIGHT * WIDTH).reshape(HEIGHT, WIDTH).astype("uint16")


@pytest.fixture
def folder(tmp_path):
    """A set of a JPEG, a 12-bit TIFF of two pages, a PPM and a BMP of two colours, each with an object."""
    folder = tmp_path / "set"
    names = ["a.jpg", "a.tif", "b.ppm", "c.bmp"]
    write_folder(
        folder, dict.fromkeys(names, (HEIGHT, WIDTH)), [rectangle(i, 3, 4, 9, 8) for i in (1, 2, 3, 4)]
    )
    pages = [Image.fromarray(DEEP), Image.fromarray(DEEP)]
    pages[0].save(folder / "images" / "a.tif", save_all=True, append_images=pages[1:])
    Image.fromarray(DEEP > 2000).save(folder / "images" / "c.bmp")
    return folder


def test_training_stops_and_names_the_command_that_mends_it(folder):
    for on_error in ("skip", "refuse"):
        with pytest.raises(ValueError) as caught:
            load_coco(folder, "train", on_error)
        assert str(caught.value) == (
            f"{folder}/train.json: expected images of JPEG, MPO, PNG, WEBP, GIF, BMP; `yolact data check "
            "DATA --fix NEW` writes others as PNG. Received: 3 others, the first "
            f"{folder}/images/a.tif (TIFF I;16)"
        )


def test_the_fixed_copy_trains_on_what_detection_sees(folder, tmp_path):
    assert [p.kind for p in check(folder)].count("other image format") == 3
    assert repair(folder, tmp_path / "fixed") == {"images written as PNG": 3}
    records = load_coco(tmp_path / "fixed", "train", "refuse").records
    assert [record.path.rpartition("/")[2] for record in records] == ["a.jpg", "a.png", "b.png", "c.png"]
    for record, name in zip(records, ("a.jpg", "a.tif", "b.ppm", "c.bmp"), strict=True):
        assert_array_equal(record.read_image(), read_image(folder / "images" / name))
    assert_array_equal(records[1].read_image()[..., 0], DEEP >> 4)
    assert not [p for p in check(tmp_path / "fixed") if p.severity == "error"]


@pytest.mark.parametrize("to_format", ["coco", "yolo", "cvat"])
def test_a_conversion_writes_png_and_counts_what_that_loses(folder, to_format, tmp_path):
    (folder / "images" / "a.jpg").rename(folder / "images" / "z.jpg")  # formats of a file an image want that
    content = json.loads((folder / "train.json").read_text())
    content["images"][0]["file_name"] = "z.jpg"
    (folder / "train.json").write_text(json.dumps(content))
    report = convert(folder, tmp_path / "out", "coco", to_format)
    losses = kinds(report.losses)
    assert losses["image files as they were, now PNG of 8 bits"] == 3
    assert losses["pages or frames but the first"] == 1
    (png,) = (tmp_path / "out").rglob("a.png")
    assert_array_equal(read_image(png)[..., 0], DEEP >> 4)
    back = convert(tmp_path / "out", tmp_path / "back", to_format, "coco")
    assert back.images == {"train": 4} and back.objects == {"train": 4}
    assert len(load_coco(tmp_path / "back", "train", "refuse").records) == 4
