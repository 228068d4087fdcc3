"""Decoding: formats against Pillow, EXIF orientation, and what the cheap check finds."""

import io
import struct

import numpy as np
import pytest
import tensorflow as tf
from numpy.testing import assert_array_equal
from PIL import Image, ImageOps

from yolact_tf.data.images import (
    decode_image,
    exif_orientation,
    inspect_image,
    orient,
    read_image,
    read_with_pillow,
)

HEIGHT, WIDTH = 40, 56


@pytest.fixture(scope="module")
def picture():
    """Blocks of eight pixels in random colours: no two corners alike, and kind to JPEG."""
    colors = np.random.default_rng(0).integers(0, 256, (HEIGHT // 8, WIDTH // 8, 3))
    return Image.fromarray(np.kron(colors, np.ones((8, 8, 1))).astype("uint8"))


def encode(image, kind, **options):
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def jpeg(image, **options):
    return encode(image, "JPEG", quality=95, subsampling=0, **options)


def exif(orientation, order=">"):
    """EXIF bytes with three entries, the orientation in the middle; order: "<" little, ">" big."""
    entry = lambda tag, value: struct.pack(f"{order}HHIHH", tag, 3, 1, value, 0)
    header = (b"II" if order == "<" else b"MM") + struct.pack(f"{order}HI", 42, 8)
    entries = entry(0x0100, 6) + entry(0x0112, orientation) + entry(0x0213, 1)
    return b"Exif\0\0" + header + struct.pack(f"{order}H", 3) + entries + struct.pack(f"{order}I", 0)


def turned(pixels, orientation):
    """What Pillow makes of pixels with that orientation."""
    image = Image.fromarray(pixels)
    image.getexif()[0x0112] = orientation
    return np.array(ImageOps.exif_transpose(image))


def write(folder, data, name="image"):
    path = folder / name
    path.write_bytes(data)
    return path


# Orientation


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("order", ["<", ">"])
def test_every_orientation_is_turned_as_pillow_turns_it(picture, orientation, order):
    encoded = jpeg(picture, exif=exif(orientation, order))
    assert int(exif_orientation(encoded)) == orientation
    decoded = decode_image(encoded).numpy()
    assert_array_equal(decoded, turned(tf.io.decode_jpeg(encoded).numpy(), orientation))
    # Pillow's own decoder differs by JPEG noise; turned any other way it would differ by tens.
    of_pillow = np.array(ImageOps.exif_transpose(Image.open(io.BytesIO(encoded))), "float32")
    assert np.abs(decoded - of_pillow).mean() < 2


def test_two_mirrorings_leave_the_image_as_it_was(picture):
    pixels = tf.constant(np.array(picture))
    for orientation in (1, 2, 3, 4, 5, 7):  # 6 and 8 undo each other instead
        assert_array_equal(orient(orient(pixels, orientation), orientation), pixels)
    assert_array_equal(orient(orient(pixels, 6), 8), pixels)


@pytest.mark.parametrize("orientation", [0, 9, 65535])
def test_an_orientation_that_does_not_exist_is_ignored(picture, orientation):
    encoded = jpeg(picture, exif=exif(orientation))
    assert int(exif_orientation(encoded)) == 1
    assert decode_image(encoded).shape == (HEIGHT, WIDTH, 3)


def test_pillows_exif_is_read(picture):
    tags = Image.Exif()
    tags[0x010F], tags[0x0112] = "a camera", 6
    assert int(exif_orientation(jpeg(picture, exif=tags))) == 6


def test_a_jpeg_without_exif_is_upright(picture):
    assert int(exif_orientation(jpeg(picture))) == 1
    assert decode_image(jpeg(picture)).shape == (HEIGHT, WIDTH, 3)


def test_the_word_exif_elsewhere_means_nothing(picture):
    assert int(exif_orientation(jpeg(picture, comment=b"Exif II*\0 is not here"))) == 1
    both = jpeg(picture, comment=b"Exif MM\0*", exif=exif(8))
    assert int(exif_orientation(both)) == 8


@pytest.mark.parametrize("length", [0, 1, 2, 8, 14, 20])
def test_cut_off_exif_is_no_orientation(picture, length):
    encoded = jpeg(picture, exif=exif(6)[: 6 + length])
    assert int(exif_orientation(encoded)) == 1


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_only_a_jpeg_is_turned(picture, kind):
    options = {"lossless": True} if kind == "WEBP" else {}
    encoded = encode(picture, kind, exif=exif(6), **options)
    assert int(exif_orientation(encoded)) == 1
    assert_array_equal(decode_image(encoded), np.array(picture))


def test_tf_data_decodes_as_eager_code_does(picture):
    encoded = [jpeg(picture, exif=exif(o)) for o in range(1, 9)]
    encoded += [encode(picture, kind) for kind in ("PNG", "WEBP", "GIF", "BMP")]
    dataset = tf.data.Dataset.from_tensor_slices(encoded).map(decode_image)
    assert dataset.element_spec == tf.TensorSpec((None, None, 3), tf.uint8)
    for data, decoded in zip(encoded, dataset, strict=True):
        assert_array_equal(decoded, decode_image(data))


# Formats


@pytest.mark.parametrize(
    "kind, mode, options",
    [
        ("PNG", "RGB", {}),
        ("PNG", "L", {}),
        ("PNG", "1", {}),
        ("PNG", "P", {}),
        ("PNG", "LA", {}),
        ("PNG", "RGBA", {}),
        ("WEBP", "RGB", {"lossless": True}),
        ("WEBP", "RGBA", {"lossless": True}),
        ("GIF", "P", {}),
        ("BMP", "RGB", {}),
        ("BMP", "L", {}),
    ],
)
def test_lossless_formats_equal_pillow(picture, kind, mode, options):
    encoded = encode(picture.convert(mode), kind, **options)
    expected = np.array(Image.open(io.BytesIO(encoded)).convert("RGB"))
    decoded = decode_image(encoded)
    assert decoded.dtype == tf.uint8
    assert_array_equal(decoded, expected)


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
@pytest.mark.parametrize("progressive", [False, True])
def test_jpeg_equals_pillow_up_to_rounding(picture, mode, progressive):
    encoded = jpeg(picture.convert(mode), progressive=progressive)
    expected = np.array(Image.open(io.BytesIO(encoded)).convert("RGB"), "float32")
    assert np.abs(decode_image(encoded).numpy() - expected).mean() < 1


def test_transparency_is_dropped_not_blended(picture):
    see_through = picture.copy()
    see_through.putalpha(0)
    assert_array_equal(decode_image(encode(see_through, "PNG")), np.array(picture))


def test_sixteen_bits_become_eight():
    # 257 is 65535 / 255: both ends and every eight-bit level stay what they were.
    levels = np.arange(256, dtype="uint16").reshape(16, 16)
    decoded = decode_image(encode(Image.fromarray(levels * 257), "PNG"))
    assert_array_equal(decoded, np.repeat(levels[..., None], 3, 2))
    assert int(decoded[-1, -1, 0]) == 255


def test_a_gif_gives_its_first_frame(picture):
    encoded = encode(picture, "GIF", save_all=True, append_images=[picture.rotate(180)])
    expected = np.array(Image.open(io.BytesIO(encoded)).convert("RGB"))
    assert_array_equal(decode_image(encoded), expected)


def test_a_multi_picture_jpeg_gives_its_first_upright(picture, tmp_path):
    encoded = encode(picture, "MPO", save_all=True, append_images=[picture], exif=exif(6))
    path = write(tmp_path, encoded, "photo.jpg")
    assert Image.open(path).format == "MPO"
    assert read_image(path).shape == (WIDTH, HEIGHT, 3)
    assert inspect_image(path) == (HEIGHT, WIDTH)


def test_one_pixel(tmp_path):
    path = write(tmp_path, encode(Image.new("RGB", (1, 1), (1, 2, 3)), "PNG"))
    assert_array_equal(read_image(path), [[[1, 2, 3]]])
    assert inspect_image(path) == (1, 1)


# Files


def test_read_image_reads_a_unicode_path(picture, tmp_path):
    path = write(tmp_path, encode(picture, "PNG"), "Käfer 木.png")
    assert_array_equal(read_image(path), np.array(picture))
    assert_array_equal(read_image(str(path)), np.array(picture))


def test_without_tensorflow_pillow_reads_the_same(picture, tmp_path):
    sixteen_bits = Image.fromarray(np.arange(0, 65536, 257, "uint16").reshape(16, 16))
    lossless = [encode(picture.convert(mode), "PNG", exif=exif(6)) for mode in ("RGB", "L", "P", "RGBA")]
    lossless += [encode(picture, "BMP"), encode(picture, "GIF"), encode(sixteen_bits, "PNG")]
    for data in lossless:
        path = write(tmp_path, data)
        assert_array_equal(read_with_pillow(path), read_image(path))
    path = write(tmp_path, jpeg(picture, exif=exif(6)))
    assert np.abs(read_with_pillow(path).astype(int) - read_image(path)).mean() < 2
    for data, error in ((b"hello", ValueError), (None, FileNotFoundError)):
        path = write(tmp_path, data) if data else tmp_path / "gone.png"
        with pytest.raises(error):
            read_with_pillow(path)


def test_read_image_names_a_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError) as caught:
        read_image(tmp_path / "gone.png")
    assert str(caught.value) == f"{tmp_path / 'gone.png'}: no such image file"


def test_read_image_names_what_is_no_image_in_one_line(picture, tmp_path):
    for data in (b"", b"hello", jpeg(picture)[:600], encode(picture, "PNG")[:90], encode(picture, "TIFF")):
        path = write(tmp_path, data)
        with pytest.raises(ValueError) as caught:
            read_image(path)
        message = str(caught.value)
        assert message.startswith(f"{path}: expected an image. Received: ")
        assert "\n" not in message and len(message) > len(f"{path}: expected an image. Received: ")


@pytest.mark.parametrize(
    "kind, mode",
    [("JPEG", "RGB"), ("JPEG", "CMYK"), ("PNG", "RGBA"), ("WEBP", "RGB"), ("GIF", "P"), ("BMP", "RGB")],
)
def test_inspect_gives_the_size_that_decoding_gives(picture, kind, mode, tmp_path):
    path = write(tmp_path, encode(picture.convert(mode), kind))
    assert inspect_image(path) == (WIDTH, HEIGHT)
    assert read_image(path).shape == (HEIGHT, WIDTH, 3)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_inspect_gives_the_size_of_the_upright_image(picture, orientation, tmp_path):
    path = write(tmp_path, jpeg(picture, exif=exif(orientation)))
    height, width, _ = read_image(path).shape
    assert inspect_image(path) == (width, height)
    assert width == (HEIGHT if orientation > 4 else WIDTH)


def test_the_suffix_does_not_matter(picture, tmp_path):
    path = write(tmp_path, jpeg(picture), "really_a_jpeg.png")
    assert inspect_image(path) == (WIDTH, HEIGHT)
    assert read_image(path).shape == (HEIGHT, WIDTH, 3)


def test_bytes_after_the_end_of_a_jpeg_are_no_harm(picture, tmp_path):
    # Phones append the film of a moving photo, megabytes of it.
    path = write(tmp_path, jpeg(picture) + bytes(100_000))
    assert inspect_image(path) == (WIDTH, HEIGHT)
    assert read_image(path).shape == (HEIGHT, WIDTH, 3)


def test_a_missing_file_is_not_found(tmp_path):
    with pytest.raises(FileNotFoundError) as caught:
        inspect_image(tmp_path / "gone.jpg")
    assert str(caught.value) == f"{tmp_path / 'gone.jpg'}: no such image file"


def broken_files(picture):
    """name -> (bytes, what the refusal must say)."""
    png = bytearray(encode(picture, "PNG"))
    png[len(png) // 2] ^= 0xFF
    small = picture.copy()
    small.thumbnail((16, 16))
    whole = jpeg(picture, exif=exif(1) + jpeg(small))  # the thumbnail has an end marker of its own
    frames = {"save_all": True, "append_images": [picture.rotate(180)], "lossless": True}
    return {
        "empty": (b"", "Received 0 bytes"),
        "text": (b"This is no image.", "starting b'This is "),
        "a JPEG's first bytes": (jpeg(picture)[:300], "Received"),
        "a JPEG without its last tenth": (jpeg(picture)[: -len(jpeg(picture)) // 10], "end marker"),
        "a cut JPEG with a thumbnail": (whole[:-20], "end marker"),
        "a cut PNG": (encode(picture, "PNG")[:-20], "whole image"),
        "a PNG with a flipped byte": (bytes(png), "whole image"),
        "a cut GIF": (encode(picture, "GIF")[:-20], "whole image"),
        "a cut BMP": (encode(picture, "BMP")[:-20], "whole image"),
        "a cut WebP": (encode(picture, "WEBP")[:-20], "whole image"),
        "a TIFF": (encode(picture, "TIFF"), "Received: TIFF RGB"),
        "an indexed BMP": (encode(picture.convert("P"), "BMP"), "Received: BMP P"),
        "an animated WebP": (encode(picture, "WEBP", **frames), "Received: animated WEBP"),
    }


def test_every_broken_file_is_refused_in_one_line_that_names_it(picture, tmp_path):
    for name, (data, expected) in broken_files(picture).items():
        path = write(tmp_path, data, name)
        with pytest.raises(ValueError) as caught:
            inspect_image(path)
        message = str(caught.value)
        assert message.startswith(f"{path}: expected ") and expected in message, message
        assert "\n" not in message


def test_the_decoder_refuses_what_the_check_refuses(picture, tmp_path):
    for name, (data, _) in broken_files(picture).items():
        if name != "an indexed BMP":  # the decoder would take indices for gray
            with pytest.raises(ValueError):
                read_image(write(tmp_path, data, name))


def test_real_images_pass_and_have_the_annotated_size(shared_data):
    paths = sorted((shared_data / "coco100" / "images").glob("*.jpg"))[:10]
    for path in paths:
        height, width, _ = read_image(path).shape
        assert inspect_image(path) == (width, height)
    assert len(paths) == 10
