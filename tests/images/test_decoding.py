"""Decoding: formats against Pillow, EXIF orientation, and what the cheap check finds."""

import io
import struct
import zlib

import numpy as np
import pytest
import tensorflow as tf
from numpy.testing import assert_array_equal
from PIL import Image, ImageOps

from yolact_tf.images.bmp import ODD_BMP
from yolact_tf.images.decoding import (
    decode_image,
    decode_whole_image,
    exif_orientation,
    orient,
    read_image,
    read_with_pillow,
)
from yolact_tf.images.inspection import inspect_file

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
    encoded += [encode(picture.convert("P"), "BMP")]
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
        ("WEBP", "RGB", {"quality": 80}),
        ("WEBP", "RGBA", {"quality": 80}),
        ("GIF", "P", {}),
        ("GIF", "P", {"transparency": 0}),
        ("BMP", "RGB", {}),
        ("BMP", "RGBA", {}),
        ("BMP", "L", {}),
        ("BMP", "P", {}),
    ],
)
def test_what_is_accepted_reads_everywhere_as_pillow_reads_it(picture, kind, mode, options, tmp_path):
    image = picture.convert(mode)
    if mode in ("LA", "RGBA"):  # Pillow itself leaves out an alpha that says nothing
        image.putalpha(Image.fromarray(np.arange(HEIGHT * WIDTH, dtype="uint8").reshape(HEIGHT, WIDTH)))
    encoded = encode(image, kind, **options)
    assert_read_everywhere(encoded, tmp_path)


def assert_read_everywhere(encoded, folder):
    """The check, the loader's eyes, the graphs of serving and training, and detection without TensorFlow."""
    expected = Image.open(io.BytesIO(encoded)).convert("RGB")
    path = write(folder, encoded)
    assert inspect_file(path).size == expected.size
    decoded = decode_image(encoded)
    assert decoded.dtype == tf.uint8
    assert_array_equal(decoded, np.array(expected))
    for pixels in (decode_whole_image(encoded), read_image(path), read_with_pillow(path)):
        assert_array_equal(pixels, decoded)


@pytest.mark.parametrize("kind", ["GIF", "WEBP"])
def test_an_animation_gives_its_first_frame(picture, kind, tmp_path):
    more = {"lossless": True, "append_images": [picture.rotate(180), picture.rotate(90)]}
    encoded = encode(picture, kind, save_all=True, **more)
    assert Image.open(io.BytesIO(encoded)).n_frames == 3
    assert_read_everywhere(encoded, tmp_path)


@pytest.mark.parametrize("color", [2, 6])
def test_an_interlaced_png_is_read(color, tmp_path):
    channels = {2: 3, 6: 4}[color]
    pixels = np.random.default_rng(1).integers(0, 256, (HEIGHT, WIDTH, channels), dtype="uint8")
    passes = (
        (0, 0, 8, 8),
        (0, 4, 8, 8),
        (4, 0, 8, 4),
        (0, 2, 4, 4),
        (2, 0, 4, 2),
        (0, 1, 2, 2),
        (1, 0, 2, 1),
    )
    rows = [row for y, x, down, right in passes for row in pixels[y::down, x::right]]
    encoded = png(8, color, rows, interlaced=1)
    assert_read_everywhere(encoded, tmp_path)
    assert_array_equal(decode_image(encoded), pixels[..., :3])


@pytest.mark.parametrize("color, channels", [(0, 1), (2, 3), (4, 2), (6, 4)])
def test_sixteen_bits_are_read_with_and_without_colour_and_alpha(color, channels, tmp_path):
    values = np.random.default_rng(1).integers(0, 1 << 16, (HEIGHT, WIDTH, channels)).astype(">u2")
    path = write(tmp_path, png(16, color, values))
    high = (values >> 8).astype("uint8")
    expected = high[..., :3] if channels > 2 else np.repeat(high[..., :1], 3, 2)
    assert inspect_file(path).size == (WIDTH, HEIGHT)
    assert_array_equal(read_image(path), expected)
    assert_array_equal(read_with_pillow(path), expected)


