"""The synthetic data set: laws of the files, of the masks and of each shape class."""

import hashlib
import json
import os

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from PIL import Image
from pycocotools import mask as coco_mask

from yolact_tf.data.synthetic.paint import paint
from yolact_tf.data.synthetic.scenes import (
    MIN_SIDE,
    MIN_VISIBLE_PIXELS,
    MIN_VISIBLE_SHARE,
    SHAPE_CLASSES,
    arrange,
)
from yolact_tf.data.synthetic.shapes import MAX_OBJECTS, Options, draw_scene, make_shapes


@pytest.fixture(scope="module")
def small_set(tmp_path_factory):
    return make_shapes(
        tmp_path_factory.mktemp("shapes") / "set", train_images=6, val_images=3, image_size=(64, 96), seed=3
    )


def read(directory, split):
    return json.loads((directory / f"{split}.json").read_text())


def digests(directory):
    return {
        str(path.relative_to(directory)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(directory.rglob("*"))
        if path.is_file()
    }


def masks_of(dataset, image_id):
    """Returns the decoded masks [G, H, W] of one image."""
    return np.array(
        [coco_mask.decode(a["segmentation"]) for a in dataset["annotations"] if a["image_id"] == image_id]
    )


def scenes(count, **options):
    """Yields (stamps, owner) of `count` arrangements."""
    for seed in range(count):
        yield arrange(np.random.default_rng(seed), **options)


# Files


def test_folder_holds_two_splits_and_their_images_and_nothing_else(small_set):
    names = {image["file_name"] for split in ("train", "val") for image in read(small_set, split)["images"]}
    assert names == {f"train_{i:05d}.jpg" for i in range(6)} | {f"val_{i:05d}.jpg" for i in range(3)}
    assert set(digests(small_set)) == {"train.json", "val.json"} | {f"images/{name}" for name in names}
    assert os.listdir(small_set.parent) == ["set"]  # the temporary sibling is gone


def test_images_have_the_recorded_size(small_set):
    for image in read(small_set, "train")["images"]:
        with Image.open(small_set / "images" / image["file_name"]) as file:
            assert (file.mode, file.size) == ("RGB", (96, 64))
        assert (image["height"], image["width"]) == (64, 96)


def test_categories_are_the_classes_from_1_in_both_splits(small_set):
    for split in ("train", "val"):
        dataset = read(small_set, split)
        assert {c["id"]: c["name"] for c in dataset["categories"]} == dict(enumerate(SHAPE_CLASSES, 1))
        assert {a["category_id"] for a in dataset["annotations"]} <= set(range(1, len(SHAPE_CLASSES) + 1))


def test_ids_are_unique_across_splits(small_set):
    both = [read(small_set, split) for split in ("train", "val")]
    for table in ("images", "annotations"):
        ids = [row["id"] for dataset in both for row in dataset[table]]
        assert len(ids) == len(set(ids)) > 0


def test_same_seed_gives_the_same_bytes(small_set, tmp_path):
    again = make_shapes(tmp_path / "again", train_images=6, val_images=3, image_size=(64, 96), seed=3)
    assert digests(again) == digests(small_set)


def test_another_seed_gives_other_images(small_set, tmp_path):
    other = digests(
        make_shapes(tmp_path / "other", train_images=6, val_images=3, image_size=(64, 96), seed=4)
    )
    assert not set(other.values()) & set(digests(small_set).values())


def test_a_smaller_set_is_a_prefix_of_a_larger_one(small_set, tmp_path):
    smaller = make_shapes(tmp_path / "smaller", train_images=2, val_images=3, image_size=(64, 96), seed=3)
    assert (
        digests(small_set).items() >= {k: v for k, v in digests(smaller).items() if k != "train.json"}.items()
    )
    few, many = read(smaller, "train"), read(small_set, "train")
    assert few["images"] == many["images"][:2]
    assert few["annotations"] == many["annotations"][: len(few["annotations"])]


def test_train_and_val_differ(small_set):
    train, val = (
        {d for name, d in digests(small_set).items() if name.startswith(f"images/{s}")}
        for s in ("train", "val")
    )
    assert (len(train), len(val)) == (6, 3) and not train & val


def test_one_split_may_be_empty(tmp_path):
    made = make_shapes(tmp_path / "set", train_images=0, val_images=1, image_size=48)
    assert read(made, "train")["images"] == read(made, "train")["annotations"] == []
    assert len(read(made, "val")["images"]) == 1


def test_progress_counts_both_splits(tmp_path):
    calls = []
    make_shapes(
        tmp_path / "set",
        train_images=2,
        val_images=1,
        image_size=48,
        progress=lambda *call: calls.append(call),
    )
    assert calls == [(1, 3), (2, 3), (3, 3)]


def test_an_existing_empty_folder_is_filled(tmp_path):
    (tmp_path / "set").mkdir()
    made = make_shapes(tmp_path / "set", train_images=1, val_images=0, image_size=48)
    assert made == tmp_path / "set" and len(list((made / "images").iterdir())) == 1


# Refusals


def test_a_folder_with_something_in_it_is_left_alone(tmp_path):
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "mine.txt").write_text("keep")
    with pytest.raises(
        ValueError, match="`directory` must be a new or an empty folder. Received: .*not empty"
    ):
        make_shapes(tmp_path / "set", train_images=1, val_images=0, image_size=48)
    assert [str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*")] == ["set", "set/mine.txt"]


def test_a_file_is_not_a_folder(tmp_path):
    (tmp_path / "set").write_text("keep")
    with pytest.raises(ValueError, match="is a file"):
        make_shapes(tmp_path / "set")
    assert (tmp_path / "set").read_text() == "keep"


def test_the_current_folder_is_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match="`directory` must not be the current folder"):
        make_shapes(".")


