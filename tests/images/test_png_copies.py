"""PNGs of what TensorFlow does not decode."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from PIL import Image

from yolact_tf.images.decoding import read_image
from yolact_tf.images.png_copies import header_of_other, png_names, write_png


@pytest.mark.parametrize(
    "kind, dtype, scale", [("TIFF", "uint16", 16), ("TIFF", "float32", 1 / 255), ("PPM", "uint8", 1)]
)
def test_a_copy_is_seen_by_training_as_detection_sees_the_original(kind, dtype, scale, tmp_path):
    values = np.arange(256).reshape(16, 16) * scale
    path = tmp_path / "a.image"
    Image.fromarray(values.astype(dtype)).save(path, kind)
    for source in (path, path.read_bytes()):
        assert header_of_other(source).other.startswith(kind[:3])
        write_png(source, tmp_path / "a.png")
        assert_array_equal(read_image(tmp_path / "a.png"), read_image(path))
        assert_array_equal(read_image(path)[..., 0], np.arange(256).reshape(16, 16))


def test_what_tensorflow_decodes_needs_no_copy(tmp_path):
    for kind in ("PNG", "JPEG", "WEBP", "GIF", "BMP"):
        Image.new("RGB", (4, 5)).save(tmp_path / "a", kind)
        assert header_of_other(tmp_path / "a") is None
        assert header_of_other((tmp_path / "a").read_bytes()) is None
    Image.new("1", (4, 5)).save(tmp_path / "a", "BMP")
    assert header_of_other(tmp_path / "a").other.startswith("a BMP that is compressed, or not of 8")


def test_no_two_names_become_alike():
    others = ["a.tif", "a.tiff", "b.tif", "d/c.tif", "b.png.tif", "e.png"]
    names = png_names([*others, "b.png", "b.tif.png", "x.jpg"], others)
    assert names == {
        "a.tif": "a.png",
        "a.tiff": "a.tiff.png",
        "b.tif": "b.tif2.png",
        "d/c.tif": "d/c.png",
        "b.png.tif": "b.png.png",
        "e.png": "e.png",  # its name was wrong before
    }
    assert len(set(names.values())) == len(names)
