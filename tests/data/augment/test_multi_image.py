"""Mosaic and copy-paste on scenes of flat colours: what is in the picture is in the truth."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf
from numpy.testing import assert_allclose, assert_array_equal

from tests.coco_folder import rectangle, write_annotations, write_folder
from tests.reference import first_alone
from yolact_tf.boxes import encode
from yolact_tf.config import Config, DataConfig, ModelConfig, TrainConfig
from yolact_tf.data.augment.multi_image import cover_up
from yolact_tf.data.pipeline import build_dataset
from yolact_tf.preprocess import RGB_MEAN

SIZE, CELL = 128, 4
MASK = SIZE // CELL
COLORS = np.array([[250, 20, 20], [20, 250, 20], [20, 20, 250], [240, 240, 20], [20, 240, 240]], "float32")
PLAIN = DataConfig(
    image_size=SIZE, max_objects=20, mirror=False, photometric=False, expand=1.0, sample_crop=False
)


@pytest.fixture(scope="module")
def scenes(tmp_path_factory):
    """Five grey images, each of its own grey, each with two rectangles in the colour of its class."""
    folder = tmp_path_factory.mktemp("scenes")
    pictures, annotations = {}, []
    for i, color in enumerate(COLORS):
        image = np.full((150, 200, 3), 60 + 15 * i, "uint8")
        for x, y, width, height in ((20 + 8 * i, 10, 70, 60), (110, 70 + 4 * i, 60, 50)):
            image[y : y + height, x : x + width] = color
            annotations.append(rectangle(i + 1, x, y, width, height, category_id=i + 1))
        pictures[f"{i}.png"] = image
    categories = [{"id": i, "name": str(i)} for i in range(1, 6)]
    write_folder(folder, pictures, annotations, categories)
    return folder


def examples(folder, count=24, **settings):
    config = Config(
        model=ModelConfig(num_classes=5),
        data=replace(PLAIN, **settings),
        train=TrainConfig(batch_size=8, images_per_epoch=count),
    )
    for images, truth in build_dataset(config, folder, "train"):
        for number, image in enumerate(images.numpy()):
            some = int(truth["num_objects"][number])
            yield (
                image,
                {name: values[number][:some].numpy() for name, values in truth.items() if values.ndim > 1},
            )


def cells_of(image, color):
    """[MASK, MASK]: how much of each sample of the mask has the colour."""
    is_color = (np.abs(image - color) < 2).all(-1)
    return is_color.reshape(MASK, CELL, MASK, CELL).mean((1, 3))


JOINED = {
    "all": {"mosaic": 0.5, "copy_paste": 0.5, "scale_jitter": (0.7, 1.5), "flip": True},
    "mosaic": {"mosaic": 1.0},
    "mosaic of views": {"mosaic": 1.0, "sample_crop": True, "mirror": True, "expand": 1.5},
    "pasted": {"copy_paste": 1.0},
    "pasted views": {"copy_paste": 1.0, "scale_jitter": (0.5, 1.5), "mirror": True, "rotate": True},
}


@pytest.fixture(scope="module", params=first_alone(JOINED))
def seen(request, scenes):
    return list(examples(scenes, boxes="refitted", **JOINED[request.param]))


@pytest.mark.whole
def test_where_a_mask_is_there_is_its_colour_and_nothing_covers_it(seen):
    compared = wrong = 0
    for image, truth in seen:
        for mask, label in zip(truth["masks"].astype(bool), truth["classes"], strict=True):
            share = cells_of(image, COLORS[label])
            inner = (
                mask & np.roll(mask, 1, 0) & np.roll(mask, -1, 0) & np.roll(mask, 1, 1) & np.roll(mask, -1, 1)
            )
            compared += inner.sum()
            wrong += (share[inner] < 1).sum()
    # What is left: slivers thinner than a sample, which cover pixels and no sample.
    assert compared > 2000 and wrong < 0.003 * compared


def test_no_two_masks_overlap_and_each_has_its_box(seen):
    for _, truth in seen:
        assert truth["masks"].sum(0).max() <= 1  # the rectangles of a scene do not overlap
        for mask, box in zip(truth["masks"], truth["boxes"], strict=True):
            rows, columns = np.nonzero(mask)
            if len(rows):
                tight = np.array([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]) / MASK
                assert_allclose(box, tight, atol=1.01 / MASK)


@pytest.fixture(scope="module")
def mosaics(scenes):
    return list(examples(scenes, mosaic=1.0))


@pytest.mark.whole
def test_a_mosaic_shows_four_images_about_a_point_of_the_middle(mosaics):
    num_greys = []
    for image, truth in mosaics:
        corners = image[[0, 0, -1, -1], [0, -1, 0, -1]]
        num_greys.append(len(np.unique(corners.round(), axis=0)))
        assert len(truth["boxes"]) <= 8
        assert not (np.abs(image - np.float32(RGB_MEAN)).max(-1) < 0.01).any()
        if (corners[0] == corners[1]).all() or (corners[0] == corners[2]).all():
            continue
        # Along the upper and the left border one grey follows the other, somewhere in the middle half.
        for line, (first, second) in ((image[0], corners[[0, 1]]), (image[:, 0], corners[[0, 2]])):
            ends = np.flatnonzero((np.abs(line - first) < 0.5).all(-1))[-1]
            begins = np.flatnonzero((np.abs(line - second) < 0.5).all(-1))[0]
            assert ends < begins and ends < 3 * SIZE / 4 and begins >= SIZE / 4
    # Partners are the images that follow in the order: others, but where one pass ends and the next begins.
    assert max(num_greys) == 4 and np.mean(num_greys) > 3


def test_a_mosaic_keeps_proportions(mosaics):
    # Rectangles of 70x60 and 60x50 in images of 200x150, squeezed to squares: .35 to .4, .3 to .333.
    ratios = []
    for _, truth in mosaics:
        x1, y1, x2, y2 = truth["boxes"].T
        is_whole = (x2 - x1 > 0.1) & (truth["boxes"].min(1) > 0.01) & (truth["boxes"].max(1) < 0.99)
        ratios += list(((x2 - x1) / (y2 - y1))[is_whole])
    ratios = np.array(ratios)
    assert (np.minimum(abs(ratios - 0.35 / 0.4), abs(ratios - 0.3 / (50 / 150))) < 0.02).mean() > 0.4


@pytest.mark.whole
def test_pasted_objects_come_on_top_and_never_are_crowds(scenes, tmp_path):
    pairs = 0
    for _, truth in examples(scenes, copy_paste=1.0):
        own, others = truth["classes"][0], truth["classes"][truth["classes"] != truth["classes"][0]]
        pairs += len(others) > 0
        assert len(truth["boxes"]) <= 4 and (truth["classes"] == own).sum() <= 2
    assert pairs > 10
    crowds = [rectangle(i, 20, 20, 60, 60, is_crowd=1) for i in (1, 2)]
    grey = {f"{i}.png": np.full((150, 200, 3), 60 + 90 * i, "uint8") for i in range(2)}
    write_folder(tmp_path, grey, crowds)
    for image, truth in examples(tmp_path, 8, copy_paste=1.0, empty_images=True):
        assert_array_equal(truth["is_crowd"], [True])
        assert np.ptp(image) < 0.01


def test_a_fully_covered_object_is_dropped_and_a_half_covered_one_shrinks():
    masks = np.zeros((3, 8, 8), "uint8")
    masks[0, 2:4, 2:4], masks[1, 0:8, 0:4], masks[2, 6:8, 6:8] = 1, 1, 1
    boxes = np.float32([[0.25, 0.25, 0.5, 0.5], [0.01, 0.0, 0.49, 1.0], [0.74, 0.76, 1, 1]])
    cover = np.zeros((8, 8), "uint8")
    cover[0:5, 0:6] = 1
    truth = {"boxes": tf.constant(boxes), "masks": tf.constant(masks), "classes": tf.constant([7, 8, 9])}
    left = cover_up(truth, tf.constant(cover))
    assert_array_equal(left["classes"], [8, 9])
    # The second keeps rows 5..7: its upper side moves to 5/8, the others stay as exact as they were.
    assert_allclose(left["boxes"], [[0.01, 0.625, 0.49, 1.0], [0.74, 0.76, 1, 1]])
    assert left["masks"].numpy().sum() == 3 * 4 + 4


def test_an_object_too_small_for_a_mask_is_dropped_where_its_middle_is_covered():
    boxes = np.float32([[0.25, 0.5, 0.26, 0.51], [0.5, 0.25, 0.51, 0.26], [1, 1, 1, 1]])
    cover = np.zeros((8, 8), "uint8")
    cover[4, 2] = 1  # row, column
    truth = {"boxes": boxes, "masks": np.zeros((3, 8, 8), "uint8"), "classes": np.array([7, 8, 9])}
    assert_array_equal(cover_up(truth, cover)["classes"], [8])  # the last has no extent


@pytest.mark.whole
def test_only_what_fills_a_pixel_is_pasted(scenes):
    pasted = 0
    for image, truth in examples(scenes, 40, copy_paste=1.0, scale_jitter=(0.02, 0.05), min_box_side=0.0):
        assert len(truth["classes"]) >= 2  # of its own image, whether or not they fill a pixel
        for label in set(truth["classes"]) - {truth["classes"][0]}:
            pasted += 1
            assert (np.abs(image - COLORS[label]).max(-1) < 2).any()
    assert 0 < pasted < 40


@pytest.mark.whole
def test_more_objects_than_slots_keep_the_largest(scenes, mosaics):
    assert max(len(every["boxes"]) for _, every in mosaics) > 3
    few = examples(scenes, mosaic=1.0, max_objects=3)
    for (image, kept), (same, every) in zip(few, mosaics, strict=True):
        assert_array_equal(image, same)
        x1, y1, x2, y2 = every["boxes"].T
        is_kept = np.isin(np.arange(len(x1)), np.argsort(-(x2 - x1) * (y2 - y1), kind="stable")[:3])
        assert_array_equal(kept["boxes"], every["boxes"][is_kept])


# x, y, width, height for the masks of `scenes`: narrower, wider, and disjoint, of the first and the second.
ODD_BOXES = [
    *[(45, 20, 12, 40), (130, 85, 10, 12)],
    *[(0, 0, 150, 120), (60, 20, 135, 125)],
    *[(150, 110, 30, 30), (5, 5, 20, 30)],
]


@pytest.fixture(scope="module")
def odd_scenes(scenes, tmp_path_factory):
    """`scenes` with boxes that do not fit their masks."""
    folder = tmp_path_factory.mktemp("odd")
    shutil.copytree(scenes, folder, dirs_exist_ok=True)
    content = json.loads((folder / "train.json").read_text())
    for number, annotation in enumerate(content["annotations"]):
        annotation["bbox"] = ODD_BOXES[number % 6]
    write_annotations(folder, content)
    return folder


@pytest.mark.whole
@pytest.mark.parametrize("boxes", ["transformed", "refitted"])
def test_every_box_is_ordered_and_inside_and_gives_finite_targets(boxes, odd_scenes):
    everything = {"mosaic": 0.3, "copy_paste": 0.8, "scale_jitter": (0.5, 2.0), "expand": 2.0}
    turned = {"sample_crop": True, "mirror": True, "flip": True, "rotate": True, "min_box_side": 0.0}
    count = 0
    anchors = np.array([[0.25, 0.25, 0.75, 0.75]], "float32")
    for _, truth in examples(odd_scenes, 80, boxes=boxes, **everything, **turned):
        x1, y1, x2, y2 = truth["boxes"].T
        assert (x1 < x2).all() and (y1 < y2).all()
        assert truth["boxes"].min(initial=0) >= 0 and truth["boxes"].max(initial=1) <= 1
        assert np.isfinite(encode(truth["boxes"], anchors)).all()
        count += len(x1)
    assert count > 80


@pytest.mark.parametrize(
    "box, cover, expected",
    [
        ((14, 4, 18, 28), (0, 8), (14, 4, 18, 28)),  # narrower than its mask, which loses a part beside it
        ((14, 4, 18, 28), (0, 16), (16, 4, 18, 28)),
        ((14, 4, 18, 28), (0, 24), None),  # what remains of the mask is beside the box
        ((0, 0, 32, 32), (0, 8), (8, 0, 32, 32)),  # wider
        ((0, 0, 3, 3), (0, 8), None),  # apart
        ((0, 0, 3, 3), (20, 32), (0, 0, 3, 3)),
    ],
)
def test_a_box_that_does_not_fit_its_mask_shrinks_and_never_turns_over(box, cover, expected):
    masks, hidden = np.zeros((1, 32, 32), "uint8"), np.zeros((32, 32), "uint8")
    masks[0, 4:28, 4:28], hidden[:, cover[0] : cover[1]] = 1, 1
    found = cover_up({"boxes": np.array([box], "float32") / 32, "masks": masks}, hidden)["boxes"].numpy() * 32
    assert_array_equal(found, [expected] if expected else np.zeros((0, 4)))