def test_an_interrupted_run_leaves_nothing(tmp_path):
    def interrupt(done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make_shapes(tmp_path / "set", train_images=2, val_images=0, image_size=48, progress=interrupt)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "options, message",
    [
        ({"train_images": -1}, "`train_images` must be an integer from 0 to 100000. Received: -1"),
        ({"val_images": 2.5}, "`val_images` must be an integer from 0 to 100000. Received: 2.5"),
        (
            {"train_images": 0, "val_images": 0},
            "`train_images` and `val_images` must not both be 0. "
            "Received: {'train_images': 0, 'val_images': 0}",
        ),
        ({"image_size": 47}, "`image_size` must be an integer from 48 to 4096. Received: 47"),
        ({"image_size": (64, 10)}, "`image_size` must be an integer from 48 to 4096. Received: 10"),
        (
            {"image_size": (64, 64, 3)},
            "`image_size` must be a side or (height, width). Received: (64, 64, 3)",
        ),
        ({"image_size": "64"}, "`image_size` must be an integer from 48 to 4096. Received: '64'"),
        ({"min_objects": -1}, "`min_objects` must be an integer from 0 to 100. Received: -1"),
        ({"min_objects": 5, "max_objects": 4}, "`max_objects` must be an integer from 5 to 100. Received: 4"),
        ({"min_objects": 0, "max_objects": 0}, "`max_objects` must be an integer from 1 to 100. Received: 0"),
        ({"seed": True}, "`seed` must be an integer from 0 to 9223372036854775807. Received: True"),
    ],
)
def test_bad_options_are_named_in_one_line(options, message, tmp_path):
    with pytest.raises(ValueError) as caught:
        make_shapes(tmp_path / "set", **options)
    assert str(caught.value) == message
    assert list(tmp_path.iterdir()) == []


def test_a_crowd_that_cannot_fit_is_refused_and_leaves_nothing(tmp_path):
    with pytest.raises(
        ValueError, match="`min_objects` must be .* fit into an image of 48x48 px. Received: 100"
    ):
        make_shapes(
            tmp_path / "set",
            train_images=1,
            val_images=0,
            image_size=48,
            min_objects=100,
            max_objects=MAX_OBJECTS,
        )
    assert list(tmp_path.iterdir()) == []


# Masks


def test_masks_of_one_image_are_disjoint(small_set):
    dataset = read(small_set, "train")
    for image in dataset["images"]:
        masks = masks_of(dataset, image["id"])
        assert masks.shape[1:] == (64, 96)
        assert masks.sum(0).max() == 1


def test_area_and_box_are_those_of_the_decoded_mask(small_set):
    for annotation in read(small_set, "train")["annotations"]:
        mask = coco_mask.decode(annotation["segmentation"])
        rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
        assert annotation["area"] == mask.sum() >= MIN_VISIBLE_PIXELS
        assert annotation["bbox"] == [columns[0], rows[0], np.ptp(columns) + 1, np.ptp(rows) + 1]
        assert annotation["iscrowd"] == 0 and annotation["segmentation"]["size"] == [64, 96]


def test_every_drawn_object_is_visible_in_the_owner_map():
    image, classes, owner = draw_scene(np.random.default_rng(0), Options(96, 64, 4, 8, 0))
    assert image.shape == (96, 64, 3) and image.dtype == np.uint8 and owner.shape == (96, 64)
    assert 4 <= len(classes) <= 8
    assert_array_equal(np.unique(owner), np.arange(len(classes) + 1))


