"""Batches: what they hold, in which order, and that masks and boxes lie on their objects."""

from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf
from numpy.testing import assert_allclose, assert_array_equal
from PIL import Image

from tests.coco_folder import rectangle, write_annotations, write_folder
from yolact_tf.anchors import prototype_size
from yolact_tf.config import Config, DataConfig, ModelConfig, TrainConfig
from yolact_tf.data.coco.packed import Packing
from yolact_tf.data.coco.split import load_coco
from yolact_tf.data.pipeline import build_dataset
from yolact_tf.data.shards.writer import write_records
from yolact_tf.masks import resize_binary_masks
from yolact_tf.preprocess import RGB_MEAN

SIZE = 64
MASK = prototype_size(SIZE)
PLAIN = {"mirror": False, "photometric": False, "expand": 1.0, "sample_crop": False}
SPLITS = ("train", "val")


def config_of(batch_size=2, seed=0, images_per_epoch=0, num_classes=3, **data):
    return Config(
        model=ModelConfig(num_classes=num_classes),
        data=DataConfig(**{"image_size": SIZE, "max_objects": 4, **data}),
        train=TrainConfig(batch_size=batch_size, seed=seed, images_per_epoch=images_per_epoch),
    )


def batches(dataset):
    return [tf.nest.map_structure(lambda tensor: tensor.numpy(), batch) for batch in dataset]


def joined(dataset):
    """All batches of an epoch as one: (images, truth)."""
    parts = batches(dataset)
    return (
        np.concatenate([images for images, _ in parts]),
        {name: np.concatenate([truth[name] for _, truth in parts]) for name in parts[0][1]},
    )


def gray(index, shape=(40, 60)):
    """An image told apart by its level."""
    return np.full((*shape, 3), 20 + 30 * index, "uint8")


@pytest.fixture(scope="module")
def five(tmp_path_factory):
    """Folder of five grey images, one object each; the same ones in train and val."""
    folder = tmp_path_factory.mktemp("five")
    pictures = {f"{i}.png": gray(i) for i in range(5)}
    annotations = [rectangle(i + 1, 6, 4, 12 + 4 * i, 20) for i in range(5)]
    write_folder(folder, pictures, annotations, splits=SPLITS)
    return folder


@pytest.fixture(scope="module")
def train_set(five):
    return build_dataset(config_of(), five, "train")


@pytest.fixture(scope="module")
def plain_set(five):
    """Training data that is shuffled and nothing else, an epoch in one batch."""
    return build_dataset(config_of(batch_size=5, **PLAIN), five, "train")


@pytest.fixture(scope="module")
def val_set(five):
    return build_dataset(config_of(), five, "val")


# Shapes


@pytest.mark.parametrize("name, batch_size", [("train_set", 2), ("val_set", None)])
def test_batches_have_the_shapes_of_the_docstring(name, batch_size, request):
    images, truth = request.getfixturevalue(name).element_spec
    spec = lambda shape, dtype: tf.TensorSpec((batch_size, *shape), dtype)
    assert images == spec((SIZE, SIZE, 3), tf.float32)
    assert truth == {
        "boxes": spec((4, 4), tf.float32),
        "classes": spec((4,), tf.int32),
        "masks": spec((4, MASK, MASK), tf.uint8),
        "is_crowd": spec((4,), tf.bool),
        "num_objects": spec((), tf.int32),
    }


@pytest.mark.whole
@pytest.mark.parametrize("split", ["train", "val"])
def test_masks_may_be_larger_than_prototypes(five, split):
    truth = lambda **settings: joined(build_dataset(config_of(mosaic=0.5, **settings), five, split))[1]
    usual, larger = truth(), truth(mask_scale=2)
    assert larger["masks"].shape[2:] == (2 * MASK, 2 * MASK)
    assert_array_equal(larger["boxes"], usual["boxes"])
    smaller = np.asarray(resize_binary_masks(larger["masks"], (MASK, MASK))) > 0
    assert smaller.any() and np.mean(smaller != (usual["masks"] > 0)) < 0.02
    assert truth(mask_scale=2, copy_paste=1.0)["masks"].shape[2:] == (2 * MASK, 2 * MASK)


def test_slots_past_the_objects_are_zeros(train_set, val_set):
    for dataset in (train_set, val_set):
        _, truth = joined(dataset)
        assert_array_equal(truth["num_objects"], 1)
        for name in ("boxes", "classes", "masks", "is_crowd"):
            assert not truth[name][:, 1:].any()
        assert truth["masks"][:, 0].any((1, 2)).all()


