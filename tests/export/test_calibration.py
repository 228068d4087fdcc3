import dataclasses
import logging
import shutil

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import yolact_tf
from yolact_tf.data.load import load_data
from yolact_tf.export.calibration import CalibrationImages, value_ranges
from yolact_tf.preprocess import resize_images


@pytest.fixture(scope="module")
def settings():
    return yolact_tf.load_config("tiny_256", ["data.image_size=64"]).data


def test_images_are_spread_over_the_training_split_as_the_network_sees_them(shapes_data, settings):
    images = list(CalibrationImages(shapes_data, settings, 3))
    records = list(load_data(shapes_data, "train").records)
    assert len(records) == 24
    assert len(images) == 3
    for image, at in zip(images, (0, 12, 23), strict=True):
        assert_array_equal(image, resize_images(records[at].read_image()[None], 64))


def test_a_small_split_gives_all_that_it_has(shapes_data, settings):
    images = CalibrationImages(shapes_data, settings, 100)
    assert len(images) == len(list(images)) == images.describe()["images"] == 24


def test_progress_starts_at_none_and_ends_at_all(shapes_data, settings):
    seen = []
    list(CalibrationImages(shapes_data, settings, 4, lambda *step: seen.append(step)))
    assert seen == [(0, 4), (1, 4), (2, 4), (3, 4), (4, 4)]


@pytest.fixture
def damaged(shapes_data, tmp_path):
    """A copy of the data whose first training image breaks off, found out when it is read."""
    folder = tmp_path / "shapes"
    shutil.copytree(shapes_data, folder)
    return folder


def break_first(images, folder):
    path = sorted((folder / "images").glob("train_*"))[0]
    path.write_bytes(path.read_bytes()[:400])
    return images


def test_an_image_that_cannot_be_read_is_left_out(damaged, settings, caplog):
    images = break_first(CalibrationImages(damaged, settings, 3), damaged)
    with caplog.at_level(logging.WARNING):
        assert len(list(images)) == 2
    assert "left out of the calibration" in caplog.text


def test_an_image_that_cannot_be_read_is_refused_where_data_are(damaged, settings):
    strict = dataclasses.replace(settings, on_error="refuse")
    images = break_first(CalibrationImages(damaged, strict, 3), damaged)
    with pytest.raises((ValueError, OSError)):
        list(images)


def test_ranges_are_the_extremes_of_an_image_on_average(litert_file):
    images = [np.full((1, 128, 128, 3), value, "float32") for value in (10, 20)]
    images[0][0, 0, 0] = 0
    images[1][0, 0, 0] = 250
    ranges = value_ranges(litert_file.read_bytes(), images)
    name = next(name for name in ranges if "image" in name)
    assert_allclose([ranges[name]["min"], ranges[name]["max"]], [[10.0], [130.0]])


def test_what_no_image_fires_has_a_range_all_the_same(litert_file):
    ranges = value_ranges(litert_file.read_bytes(), [np.zeros((1, 128, 128, 3), "float32")])
    name = next(name for name in ranges if "image" in name)
    assert_allclose([ranges[name]["min"], ranges[name]["max"]], [[0.0], [1.0]])


def test_a_network_that_computes_nan_is_refused(litert_file):
    with pytest.raises(ValueError, match="finite values"):
        value_ranges(litert_file.read_bytes(), [np.full((1, 128, 128, 3), np.nan, "float32")])


def test_nothing_to_read_is_an_error(litert_file):
    with pytest.raises(ValueError, match="at least one image"):
        value_ranges(litert_file.read_bytes(), [])
