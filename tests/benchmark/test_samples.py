import io

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from PIL import Image

from yolact_tf.benchmark.samples import COUNT, Sample, read_samples
from yolact_tf.images.decoding import read_image


def test_without_images_scenes_are_drawn_the_same_each_time():
    samples = read_samples()
    assert len(samples) == COUNT and len({sample.encoded for sample in samples}) == COUNT
    assert {(sample.width, sample.height) for sample in samples} == {(640, 480)}
    assert samples == read_samples()


@pytest.mark.parametrize("kind", ["shapes_data", "shapes_shards"])
def test_images_of_data_are_the_files_of_its_validation_split(kind, request, shapes_data):
    files = {path.read_bytes() for path in (shapes_data / "images").glob("val_*")}
    samples = read_samples(request.getfixturevalue(kind))
    assert {sample.encoded for sample in samples} == files
    assert all((sample.width, sample.height) == (128, 128) for sample in samples)


def test_a_file_is_measured_as_it_is(shapes_data):
    path = min((shapes_data / "images").glob("val_*"))
    (sample,) = read_samples(images=[path])
    assert (sample.name, sample.encoded) == (str(path), path.read_bytes())
    assert_array_equal(sample.pixels, read_image(path))


def test_what_is_no_image_is_named(tmp_path):
    path = tmp_path / "bad.jpg"
    path.write_bytes(b"no image")
    with pytest.raises(ValueError, match="bad.jpg: expected an image"):
        read_samples(images=[path])
    with pytest.raises(FileNotFoundError, match="none.jpg: no such image file"):
        read_samples(images=[tmp_path / "none.jpg"])


@pytest.mark.parametrize(
    ("size", "side", "expected"),
    [((40, 20), 80, (80, 40)), ((40, 20), 10, (10, 5)), ((1, 600), 300, (1, 300)), ((7, 7), 7, (7, 7))],
)
def test_a_sample_is_resized_by_its_longer_side(size, side, expected):
    file = io.BytesIO()
    Image.fromarray(np.zeros((size[1], size[0], 3), "uint8")).save(file, "PNG")
    resized = Sample.of("a", file.getvalue()).resized(side)
    assert (resized.width, resized.height) == expected
    assert resized.pixels.shape == (expected[1], expected[0], 3)
