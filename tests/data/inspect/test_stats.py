"""Statistics of a data set: counted by hand, the same in any order, and drawn."""

import random
from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from PIL import Image

from tests.coco_folder import rectangle, write_folder
from yolact_tf.config import AnchorConfig, Config, DataConfig
from yolact_tf.data.coco.split import load_coco
from yolact_tf.data.inspect.stats import statistics
from yolact_tf.data.inspect.stats_picture import draw_statistics
from yolact_tf.recipes import load_config

HEIGHT, WIDTH = 50, 100
CONFIG = replace(Config(), data=DataConfig(image_size=200), anchors=AnchorConfig(sizes=(10, 20, 40, 80, 160)))


@pytest.fixture
def data(tmp_path):
    """Three images of 50x100 pixels: three objects and a crowd, one object, none."""
    categories = [{"id": 7, "name": "b"}, {"id": 2, "name": "a"}, {"id": 9, "name": "c"}]
    objects = [
        rectangle(1, 10, 10, 20, 20, category_id=2),
        rectangle(1, 40, 10, 8, 4, category_id=7),
        rectangle(1, 0, 0, 100, 50, category_id=2),
        rectangle(1, 60, 5, 30, 40, category_id=2, is_crowd=1),
        rectangle(2, 10, 10, 5, 5, category_id=2),
    ]
    write_folder(tmp_path, dict.fromkeys(("a.png", "b.png", "c.png"), (HEIGHT, WIDTH)), objects, categories)
    return tmp_path


def test_numbers_by_hand(data):
    found = statistics(data, CONFIG)
    assert (found.image_size, found.num_images, found.num_objects, found.num_crowds) == (200, 3, 4, 1)
    assert found.class_counts == {"a": 3, "b": 1, "c": 0} and list(found.class_counts) == ["a", "b", "c"]
    assert_array_equal(found.objects_per_image, [3, 1, 0])
    # Stretched to 200x200 a pixel becomes 2 wide and 4 high: 40x80, 16x16, 200x200 and 10x20.
    assert_allclose(found.sides, np.sqrt([40 * 80, 16 * 16, 200 * 200, 10 * 20]), rtol=1e-5)
    assert_allclose(found.aspects, [0.5, 1, 1, 0.5], rtol=1e-5)
    assert found.size_shares == {"small": 0.5, "medium": 0.25, "large": 0.25}
    assert found.anchors.sizes == CONFIG.anchors.sizes
    assert found.better_anchors.recall["all"] >= found.anchors.recall["all"]


def test_anchors_are_those_of_the_config(data):
    # P6 has 4x4 cells of 50 px. Its anchor of 160 px round (75, 75) shares 155x155 with the 200x200 box:
    # IoU 24025 / (40000 + 25600 - 24025) = 0.578. Round (100, 100), on P7 of 2x2 cells, there is none.
    for sizes, recall in (((1, 1, 1, 160, 1), 1), ((1, 1, 1, 1, 160), 0)):
        config = replace(CONFIG, anchors=AnchorConfig(sizes=sizes, ratios=(1.0,)))
        expected = {"all": recall / 4, "small": 0, "medium": 0, "large": recall}
        assert statistics(data, config).anchors.recall == expected


def test_loaded_data_and_folders_are_the_same(data):
    folder, loaded = statistics(str(data), CONFIG), statistics(load_coco(data, "train"), CONFIG)
    assert_array_equal(folder.sides, loaded.sides)
    with pytest.raises(FileNotFoundError):
        statistics(data, CONFIG, "val")


def test_the_order_of_images_does_not_matter(shapes_data):
    loaded, config = load_coco(shapes_data, "train"), load_config("tiny_256")
    shuffled = replace(loaded, records=tuple(random.Random(0).sample(loaded.records, len(loaded.records))))
    before, after = statistics(loaded, config), statistics(shuffled, config)
    for name in ("sides", "aspects", "objects_per_image"):
        assert_array_equal(np.sort(getattr(before, name)), np.sort(getattr(after, name)))
    for name in ("class_counts", "size_shares", "anchors", "better_anchors", "num_crowds"):
        assert getattr(before, name) == getattr(after, name)


def test_classes_of_one_name_are_told_apart_by_their_ids(tmp_path):
    categories = [{"id": 1, "name": "a"}, {"id": 2, "name": "a"}]
    objects = [rectangle(1, 5, 5, 9, 9, category_id=c) for c in (1, 2, 2)]
    write_folder(tmp_path, {"a.png": (HEIGHT, WIDTH)}, objects, categories)
    assert statistics(tmp_path, CONFIG).class_counts == {"a (1)": 1, "a (2)": 2}


def test_a_data_set_without_objects(tmp_path):
    write_folder(tmp_path, {"a.png": (HEIGHT, WIDTH)})
    found = statistics(tmp_path, CONFIG)
    assert (found.num_objects, found.class_counts) == (0, {"thing": 0})
    assert set(found.size_shares.values()) == set(found.anchors.recall.values()) == {-1.0}
    assert found.better_anchors == found.anchors
    draw_statistics(found, tmp_path / "stats.png")
    assert (tmp_path / "stats.png").stat().st_size > 10_000


def test_real_data_sets(shared_data):
    found = statistics(shared_data / "coco100", load_config("resnet50_550"))
    assert (found.num_images, found.num_objects, found.num_crowds) == (47, 518, 6)
    assert len(found.class_counts) == 80 and found.class_counts["person"] == 116
    assert sum(found.class_counts.values()) == found.objects_per_image.sum() == 518
    assert_allclose(found.anchors.recall["all"], 0.566, atol=1e-3)
    assert found.better_anchors.recall["all"] > found.anchors.recall["all"]


def test_the_picture_is_a_png_of_six_charts(data, tmp_path):
    before = sorted(tmp_path.iterdir())
    draw_statistics(statistics(data, CONFIG), tmp_path / "stats.png")
    with Image.open(tmp_path / "stats.png") as image:
        assert (image.format, image.size) == ("PNG", (1650, 935))
        picture = np.asarray(image.convert("RGB"))
    for rows in np.array_split(picture, 2, axis=0):
        for chart in np.array_split(rows, 3, axis=1):
            assert (chart != 255).any(2).mean() > 0.02
    assert sorted(tmp_path.iterdir()) == sorted([*before, tmp_path / "stats.png"])