# Order and number


def test_val_is_in_file_order_as_it_is_with_the_incomplete_last_batch(val_set):
    assert [len(images) for images, _ in batches(val_set)] == [2, 2, 1] and len(val_set) == 3
    images, truth = joined(val_set)
    assert_allclose(images, np.array([20, 50, 80, 110, 140])[:, None, None, None] + 0 * images, atol=1e-3)
    # x 6..18 + 4i of 60, y 4..24 of 40
    expected = [[6 / 60, 4 / 40, (18 + 4 * i) / 60, 24 / 40] for i in range(5)]
    assert_allclose(truth["boxes"][:, 0], expected, atol=1e-6)


@pytest.mark.whole
def test_val_is_the_same_each_time_and_for_each_seed(five, val_set):
    first = joined(val_set)
    tf.nest.map_structure(assert_array_equal, first, joined(val_set))
    tf.nest.map_structure(assert_array_equal, first, joined(build_dataset(config_of(seed=1), five, "val")))


def test_train_drops_the_incomplete_last_batch(train_set):
    assert [len(images) for images, _ in batches(train_set)] == [2, 2] and len(train_set) == 2


def test_an_epoch_without_augmentation_shows_each_image_once(plain_set, val_set):
    images, truth = joined(plain_set)
    order = np.argsort(images[:, 0, 0, 0])
    val_images, val_truth = joined(val_set)
    assert_allclose(images[order], val_images, atol=1e-3)
    tf.nest.map_structure(lambda a, b: assert_allclose(a[order], b, atol=1e-6), truth, val_truth)


@pytest.mark.whole
def test_only_the_same_seed_gives_the_same_batches(five, train_set):
    first, second = (joined(build_dataset(config_of(seed=3), five, "train")) for _ in range(2))
    tf.nest.map_structure(assert_array_equal, first, second)
    assert not np.array_equal(first[0], joined(train_set)[0])


@pytest.mark.whole
def test_epochs_differ_in_views(train_set):
    assert not np.array_equal(joined(train_set)[0], joined(train_set)[0])


@pytest.mark.whole
def test_epochs_differ_in_order(plain_set):
    orders = {tuple(joined(plain_set)[0][:, 0, 0, 0].round().astype(int)) for _ in range(4)}
    assert len(orders) > 1 and {tuple(sorted(order)) for order in orders} == {(20, 50, 80, 110, 140)}


def test_a_data_set_smaller_than_a_batch_gives_one(tmp_path):
    annotations = [rectangle(i, 5, 5, 9, 9) for i in (1, 2)]
    write_folder(tmp_path, {"a.png": gray(0), "b.png": gray(1)}, annotations, splits=SPLITS)
    parts = batches(build_dataset(config_of(batch_size=5, **PLAIN), tmp_path, "train"))
    assert [len(images) for images, _ in parts] == [5]
    assert set(parts[0][0][:, 0, 0, 0].round()) == {20, 50}


@pytest.mark.whole
@pytest.mark.parametrize("images_per_epoch, expected", [(13, 6), (1, 1)])
def test_images_per_epoch_repeats_or_cuts_the_data(five, images_per_epoch, expected):
    dataset = build_dataset(config_of(images_per_epoch=images_per_epoch, **PLAIN), five, "train")
    assert len(dataset) == len(batches(dataset)) == expected


def test_images_per_epoch_is_no_matter_of_validation(five):
    assert len(build_dataset(config_of(images_per_epoch=20), five, "val")) == 3


# Objects


def test_more_objects_than_slots_keep_the_largest_in_their_order(tmp_path):
    sides = [5, 20, 8, 30, 12]
    annotations = [rectangle(1, 1 + i, 2, side, side) for i, side in enumerate(sides)]
    write_folder(tmp_path, {"a.png": gray(0)}, annotations, splits=("val",))
    _, truth = joined(build_dataset(config_of(1, max_objects=3), tmp_path, "val"))
    assert_array_equal(truth["num_objects"], [3])
    widths = (truth["boxes"][0, :, 2] - truth["boxes"][0, :, 0]) * 60
    assert_allclose(widths, [20, 30, 12], atol=1e-4)


