import keras
import numpy as np
import pytest
from numpy.testing import assert_array_equal
from pycocotools import mask as coco_mask

from yolact_tf.mask_windows import (
    disjoint,
    logits_of,
    place_window,
    run_lengths,
    scaled,
    tight,
    upsample_logits,
    upsample_to_image,
)
from yolact_tf.masks import crop_masks


def random_box(rng):
    return np.sort(rng.uniform(-0.1, 1.1, (2, 2)), axis=0).reshape(4).clip(0, 1).astype("f")


def random_window(rng, image_size):
    """A window somewhere in the image, of a random share of pixels."""
    y, x = (int(rng.integers(0, side)) for side in image_size)
    shape = rng.integers(0, image_size[0] - y + 1), rng.integers(0, image_size[1] - x + 1)
    return y, x, rng.uniform(size=shape) < rng.choice([0, 0.02, 0.5, 0.98, 1])


def whole(maps, image_size):
    """[H, W] of a map that is resized as a whole."""
    resized = keras.ops.image.resize(maps[..., None], image_size, interpolation="bilinear", antialias=False)
    return np.asarray(resized)[..., 0]


def centers_around(box, margin, image_size):
    """[H, W] bool: the pixels whose centre lies in a box of corners in 0..1, or that far outside."""
    y, x = ((np.arange(side) + 0.5) / side for side in image_size)
    x1, y1, x2, y2 = box + np.array([-margin, -margin, margin, margin])
    return ((y >= y1) & (y < y2))[:, None] & ((x >= x1) & (x < x2))


@pytest.mark.parametrize("image_size", [(480, 640), (97, 31), (16, 16)])
def test_the_window_holds_what_resizing_the_whole_map_gives(image_size):
    rng = np.random.default_rng(3)
    for _ in range(10):
        box = random_box(rng)
        soft = rng.uniform(size=(1, 1, 34, 34)).astype("float32")
        cropped = np.asarray(crop_masks(soft, box[None, None]))[0, 0]
        expected = whole(cropped, image_size)
        placed = place_window(*upsample_to_image(cropped, box, image_size), image_size)
        differs = placed != (expected > 0.5)
        assert (np.abs(expected[differs] - 0.5) < 1e-4).all()


def test_a_pixel_reads_its_neighbours_alone():
    # Were all pixels of the map weighed, most of them by zero, infinity would spoil every one.
    soft = np.ones((8, 8), "float32")
    soft[0, 0] = np.inf
    _, _, window = upsample_to_image(soft, (0, 0, 1, 1), (40, 40))
    assert window[10:].all() and window[:, 10:].all()


@pytest.mark.parametrize("image_size", [(480, 640), (97, 31), (16, 16)])
def test_logits_are_enlarged_then_cut_then_cropped(image_size):
    rng = np.random.default_rng(4)
    for _ in range(10):
        box, logits = random_box(rng), rng.normal(size=(34, 34)).astype("float32")
        expected = whole(logits, image_size)
        placed = place_window(*upsample_logits(logits, box, image_size, is_cropped=False), image_size)
        is_kept = centers_around(box, 0.5 / 34, image_size)
        differs = placed != ((expected > 0) & is_kept)
        assert not placed[~is_kept].any()
        assert (np.abs(expected[differs]) < 1e-4).all()


def test_probabilities_tell_the_logits_that_they_came_from():
    logits = np.linspace(-12, 12, 49, dtype="float32")
    np.testing.assert_allclose(logits_of(1 / (1 + np.exp(-logits))), logits, rtol=0.02)
    assert np.isfinite(logits_of(np.array([0, 1], "float32"))).all()


@pytest.mark.parametrize("image_size", [(480, 640), (97, 31)])
def test_cropped_probabilities_give_nearly_the_mask_of_the_logits(image_size):
    rng = np.random.default_rng(5)
    y, x = np.mgrid[:34, :34] / 33
    for _ in range(10):
        box = random_box(rng)
        # Smooth maps, as prototypes are: their edges do not end with the crop.
        logits = (8 * np.sin(rng.uniform(2, 9) * x + rng.uniform(2, 9) * y)).astype("float32")
        probabilities = 1 / (1 + np.exp(-logits))
        cropped = np.asarray(crop_masks(probabilities[None, None], box[None, None]))[0, 0]
        ours = place_window(
            *upsample_logits(logits_of(cropped), box, image_size, is_cropped=True), image_size
        )
        theirs = place_window(*upsample_logits(logits, box, image_size, is_cropped=False), image_size)
        assert (ours != theirs).mean() < 0.002
        # Only next to the crop's edge, where a logit beyond it took part.
        assert ours.sum() == pytest.approx(theirs.sum(), rel=0.02, abs=4)


@pytest.mark.parametrize("seed", range(30))
def test_run_lengths_are_those_of_the_whole_mask(seed):
    rng = np.random.default_rng(seed)
    image_size = tuple(rng.integers(1, 12 if seed % 2 else 60, 2).tolist())
    window = random_window(rng, image_size)
    runs = run_lengths(*window, image_size).tolist()
    flat = place_window(*window, image_size).T.ravel()
    assert_array_equal(np.repeat(np.arange(len(runs)) % 2 == 1, runs), flat)
    assert all(runs[1:])  # only the first may be empty
    rle = coco_mask.frPyObjects({"size": image_size, "counts": runs}, *image_size)
    assert (
        rle["counts"] == coco_mask.encode(np.asfortranarray(flat.reshape(image_size[::-1]).T, "u1"))["counts"]
    )


@pytest.mark.parametrize("seed", range(8))
def test_a_tight_window_is_the_same_mask_with_pixels_at_each_side(seed):
    rng = np.random.default_rng(seed)
    window = random_window(rng, (30, 40))
    y, x, mask = tight(*window)
    assert_array_equal(place_window(y, x, mask, (30, 40)), place_window(*window, (30, 40)))
    if mask.size:
        assert mask[0].any() and mask[-1].any() and mask[:, 0].any() and mask[:, -1].any()
    else:
        assert not window[2].any()


def test_of_two_masks_the_better_one_keeps_the_pixels_of_both():
    rng = np.random.default_rng(6)
    windows = [random_window(rng, (30, 40)) for _ in range(12)]
    order = rng.permutation(12).tolist()
    masks = np.array([place_window(*window, (30, 40)) for window in windows])
    kept = np.array([place_window(*window, (30, 40)) for window in disjoint(windows, order, (30, 40))])
    assert (kept.sum(0) == masks.any(0)).all()
    for rank, index in enumerate(order):
        assert_array_equal(kept[index], masks[index] & ~masks[order[:rank]].any(0))


@pytest.mark.parametrize("new_size", [(30, 40), (60, 80), (15, 20), (7, 90), (1, 1)])
def test_a_scaled_window_is_where_the_scaled_mask_is(new_size):
    rng = np.random.default_rng(7)
    rows, columns = (((np.arange(new) + 0.5) * old / new).astype(int) for new, old in zip(new_size, (30, 40)))
    for _ in range(12):
        window = random_window(rng, (30, 40))
        expected = place_window(*window, (30, 40))[rows[:, None], columns]
        assert_array_equal(place_window(*scaled(*window, (30, 40), new_size), new_size), expected)
