"""Contact sheets: what the pipeline makes, laid out, the same for the same seed."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from tests.coco_folder import rectangle, write_folder
from yolact_tf.data.coco.split import load_coco
from yolact_tf.data.inspect.contact_sheet import contact_sheet, draw_example
from yolact_tf.recipes import load_config

CONFIG = load_config("tiny_256", ["data.image_size=64", "anchors.sizes=8,16,32,48,64", "model.num_classes=6"])
PLAIN = replace(
    CONFIG, data=replace(CONFIG.data, mirror=False, photometric=False, expand=1.0, sample_crop=False)
)
ROW = 4 * 64 + 3 * 6  # pixels of four pictures and the gaps between them


@pytest.mark.parametrize(
    "count, shape",
    [
        (3, (64, 3 * 64 + 2 * 6)),
        (5, (2 * 64 + 6, 3 * 64 + 2 * 6)),
        (8, (2 * 64 + 6, ROW)),
    ],
)
def test_pictures_come_in_rows(count, shape, shapes_data):
    sheet = contact_sheet(CONFIG, shapes_data, count)
    assert sheet.shape == (*shape, 3) and sheet.dtype == np.uint8
    if count == 5:  # the gap and the place that is left are white
        assert (sheet[70:, 140:] == 255).all() and (sheet[64:70] == 255).all()
        assert (sheet[70:, 70:134] != 255).any()


@pytest.mark.whole
def test_seeds_choose_the_views(shapes_data):
    data = load_coco(shapes_data, "train")
    first = contact_sheet(CONFIG, data, 2, seed=1)
    assert_array_equal(first, contact_sheet(CONFIG, shapes_data, 2, seed=1))
    assert (first != contact_sheet(CONFIG, data, 2, seed=2)).any()


@pytest.mark.whole
def test_neither_batch_size_nor_cache_matters(shapes_data):
    other = replace(
        CONFIG,
        data=replace(CONFIG.data, cache="none"),
        train=replace(CONFIG.train, batch_size=1, images_per_epoch=3),
    )
    assert_array_equal(contact_sheet(CONFIG, shapes_data, 2), contact_sheet(other, shapes_data, 2))


@pytest.mark.whole
def test_few_images_come_again_in_other_views(tmp_path):
    picture = np.random.default_rng(0).integers(0, 256, (64, 64, 3)).astype("uint8")
    write_folder(tmp_path, {"a.png": picture}, [rectangle(1, 8, 8, 40, 40)])
    sheet = contact_sheet(CONFIG, tmp_path, 3)
    assert (sheet[:, :64] != sheet[:, 70:134]).any()


def test_an_object_has_a_mask_a_box_and_a_name(tmp_path):
    write_folder(tmp_path, {"a.png": (64, 64)}, [rectangle(1, 16, 24, 32, 32)])
    sheet = contact_sheet(PLAIN, tmp_path, 1)
    # Grey 90 outside; the mask's colour is laid over it inside; the box lies around; the name above.
    assert_array_equal(sheet[60, 60], [90, 90, 90])
    assert (sheet[28:52, 20:44] == sheet[40, 32]).all() and sheet[40, 32].tolist() != [90, 90, 90]
    assert (sheet[24, 16:48] == sheet[24, 16]).all() and sheet[24, 16].tolist() != sheet[40, 32].tolist()
    assert (sheet[12:22, 16:40] != 90).any()


def test_crowds_are_named_as_such():
    truth = {
        "boxes": np.array([[0.1, 0.4, 0.9, 0.9]], "float32"),
        "classes": np.array([0]),
        "masks": np.zeros((1, 16, 16), "uint8"),
        "is_crowd": np.array([False]),
        "num_objects": 1,
    }
    image = np.zeros((96, 96, 3), "float32")
    alone = draw_example(image, truth, ["sheep"])
    crowd = draw_example(image, truth | {"is_crowd": np.array([True])}, ["sheep"])
    assert (crowd[:38].any(2)).sum() > 1.5 * (alone[:38].any(2)).sum()


@pytest.mark.whole
def test_an_image_without_objects_is_shown_bare(tmp_path):
    write_folder(tmp_path, {"a.png": (64, 64)})
    config = replace(PLAIN, data=replace(PLAIN.data, empty_images=True))
    assert (contact_sheet(config, tmp_path, 2)[:, :64] == 90).all()


@pytest.mark.parametrize("count", [0, -3])
def test_no_pictures_are_refused(count, tmp_path):
    with pytest.raises(ValueError, match=f"`count` must be at least 1. Received: {count}"):
        contact_sheet(CONFIG, tmp_path, count)