@pytest.mark.whole
def test_images_without_objects_and_with_only_crowds(tmp_path):
    annotations = [rectangle(2, 5, 5, 30, 20, is_crowd=1), rectangle(3, 5, 5, 30, 20)]
    write_folder(tmp_path, {f"{i}.png": gray(i) for i in range(3)}, annotations, splits=SPLITS)
    _, truth = joined(build_dataset(config_of(), tmp_path, "val"))
    assert_array_equal(truth["num_objects"], [0, 1, 1])
    assert_array_equal(truth["is_crowd"][:, 0], [False, True, False])
    assert_array_equal(truth["masks"].any((1, 2, 3)), [False, True, True])
    config = config_of(images_per_epoch=30, empty_images=True)
    images, truth = joined(build_dataset(config, tmp_path, "train"))
    assert np.isfinite(images).all() and truth["num_objects"].max() == 1
    assert truth["is_crowd"].any() and (truth["num_objects"] == 0).any()
    images, truth = joined(build_dataset(config_of(6, images_per_epoch=6, **PLAIN), tmp_path, "train"))
    assert set(images[:, 0, 0, 0].round()) == {50, 80}  # the reference drops the image without annotations


@pytest.mark.whole
def test_a_data_set_without_any_object(tmp_path):
    write_folder(tmp_path, {"a.png": gray(0), "b.png": gray(1)})
    images, truth = joined(build_dataset(config_of(empty_images=True), tmp_path, "train"))
    assert images.shape == (2, SIZE, SIZE, 3)
    assert not truth["num_objects"].any() and not truth["masks"].any()
    with pytest.raises(ValueError) as caught:
        build_dataset(config_of(), tmp_path, "train")
    assert str(caught.value) == (
        f"{tmp_path / 'train.json'}: expected at least one annotation to train from, or "
        "`data.empty_images=true`. Received: 2 images without any"
    )


@pytest.mark.parametrize("as_shards", [False, True])
def test_crowds_alone_are_nothing_to_train_from(as_shards, tmp_path):
    data = tmp_path / "data"
    write_folder(data, {"a.png": gray(0), "b.png": gray(1)}, [rectangle(1, 1, 1, 9, 9, is_crowd=1)])
    if as_shards:
        write_records(data, tmp_path / "shards", ["train"])
        data = tmp_path / "shards"
    with pytest.raises(ValueError, match="to train from, .* Received: 2 images with crowds alone$"):
        build_dataset(config_of(), data, "train")


def test_classes_are_those_of_the_objects(tmp_path):
    categories = [{"id": i, "name": str(i)} for i in (9, 2, 5)]
    annotations = [rectangle(1, 2 + 10 * i, 2, 9, 9, category_id=c) for i, c in enumerate((5, 9, 2))]
    write_folder(tmp_path, {"a.png": gray(0)}, annotations, categories, splits=("val",))
    _, truth = joined(build_dataset(config_of(), tmp_path, "val"))
    assert_array_equal(truth["classes"], [[1, 2, 0, 0]])


def test_an_object_whose_center_is_outside_the_image_is_left_out(tmp_path):
    write_folder(tmp_path, {"a.png": gray(0)}, [rectangle(1, -30, 5, 40, 20), rectangle(1, 5, 5, 9, 9)])
    _, truth = joined(build_dataset(config_of(1, **PLAIN), tmp_path, "train"))
    assert_array_equal(truth["num_objects"], [1])


# Masks and boxes lie on their objects


COLORS = np.array([[250, 20, 20], [20, 250, 20], [20, 20, 250]], "float32")
VIEW = 128  # image side of these tests: four pixels to a sample of a mask


@pytest.fixture(scope="module")
def colored(tmp_path_factory):
    """One grey image with a red, a green and a blue rectangle, classes 0, 1, 2."""
    folder = tmp_path_factory.mktemp("colored")
    spots = [(20, 30, 70, 90), (110, 15, 60, 50), (120, 90, 90, 60)]  # x, y, width, height
    image = np.full((170, 230, 3), 90, "uint8")
    for color, (x, y, width, height) in zip(COLORS, spots, strict=True):
        image[y : y + height, x : x + width] = color
    categories = [{"id": i, "name": str(i)} for i in (1, 2, 3)]
    annotations = [rectangle(1, *spot, category_id=i) for i, spot in enumerate(spots, 1)]
    write_folder(folder, {"a.png": image}, annotations, categories, splits=SPLITS)
    return folder


def shrunk(flags):
    """Flags that hold for all neighbours, too."""
    padded = np.pad(flags, 1, constant_values=False)
    height, width = flags.shape
    return np.all([padded[i : i + height, j : j + width] for i in range(3) for j in range(3)], axis=0)


