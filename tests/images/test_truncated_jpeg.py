"""JPEGs of which a part is missing before the end marker: found, whatever their kind, and no others."""

import io

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from yolact_tf.images.decoding import decode_image, decode_whole_image, read_image, read_with_pillow
from yolact_tf.images.truncated_jpeg import CUT_SHORT, is_cut_short, jpeg_end

END = b"\xff\xd9"


def jpeg(mode="RGB", level=None, **options):
    """A JPEG of noise, or of one level of grey."""
    pixels = np.random.default_rng(0).integers(0, 256, (90, 120, 3), dtype="uint8")
    picture = Image.fromarray(pixels if level is None else np.full_like(pixels, level)).convert(mode)
    stream = io.BytesIO()
    picture.save(stream, "JPEG", quality=80, **options)
    return stream.getvalue()


def cut(data, share):
    """The first part of a JPEG and an end marker, as some programs write what a transfer left."""
    return data[: int(len(data) * share)].rstrip(b"\xff") + END


KINDS = {
    "colour": {},
    "grey": {"mode": "L"},
    "CMYK": {"mode": "CMYK"},
    "restart markers": {"restart_marker_rows": 1},
    "progressive": {"progressive": True},
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_part_that_is_missing_is_found(kind):
    whole = jpeg(**KINDS[kind])
    assert not is_cut_short(whole) and not is_cut_short(whole + bytes(5000))
    for share in (0.4, 0.5, 0.9, 0.98):
        assert is_cut_short(cut(whole, share)), share


@pytest.mark.whole
@pytest.mark.parametrize("kind", ["colour", "grey", "CMYK", "restart markers"])
def test_what_a_decoder_would_make_up_is_refused_wherever_images_are_read(kind, tmp_path):
    whole, path = jpeg(**KINDS[kind]), tmp_path / "cut.jpg"
    np.testing.assert_array_equal(decode_whole_image(whole), decode_image(whole))
    for share in (0.4, 0.5, 0.9):
        path.write_bytes(cut(whole, share))
        for read in (read_image, read_with_pillow):
            with pytest.raises(ValueError) as caught:
                read(path)
            assert str(caught.value) == f"{path}: expected an image. Received: {CUT_SHORT}"
        dataset = tf.data.Dataset.from_tensors(path.read_bytes()).map(decode_whole_image)
        with pytest.raises(tf.errors.InvalidArgumentError, match=CUT_SHORT):
            list(dataset)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("count", [1, 2, 1000])
def test_a_filled_end_marker_is_whole(kind, count, tmp_path):
    whole = jpeg(**KINDS[kind])
    filled = whole[:-2] + b"\xff" * count + END
    assert not is_cut_short(filled) and jpeg_end(filled) == jpeg_end(whole)
    half = cut(whole, 0.5)
    assert is_cut_short(half[:-2] + b"\xff" * count + END)


@pytest.mark.parametrize("level", [63, 64, 128])
def test_a_picture_that_is_as_grey_as_a_filling_is_read(level, tmp_path):
    path = tmp_path / "grey.jpg"
    path.write_bytes(jpeg(level=level))
    assert (read_image(path) == level).all() and (read_with_pillow(path) == level).all()


def test_the_end_is_that_of_the_picture_itself():
    whole = jpeg()
    thumbnail = b"Exif\0\0" + jpeg("L")
    assert whole.endswith(END) and jpeg_end(whole) == len(whole) - 2
    assert jpeg_end(whole[:-2]) == -1 and jpeg_end(b"") == -1 and jpeg_end(b"\xff\xd8") == -1
    nested = jpeg(exif=thumbnail)
    assert jpeg_end(nested) == len(nested) - 2 and jpeg_end(nested[:-2]) == -1
    assert jpeg_end(whole + whole) == len(whole) - 2
