"""What a Detector takes: every form of a picture gives its pixels; what may be two things is refused."""

import io

import numpy as np
import pytest
import tensorflow as tf
from numpy.testing import assert_array_equal
from PIL import Image

from yolact_tf.detect.image_inputs import pixels_of
from yolact_tf.images.decoding import read_image
from yolact_tf.images.inspection import ALPHA, PAGES
from yolact_tf.images.orientation import TAG

RGB = np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype="uint8")
GRAY = RGB[..., 0]
RGBA = np.concatenate([RGB, RGB[..., :1]], 2)


@pytest.fixture
def path(tmp_path):
    Image.fromarray(RGB).save(tmp_path / "a.png")
    return tmp_path / "a.png"


def test_every_form_of_a_picture_gives_its_pixels(path):
    data = path.read_bytes()
    forms = [path, str(path), data, bytearray(data), memoryview(data), io.BytesIO(data), Image.fromarray(RGB)]
    with open(path, "rb") as file:
        for form in [*forms, file, RGB, tf.constant(RGB), np.asfortranarray(RGB)]:
            pixels = pixels_of(form)
            assert_array_equal(pixels.rgb, RGB)
            assert pixels.rgb.dtype == np.uint8 and pixels.remarks == ()


def test_gray_becomes_three_equal_channels():
    expected = np.repeat(GRAY[..., None], 3, 2)
    for form in (GRAY, GRAY[..., None], Image.fromarray(GRAY)):
        assert_array_equal(pixels_of(form).rgb, expected)


def test_alpha_is_dropped_and_told(tmp_path):
    Image.fromarray(RGBA).save(tmp_path / "a.png")
    for form in (RGBA, Image.fromarray(RGBA), tmp_path / "a.png", (tmp_path / "a.png").read_bytes()):
        pixels = pixels_of(form)
        assert_array_equal(pixels.rgb, RGB)
        assert pixels.remarks == (ALPHA,)


@pytest.mark.parametrize("mode", ["1", "P", "CMYK", "LA", "RGBa", "HSV", "YCbCr", "I;16", "F"])
def test_pillow_images_of_every_mode_are_read(mode):
    image = Image.fromarray(GRAY if mode in ("1", "F") else RGB)
    if mode == "I;16":
        image = Image.fromarray(GRAY.astype("uint16") * 16)
    elif mode == "RGBa":
        image = image.convert("RGBA").convert(mode)
    else:
        image = image.convert(mode)
    assert pixels_of(image).rgb.shape == RGB.shape


def test_a_photo_on_its_side_is_upright_as_path_bytes_and_pillow_image(tmp_path):
    exif = Image.Exif()
    exif[TAG] = 6
    Image.fromarray(RGB).save(tmp_path / "a.jpg", exif=exif)
    data = (tmp_path / "a.jpg").read_bytes()
    for form in (tmp_path / "a.jpg", data, Image.open(io.BytesIO(data))):
        assert pixels_of(form).rgb.shape == (7, 5, 3)


def test_a_tiff_is_read_and_its_other_pages_told(tmp_path):
    page = Image.fromarray(GRAY)
    page.save(tmp_path / "a.tif", save_all=True, append_images=[page])
    pixels = pixels_of(tmp_path / "a.tif")
    assert_array_equal(pixels.rgb, read_image(tmp_path / "a.tif"))
    assert pixels.remarks == (PAGES,)


@pytest.mark.parametrize(
    "image, advice",
    [
        (RGB / np.float32(255), "float32; if 1 is white, (image * 255).round().astype('uint8') would do"),
        (RGB.astype("float64"), "float64; if 255 is white, image.round().astype('uint8') would do"),
        (np.array([[-1.0, 1.0]]), "bring its numbers, -1 to 1, to uint8 of 0..255 as they are meant"),
        (RGB.astype("int64"), "int64; if 255 is white, image.round().astype('uint8') would do"),
        (GRAY.astype("uint16") * 100, "uint16; bring its numbers, 100 to "),
        (GRAY > 9, "bool; image.astype('uint8') * 255 would do"),
        (RGB.transpose(2, 0, 1), "shape (3, 5, 7), dtype uint8, channels first; np.moveaxis(image, 0, -1)"),
        (GRAY[None], "shape (1, 5, 7), dtype uint8, channels first; np.moveaxis(image, 0, -1) would do"),
        (RGB[None], "shape (1, 5, 7, 3), dtype uint8; list(images) would be a batch"),
        (RGB[..., :2], "shape (5, 7, 2), dtype uint8"),
        (RGB[:0], "shape (0, 7, 3), dtype uint8"),
        (GRAY[0], "shape (7,), dtype uint8"),
        (np.array("a.png"), "shape (), dtype <U5"),
        (None, "None, as OpenCV gives for a file it cannot read"),
        (RGB.tolist(), "Received: list"),
        (7, "Received: int"),
        (Image.new("RGB", (0, 5)), "Received: a Pillow image of 0x5 pixels"),
        (io.StringIO("a.png"), "Received: a file that is not open for bytes"),
        (np.full((2, 2, 3), np.nan), "bring its numbers, nan to nan"),
    ],
)
def test_what_may_be_two_things_is_refused_with_what_to_do(image, advice):
    with pytest.raises(ValueError) as caught:
        pixels_of(image)
    message = str(caught.value)
    assert message.startswith("An image must be a [height, width, 3] uint8 array of RGB")
    assert advice in message and "\n" not in message


def test_a_file_that_is_missing_or_no_image_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="gone.png: no such image file"):
        pixels_of(tmp_path / "gone.png")
    with pytest.raises(OSError, match="expected an image file"):
        pixels_of(tmp_path)
    for form in (b"hello", io.BytesIO(b""), b""):
        with pytest.raises(ValueError, match="expected an image"):
            pixels_of(form)
