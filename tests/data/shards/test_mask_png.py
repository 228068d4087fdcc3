"""Masks as PNGs: they hold every pixel, and their flips are those of the run lengths."""

import io

import numpy as np
import pytest
import tensorflow as tf
from numpy.testing import assert_array_equal
from PIL import Image

from yolact_tf.data.record import flips_of
from yolact_tf.data.shards.mask_png import flips_of_pngs, png_of_runs

HEIGHT, WIDTH = 7, 9


def runs_of(mask):
    """Column-major run lengths, starting with background."""
    flat = np.concatenate([[False], mask.T.ravel().astype(bool)])
    flips = np.flatnonzero(flat[1:] != flat[:-1])
    return np.diff([0, *flips, mask.size]).astype("int32")


def png_of(pixels):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def masks():
    """Noise, none, all, single columns that touch the next one's top, and single corners."""
    rng = np.random.default_rng(0)
    yield from rng.uniform(size=(6, HEIGHT, WIDTH)) < rng.uniform(size=(6, 1, 1))
    for pixels in (
        (),
        np.s_[:],
        np.s_[:, 0],
        np.s_[:, -1],
        np.s_[0, 0],
        np.s_[-1, -1],
        np.s_[-1, 2],
        np.s_[0, 3],
    ):
        mask = np.zeros((HEIGHT, WIDTH), bool)
        mask[pixels] = pixels != ()
        yield mask


def test_a_png_holds_the_mask_as_zeros_and_ones():
    for mask in masks():
        with Image.open(io.BytesIO(png_of_runs(runs_of(mask), HEIGHT, WIDTH))) as image:
            assert image.mode == "L"
            assert_array_equal(np.asarray(image), mask)


@pytest.mark.parametrize("run", [lambda f: f, tf.function], ids=["eager", "graph"])
def test_flips_of_pngs_are_those_of_the_run_lengths(run):
    runs = [runs_of(mask) for mask in masks()]
    pngs = tf.constant([png_of_runs(r, HEIGHT, WIDTH) for r in runs])
    flips = run(flips_of_pngs)(pngs, tf.constant(HEIGHT), tf.constant(WIDTH))
    assert flips.dtype == tf.int32
    assert flips.to_list() == [flips_of(r).tolist() for r in runs]
    assert flips_of_pngs(pngs[:0], HEIGHT, WIDTH).to_list() == []


def test_any_level_but_zero_is_object():
    levels = np.array([[0, 1, 128], [255, 2, 0]], "uint8")
    (flips,) = flips_of_pngs(tf.constant([png_of(levels)]), 2, 3).to_list()
    assert flips == [1, 5]  # columns (0, 255), (1, 2), (128, 0)


def test_a_mask_of_another_size_is_refused():
    png = png_of(np.ones((3, 2), "uint8"))
    with pytest.raises(tf.errors.InvalidArgumentError, match="height and width of its image"):
        flips_of_pngs(tf.constant([png]), 2, 3)