def check_view(image, truth, tolerance):
    """Asserts masks and boxes on colours; returns the number of mask samples that were compared."""
    compared = 0
    # [Hp, Wp, 16, 3]: the pixels that lie in each sample of the mask
    cells = image.reshape(VIEW // 4, 4, VIEW // 4, 4, 3).transpose(0, 2, 1, 3, 4)
    cells = cells.reshape(VIEW // 4, VIEW // 4, 16, 3)
    for slot in range(truth["num_objects"]):
        color = COLORS[truth["classes"][slot]]
        is_object = np.abs(cells - color).max(-1) < tolerance
        mask = truth["masks"][slot].astype(bool)
        assert is_object.all(2)[shrunk(mask)].all()  # where the mask is, there is the object
        assert mask[is_object.all(2)].all()  # and where the object is, the mask
        x1, y1, x2, y2 = truth["boxes"][slot] * VIEW
        rows, columns = np.nonzero((np.abs(image - color) < tolerance).all(-1))
        if len(rows):
            assert columns.min() >= x1 - 1 and columns.max() + 1 <= x2 + 1
            assert rows.min() >= y1 - 1 and rows.max() + 1 <= y2 + 1
            # The box is no larger than the object but for the blended border: a source pixel, here up to 3.
            assert columns.min() <= x1 + 4 and columns.max() + 1 >= x2 - 4
            assert rows.min() <= y1 + 4 and rows.max() + 1 >= y2 - 4
        compared += is_object.all(2).sum()
    return compared


def check_views(config, folder, split="train", tolerance=1.0):
    images, truth = joined(build_dataset(config, folder, split))
    compared = [
        check_view(image, {name: values[i] for name, values in truth.items()}, tolerance)
        for i, image in enumerate(images)
    ]
    return images, truth, compared


def test_unchanged_masks_and_boxes_lie_on_their_objects(colored):
    config = config_of(1, image_size=VIEW, max_objects=3)
    images, truth, compared = check_views(config, colored, "val")
    assert_array_equal(truth["classes"], [[0, 1, 2]])
    assert compared[0] > 150 and images.shape == (1, VIEW, VIEW, 3)


@pytest.mark.parametrize(
    "steps",
    [
        {"expand": 3.0},
        {"sample_crop": True},
        {"mirror": True, "expand": 3.0, "sample_crop": True},
    ],
    ids=lambda steps: "+".join(steps),
)
def test_augmented_masks_and_boxes_lie_on_their_objects(colored, steps):
    data = {**PLAIN, **steps, "image_size": VIEW, "max_objects": 3}
    images, truth, compared = check_views(config_of(10, images_per_epoch=40, **data), colored)
    assert len(np.unique(images.reshape(40, -1), axis=0)) > 20
    assert sum(compared) > 1500 and min(truth["num_objects"]) >= 1
    has_fill = (np.abs(images - np.float32(RGB_MEAN)).max(-1) < 0.01).any((1, 2))
    assert has_fill.any() == ("expand" in steps)
    # Red lies left of green, classes 0 and 1, unless the view is mirrored.
    has_both = (truth["classes"][:, :2] == [0, 1]).all(1) & (truth["num_objects"] > 1)
    is_mirrored = truth["boxes"][has_both, 0, 0] > truth["boxes"][has_both, 1, 0]
    assert not is_mirrored.all() and is_mirrored.any() == ("mirror" in steps)


def test_a_photograph_that_lies_on_its_side_is_turned_with_its_masks(colored, tmp_path):
    data = load_coco(colored, "train")
    # Orientation 6 is turned right by a quarter turn clockwise: store the opposite.
    with Image.open(data.records[0].path) as image:
        lying = image.rotate(90, expand=True)
    exif = Image.Exif()
    exif[0x0112] = 6
    lying.save(tmp_path / "a.jpg", quality=95, subsampling=0, exif=exif)
    packing = Packing()
    packing.add(data.records[0], "a.jpg")
    data = replace(data, records=packing.records(tmp_path))
    settings = {**PLAIN, "mirror": True, "sample_crop": True, "image_size": VIEW, "max_objects": 3}
    *_, compared = check_views(config_of(10, images_per_epoch=20, **settings), data, tolerance=30.0)
    assert sum(compared) > 500


def test_colors_are_distorted_but_not_geometry(colored):
    settings = {**PLAIN, "photometric": True, "image_size": VIEW, "max_objects": 3}
    images, truth = joined(build_dataset(config_of(8, images_per_epoch=16, **settings), colored, "train"))
    assert len(np.unique(images.reshape(16, -1), axis=0)) > 8
    assert images.min() >= 0 and images.max() <= 255
    for name, values in truth.items():
        assert_array_equal(values, np.repeat(values[:1], 16, 0), err_msg=name)


# Refusals and mishaps


def test_too_many_categories_are_refused_in_one_line(five):
    data = load_coco(five, "train")
    data = replace(data, labels={i: str(i) for i in range(5)})
    with pytest.raises(ValueError) as caught:
        build_dataset(config_of(num_classes=4), data, "train")
    assert str(caught.value) == (
        f"`model.num_classes` must be at least the 5 categories of {five / 'train.json'}. Received: 4"
    )


def test_on_error_reaches_the_annotations(tmp_path, caplog):
    content = write_folder(tmp_path, {"a.png": gray(0)}, [rectangle(1, 5, 5, 0, 9), rectangle(1, 5, 5, 9, 9)])
    write_annotations(tmp_path, content)
    _, truth = joined(build_dataset(config_of(1, on_error="skip", **PLAIN), tmp_path, "train"))
    assert_array_equal(truth["num_objects"], [1])
    assert "annotation 1" in caplog.text
    with pytest.raises(ValueError, match="annotation 1: expected a `bbox` of positive width"):
        build_dataset(config_of(1, on_error="refuse"), tmp_path, "train")


def three(folder):
    """The data of three images."""
    pictures = {f"{i}.png": gray(i) for i in range(3)}
    write_folder(folder, pictures, [rectangle(i, 5, 5, 9, 9) for i in (1, 2, 3)], splits=SPLITS)
    return load_coco(folder, "train")


def test_a_lost_file_is_never_left_out_of_validation(tmp_path):
    data = three(tmp_path)
    (tmp_path / "images" / "0.png").unlink()
    dataset = build_dataset(config_of(on_error="skip", max_unreadable=1.0), data, "val")
    with pytest.raises(tf.errors.NotFoundError, match=r"0\.png"):
        batches(dataset)


def test_cached_images_are_read_once(tmp_path):
    data = three(tmp_path)
    dataset = build_dataset(config_of(3, cache="memory", **PLAIN), data, "train")
    first, _ = joined(dataset)
    for path in (tmp_path / "images").iterdir():
        path.unlink()
    second, _ = joined(dataset)
    assert_array_equal(np.sort(first[:, 0, 0, 0]), np.sort(second[:, 0, 0, 0]))


# Real data


def test_a_real_batch_is_sane(shared_data):
    config = config_of(8, num_classes=80, image_size=138, max_objects=20)
    for split in SPLITS:
        images, truth = next(iter(build_dataset(config, shared_data / "coco100", split).take(1)))
        images, truth = images.numpy(), {name: tensor.numpy() for name, tensor in truth.items()}
        assert np.isfinite(images).all() and images.min() >= 0 and images.max() <= 255
        assert images.std((1, 2, 3)).min() > 5
        is_object = np.arange(20) < truth["num_objects"][:, None]
        x1, y1, x2, y2 = np.moveaxis(truth["boxes"][is_object], -1, 0)
        assert (x1 < x2).all() and (y1 < y2).all()
        assert truth["boxes"].min() >= 0 and truth["boxes"].max() <= 1
        assert truth["classes"][is_object].max() < 80 and truth["classes"][is_object].min() >= 0
        assert set(np.unique(truth["masks"])) == {0, 1}
        margin = 2 / truth["masks"].shape[-1]
        box_area = (x2 - x1 + margin) * (y2 - y1 + margin)
        assert (truth["masks"][is_object].mean((1, 2)) <= box_area).all()
        for name in ("boxes", "classes", "masks", "is_crowd"):
            assert not truth[name][~is_object].any()


def test_real_masks_cover_the_annotated_share_of_the_image(shared_data):
    data = load_coco(shared_data / "coco100", "val", "refuse")
    data = replace(data, records=data.records.some(range(6)))
    config = config_of(6, num_classes=80, image_size=138, max_objects=100)
    _, truth = joined(build_dataset(config, data, "val"))
    for record, masks, count in zip(data.records, truth["masks"], truth["num_objects"], strict=True):
        shares = [runs[1::2].sum() / runs.sum() for runs in record.runs]
        assert count == len(shares)
        # To a pixel of the mask all round.
        assert_allclose(masks[:count].mean((1, 2)), shares, atol=0.01)