def png(bits, color, rows, interlaced=0):
    """A PNG of HEIGHT x WIDTH from rows without filters."""

    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    head = struct.pack(">IIBBBBB", WIDTH, HEIGHT, bits, color, 0, 0, interlaced)
    data = zlib.compress(b"".join(b"\0" + row.tobytes() for row in rows))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def bmp(picture, bits, masks=(), top_down=False, compression=0):
    """A BMP of a kind that Pillow does not write. masks: of red, green and blue."""
    red, green, blue = np.moveaxis(np.asarray(picture).astype("uint32"), -1, 0)
    if bits == 16:
        values = ((red >> 3) << 10 | (green >> 3) << 5 | blue >> 3).astype("<u2")[..., None]
    else:
        shifts = [16, 8, 0] if not masks else [int(mask & -mask).bit_length() - 1 for mask in masks]
        values = red << shifts[0] | green << shifts[1] | blue << shifts[2]
        values = values.astype("<u4")[..., None].view("uint8")[..., : bits // 8]
    data = np.ascontiguousarray(values if top_down else values[::-1]).tobytes()
    height = -HEIGHT if top_down else HEIGHT
    head = struct.pack(
        "<IiiHHIIiiII", 40, WIDTH, height, 1, bits, compression or 3 * bool(masks), len(data), 0, 0, 0, 0
    )
    head += struct.pack(f"<{len(masks)}I", *masks)
    return b"BM" + struct.pack("<IHHI", 14 + len(head) + len(data), 0, 0, 14 + len(head)) + head + data


BLUE_LAST = (0xFF0000, 0xFF00, 0xFF)


@pytest.mark.parametrize(
    "kind",
    [{"bits": 24, "top_down": True}, {"bits": 32}, {"bits": 32, "masks": BLUE_LAST}],
    ids=["top down", "32 bits", "masks"],
)
def test_a_bmp_of_true_colour_is_read(picture, kind, tmp_path):
    encoded = bmp(picture, **kind)
    assert_read_everywhere(encoded, tmp_path)
    assert_array_equal(decode_image(encoded), np.array(picture))


def odd_bmps(picture):
    """name -> bytes of BMPs that TensorFlow does not read, or reads wrongly."""
    return {
        "two colours": encode(picture.convert("1"), "BMP"),
        "16 bits": bmp(picture, 16),
        "other masks": bmp(picture, 32, (0xFF000000, 0xFF0000, 0xFF00)),
        "compressed": bmp(picture, 24, compression=1),
        "cut": bmp(picture, 24)[:40],
    }


@pytest.mark.whole
def test_other_bmps_are_for_pillow_alone(picture, tmp_path):
    for name, data in odd_bmps(picture).items():
        path = write(tmp_path, data, name)
        with pytest.raises(tf.errors.InvalidArgumentError):
            tf.function(decode_image)(tf.constant(data))
        if name in ("cut", "compressed"):  # nor does Pillow
            for read in (inspect_file, read_image, read_with_pillow):
                with pytest.raises(ValueError, match=f"^{path}: expected .*"):
                    read(path)
            continue
        assert inspect_file(path).other == ODD_BMP
        for read in (read_image, read_with_pillow):
            assert_array_equal(read(path), Image.open(io.BytesIO(path.read_bytes())).convert("RGB"))


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


def test_a_multi_picture_jpeg_gives_its_first_upright(picture, tmp_path):
    encoded = encode(picture, "MPO", save_all=True, append_images=[picture], exif=exif(6))
    path = write(tmp_path, encoded, "photo.jpg")
    assert Image.open(io.BytesIO(encoded)).format == "MPO"
    assert read_image(path).shape == (WIDTH, HEIGHT, 3)
    assert inspect_file(path).size == (HEIGHT, WIDTH)


def test_one_pixel(tmp_path):
    path = write(tmp_path, encode(Image.new("RGB", (1, 1), (1, 2, 3)), "PNG"))
    assert_array_equal(read_image(path), [[[1, 2, 3]]])
    assert inspect_file(path).size == (1, 1)


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
    for data in (b"", b"hello", jpeg(picture)[:600], encode(picture, "PNG")[:90]):
        path = write(tmp_path, data)
        with pytest.raises(ValueError) as caught:
            read_image(path)
        message = str(caught.value)
        assert message.startswith(f"{path}: expected an image") and "Received" in message
        assert "\n" not in message and not message.endswith("Received: ")


@pytest.mark.parametrize(
    "kind, mode",
    [("JPEG", "RGB"), ("JPEG", "CMYK"), ("PNG", "RGBA"), ("WEBP", "RGB"), ("GIF", "P"), ("BMP", "RGB")],
)
def test_inspect_gives_the_size_that_decoding_gives(picture, kind, mode, tmp_path):
    path = write(tmp_path, encode(picture.convert(mode), kind))
    assert inspect_file(path).size == (WIDTH, HEIGHT)
    assert read_image(path).shape == (HEIGHT, WIDTH, 3)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_inspect_gives_the_size_of_the_upright_image(picture, orientation, tmp_path):
    path = write(tmp_path, jpeg(picture, exif=exif(orientation)))
    height, width, _ = read_image(path).shape
    assert inspect_file(path).size == (width, height)
    assert width == (HEIGHT if orientation > 4 else WIDTH)


def test_the_suffix_does_not_matter(picture, tmp_path):
    path = write(tmp_path, jpeg(picture), "really_a_jpeg.png")
    assert inspect_file(path).size == (WIDTH, HEIGHT)
    assert read_image(path).shape == (HEIGHT, WIDTH, 3)


def test_bytes_after_the_end_of_a_jpeg_are_no_harm(picture, tmp_path):
    # Phones append the film of a moving photo, megabytes of it.
    path = write(tmp_path, jpeg(picture) + bytes(100_000))
    assert inspect_file(path).size == (WIDTH, HEIGHT)
    assert read_image(path).shape == (HEIGHT, WIDTH, 3)


def test_a_missing_file_is_not_found(tmp_path):
    with pytest.raises(FileNotFoundError) as caught:
        inspect_file(tmp_path / "gone.jpg")
    assert str(caught.value) == f"{tmp_path / 'gone.jpg'}: no such image file"


def broken_files(picture):
    """name -> (bytes, what the refusal must say)."""
    png = bytearray(encode(picture, "PNG"))
    png[len(png) // 2] ^= 0xFF
    small = picture.copy()
    small.thumbnail((16, 16))
    whole = jpeg(picture, exif=exif(1) + jpeg(small))  # the thumbnail has an end marker of its own
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
        "a cut TIFF": (encode(picture, "TIFF")[:-20], "whole image"),
    }


def test_every_broken_file_is_refused_in_one_line_that_names_it(picture, tmp_path):
    for name, (data, expected) in broken_files(picture).items():
        path = write(tmp_path, data, name)
        with pytest.raises(ValueError) as caught:
            inspect_file(path)
        message = str(caught.value)
        assert message.startswith(f"{path}: expected ") and expected in message, message
        assert "\n" not in message


def test_the_decoder_refuses_what_the_check_refuses(picture, tmp_path):
    for name, (data, _) in broken_files(picture).items():
        with pytest.raises(ValueError):
            read_image(write(tmp_path, data, name))


def test_real_images_pass_and_have_the_annotated_size(shared_data):
    paths = sorted((shared_data / "coco100" / "images").glob("*.jpg"))[:10]
    for path in paths:
        height, width, _ = read_image(path).shape
        assert inspect_file(path).size == (width, height)
    assert len(paths) == 10
