"""What is seen of data before a recipe is chosen."""

import numpy as np
import pytest
from PIL import Image

from tests.coco_folder import rectangle, write_folder
from yolact_tf.choose.data_look import look_at
from yolact_tf.data.load import load_data

CATEGORIES = [{"id": 1, "name": "a"}, {"id": 2, "name": "b"}]


def folder_of(tmp_path, objects, num_images=2):
    write_folder(tmp_path, {f"{number}.png": (50, 100) for number in range(num_images)}, objects, CATEGORIES)
    return tmp_path


def test_numbers_by_hand(tmp_path):
    objects = [rectangle(1, 0, 0, 20, 10), rectangle(1, 50, 20, 10, 10), rectangle(2, 0, 0, 100, 50)]
    objects.append(rectangle(2, 0, 0, 9, 9, is_crowd=1))
    found = look_at(load_data(folder_of(tmp_path, objects), "train"))
    assert (found.num_images, found.num_classes, found.most_objects, len(found.boxes)) == (2, 2, 2, 3)
    # Of 100x50 pixels: sides sqrt(.2 * .2), sqrt(.1 * .2) and 1; the quantile .2 is .4 of the way between
    # the first two.
    assert found.small_side == pytest.approx(0.6 * 0.02**0.5 + 0.4 * 0.2, rel=1e-4)
    assert found.summary.startswith(
        "2 images, 2 classes, at most 2 objects an image, a fifth of all below 16.5 %"
    )


def test_without_objects_nothing_is_small(tmp_path):
    found = look_at(load_data(folder_of(tmp_path, []), "train"))
    assert (found.small_side, found.most_objects, found.boxes.shape) == (1.0, 0, (0, 4))
    assert "below" not in found.summary


def test_one_image_and_one_class_are_singular(tmp_path):
    write_folder(tmp_path, {"a.png": (50, 100)}, [rectangle(1, 0, 0, 20, 10)], CATEGORIES[:1])
    assert look_at(load_data(tmp_path, "train")).summary.startswith(
        "1 image, 1 class, at most 1 object an image"
    )


@pytest.mark.parametrize(
    ("mode", "is_grey"), [("grey", True), ("grey_jpeg", True), ("tinted", False), ("photograph", False)]
)
def test_grey_is_told_by_the_pixels(mode, is_grey, tmp_path):
    folder = folder_of(tmp_path, [rectangle(1, 0, 0, 20, 10), rectangle(2, 0, 0, 20, 10)])
    noise = np.random.default_rng(0).integers(0, 256, (50, 100), np.uint8)
    pixels = {
        "grey": noise,
        "grey_jpeg": np.repeat(noise[..., None], 3, 2),
        "tinted": noise[..., None] // [1, 2, 1],
        "photograph": np.random.default_rng(1).integers(0, 256, (50, 100, 3), np.uint8),
    }[mode]
    for path in folder.rglob("*.png"):
        image = Image.fromarray(pixels.astype(np.uint8))
        image.save(path, format="JPEG" if mode == "grey_jpeg" else "PNG")
    assert look_at(load_data(folder, "train")).is_grey == is_grey


def test_drawn_shapes_and_their_shards_look_the_same(shapes_data, shapes_shards):
    ours, theirs = (look_at(load_data(folder, "train")) for folder in (shapes_data, shapes_shards))
    assert ours.summary == theirs.summary
    assert ours.summary.startswith("24 images, 6 classes, at most 4 objects") and not ours.is_grey


@pytest.mark.parametrize("name", ["fruitnuts3", "animals4", "coco100"])
def test_photographs_are_in_colour(name, shared_data):
    assert not look_at(load_data(shared_data / name, "train")).is_grey