def test_number_of_objects_stays_within_the_limits_and_reaches_both():
    counts = [len(stamps) for stamps, _ in scenes(60, height=96, width=96, min_objects=2, max_objects=5)]
    assert (min(counts), max(counts)) == (2, 5)


def test_sides_go_from_16_px_to_half_the_shorter_side():
    sides = []
    for stamps, _ in scenes(40, height=128, width=160, min_objects=1, max_objects=6):
        for stamp in stamps:
            inside = stamp.coverage >= 0.5
            sides.append([np.ptp(np.flatnonzero(inside.any(axis))) + 1 for axis in (0, 1)])
    # A star's tip is thinner than a pixel: up to one is lost at each end.
    assert MIN_SIDE - 2 <= np.min(sides) <= MIN_SIDE + 1
    assert 64 - 4 <= np.max(sides) <= 64


def test_each_object_keeps_its_visible_share_and_many_overlap():
    overlapping = total = 0
    for stamps, owner in scenes(30, height=128, width=128, min_objects=3, max_objects=8):
        for k, stamp in enumerate(stamps, 1):
            full, visible = np.count_nonzero(stamp.coverage >= 0.5), np.count_nonzero(owner == k)
            assert visible >= max(MIN_VISIBLE_SHARE * full, MIN_VISIBLE_PIXELS)
            _, patch_window = stamp.windows(128, 128)
            overlapping += visible < np.count_nonzero(stamp.coverage[patch_window] >= 0.5)
            total += 1
    assert overlapping / total > 0.3


def test_a_later_object_hides_an_earlier_one():
    for stamps, owner in scenes(10, height=96, width=96, min_objects=4, max_objects=6):
        image_window, patch_window = stamps[-1].windows(96, 96)
        assert np.all((owner[image_window] == len(stamps)) == (stamps[-1].coverage[patch_window] >= 0.5))


def test_a_ring_shows_the_background_through_its_hole():
    ring, seen = list(SHAPE_CLASSES).index("ring"), 0
    for stamps, owner in scenes(60, height=96, width=96, min_objects=1, max_objects=1):
        (height, width), stamp = stamps[0].coverage.shape, stamps[0]
        center = stamp.top + height // 2, stamp.left + width // 2
        if stamp.class_index == ring:
            assert owner[center] == 0
            assert owner[center[0]].any()  # but the row through it meets the ring itself
            seen += 1
        else:
            assert owner[center] == 1
    assert seen >= 3


# Classes


@pytest.mark.parametrize("name", SHAPE_CLASSES)
def test_the_hull_points_lie_on_the_outline(name):
    shape_class = SHAPE_CLASSES[name]
    for proportion in shape_class.proportion:
        x, y = shape_class.outline(proportion).T.astype(np.float32)
        assert_allclose(shape_class.field(x, y, np.float32(proportion)), 0, atol=1e-5)


def test_the_notch_of_a_star_lies_on_its_outline():
    # Tips at 0, 72, ... degrees, so the notches lie at 36, 108, ...
    angles = np.radians([36, 108, 180, 252, 324])
    notches = SHAPE_CLASSES["star"].field(0.4 * np.cos(angles), 0.4 * np.sin(angles), 0.4)
    assert_allclose(notches, 0, atol=1e-5)


def test_the_center_of_a_triangle_is_half_a_radius_from_each_side():
    assert_allclose(SHAPE_CLASSES["triangle"].field(np.zeros(1), np.zeros(1), 1.0), [-0.5])


def test_coverage_of_a_square_is_its_area():
    # The depth at the middle is half the side; the nearest pixel center may lie 0.71 px beside it.
    square, seen = list(SHAPE_CLASSES).index("square"), 0
    for (stamp,), _ in scenes(80, height=256, width=256, min_objects=1, max_objects=1):
        if stamp.class_index == square:
            assert -0.2 < np.sqrt(stamp.coverage.sum()) - 2 * stamp.depth.max() < 1.42 + 0.2
            seen += 1
    assert seen >= 5


def test_colour_does_not_know_the_class():
    stamps, owner = next(scenes(1, height=96, width=96, min_objects=3, max_objects=3))
    relabelled = [stamp._replace(class_index=0) for stamp in stamps]
    assert_array_equal(
        paint(np.random.default_rng(1), stamps, owner.shape),
        paint(np.random.default_rng(1), relabelled, owner.shape),
    )


def test_an_image_without_objects_is_a_textured_background():
    for seed in range(12):
        image = paint(np.random.default_rng(seed), [], (48, 64))
        assert image.shape == (48, 64, 3) and image.dtype == np.uint8
        assert image.std((0, 1)).max() > 1
