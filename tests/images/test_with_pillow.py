"""What Pillow reads and TensorFlow does not: TIFF, AVIF, JPEG 2000, PPM, HEIC where its plugin is there."""

import io
import struct
import zlib

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from PIL import Image

from yolact_tf.images.decoding import read_image, read_with_pillow
from yolact_tf.images.inspection import inspect_file
from yolact_tf.images.orientation import TAG
from yolact_tf.images.with_pillow import rgb_of

HEIGHT, WIDTH = 20, 30
PIXELS = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3), dtype="uint8")


def save(folder, image, kind, **options):
    path = folder / f"a.{kind.lower()}"
    image.save(path, kind, **options)
    return path


def tiff_of_16_bits(values, order="<", alpha=None):
    """A TIFF of [H, W, 3 or 4] uint16, as Pillow reads and does not write it; alpha: as TIFF has kinds."""
    height, width, channels = values.shape
    data = values.astype(f"{order}u2").tobytes()
    extra = [(338, 3, 1, alpha)] if alpha else []
    bits_at = 8 + 2 + 12 * (9 + len(extra)) + 4
    entries = [
        (256, 4, 1, width),
        (257, 4, 1, height),
        (258, 3, channels, bits_at),
        (259, 3, 1, 1),
        (262, 3, 1, 2),
        (273, 4, 1, bits_at + 2 * channels),
        (277, 3, 1, channels),
        (278, 4, 1, height),
        (279, 4, 1, len(data)),
        *extra,
    ]
    short = lambda v: struct.pack(f"{order}HH", v, 0)
    packed = b"".join(
        struct.pack(f"{order}HHI", tag, kind, count)
        + (short(v) if kind == 3 and count == 1 else struct.pack(f"{order}I", v))
        for tag, kind, count, v in entries
    )
    head = (b"II" if order == "<" else b"MM") + struct.pack(f"{order}HIH", 42, 8, len(entries))
    bits = struct.pack(f"{order}{channels}H", *[16] * channels)
    return head + packed + bytes(4) + bits + data


@pytest.mark.parametrize(
    "kind, mode, options",
    [
        ("TIFF", "RGB", {}),
        ("TIFF", "L", {"compression": "tiff_lzw"}),
        ("TIFF", "1", {}),
        ("TIFF", "CMYK", {}),
        ("TIFF", "RGBA", {}),
        ("PPM", "RGB", {}),
        ("JPEG2000", "RGB", {}),
        ("TGA", "RGB", {}),
        ("ICO", "RGBA", {"sizes": [(16, 16)]}),
    ],
)
def test_other_formats_are_read_by_pillow_and_named_to_training(kind, mode, options, tmp_path):
    path = save(tmp_path, Image.fromarray(PIXELS).convert(mode), kind, **options)
    pillows = Image.open(io.BytesIO(path.read_bytes()))
    expected = pillows.convert("RGB")
    for read in (read_image, read_with_pillow):
        assert_array_equal(read(path), expected)
    header = inspect_file(path)
    assert header.size == expected.size and header.other.startswith(f"{pillows.format} ")


@pytest.mark.parametrize("order", ["<", ">"])
def test_colours_of_16_bits_are_read_whole(order, tmp_path):
    path = tmp_path / "satellite.tif"
    values = np.random.default_rng(1).integers(0, 2048, (HEIGHT, WIDTH, 3)).astype("uint16")
    path.write_bytes(tiff_of_16_bits(values, order))
    assert_array_equal(read_image(path), values >> 4)  # 11 bits count as 12


def png_of_16_bits(values, colour_type):
    """A PNG of [H, W, channels] uint16, whatever the channels are."""
    chunk = lambda name, data: (
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
    )
    height, width, _ = values.shape
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    header = struct.pack(">IIBBBBB", width, height, 16, colour_type, 0, 0, 0)
    parts = [chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


@pytest.mark.parametrize("colour_type, channels", [(2, 3), (4, 2), (6, 4)])
def test_a_png_of_16_bits_is_one_to_tensorflow_pillow_and_as_a_pillow_image(colour_type, channels, tmp_path):
    values = np.random.default_rng(1).integers(0, 2048, (HEIGHT, WIDTH, channels)).astype("uint16")
    path = tmp_path / "deep.png"
    path.write_bytes(png_of_16_bits(values, colour_type))
    expected = np.broadcast_to(values[..., :3] if channels > 2 else values[..., :1], PIXELS.shape) >> 4
    with Image.open(path) as image:
        for received in (read_image(path), read_with_pillow(path), rgb_of(image), rgb_of(image)):
            assert_array_equal(received, expected)
    with pytest.raises(ValueError, match="closed"):
        rgb_of(image)


def test_other_colours_of_16_bits_are_read_whole(tmp_path):
    values = np.random.default_rng(1).integers(0, 2048, (HEIGHT, WIDTH, 3)).astype("uint16")
    with_alpha = np.concatenate([values, np.full_like(values[..., :1], 65535)], 2)
    files = {
        "linear.ppm": b"P6 %d %d 65535\n" % (WIDTH, HEIGHT) + values.astype(">u2").tobytes(),  # dcraw -4
        "premultiplied.tif": tiff_of_16_bits(with_alpha, alpha=1),
        "straight.tif": tiff_of_16_bits(with_alpha, ">", alpha=2),
    }
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
        assert_array_equal(read_image(tmp_path / name), values >> 4, name)


def test_whole_numbers_of_32_bits_keep_their_order(tmp_path):
    values = np.linspace(0, 2**32 - 1, HEIGHT * WIDTH).astype("uint32").reshape(HEIGHT, WIDTH)
    path = save(tmp_path, Image.fromarray(values.view("int32")), "TIFF")
    sample_format = struct.pack("<HHI", 339, 3, 1)
    path.write_bytes(path.read_bytes().replace(sample_format + b"\2", sample_format + b"\1"))  # unsigned
    assert_array_equal(read_image(path)[..., 0], values * 255.0 // (2**32 - 1))


def test_a_jpeg_2000_of_which_pillow_would_show_next_to_nothing_is_refused(tmp_path):
    cv2, path = pytest.importorskip("cv2"), tmp_path / "ortho.jp2"
    for brightest, is_read in ((2047, False), (65535, True)):
        values = np.linspace(0, brightest, 3 * 64 * 64).reshape(64, 64, 3).astype("uint16")
        path.write_bytes(cv2.imencode(".jp2", values)[1].tobytes())
        if is_read:
            assert read_image(path).max() == 255
            continue
        for read in (read_image, inspect_file):
            with pytest.raises(ValueError, match="16 bits that uses few of them; a PNG of it would do"):
                read(path)


def test_sixteen_bits_and_floats_of_one_channel(tmp_path):
    values = np.linspace(0, 4095, HEIGHT * WIDTH).reshape(HEIGHT, WIDTH)
    for dtype, scale in (("uint16", 1), ("int32", 1), ("float32", 1 / 4095)):
        path = save(tmp_path, Image.fromarray((values * scale).astype(dtype)), "TIFF")
        read = read_image(path)
        assert_array_equal(read[..., 0], read[..., 2])
        np.testing.assert_allclose(read[..., 0], values / 16, atol=1.6)


@pytest.mark.parametrize(
    "dtype, gap", [("float32", -9999), ("float32", -3.4028234663852886e38), ("uint16", 65535)]
)
def test_what_gdal_did_not_measure_is_dark_and_the_rest_as_without_it(dtype, gap, tmp_path):
    values = np.linspace(0, 4000, HEIGHT * WIDTH).reshape(HEIGHT, WIDTH).astype(dtype)
    expected = read_image(save(tmp_path, Image.fromarray(values), "TIFF")).copy()
    values[3:9, 4:] = gap
    expected[3:9, 4:] = 0
    for written in (str(float(gap)), f"{gap}\0"):
        path = save(tmp_path, Image.fromarray(values), "TIFF", tiffinfo={42113: written})
        assert_array_equal(read_image(path), expected)
    path = save(tmp_path, Image.fromarray(values), "TIFF", tiffinfo={42113: "none"})
    assert not np.array_equal(read_image(path), expected)


def test_of_several_pages_the_first_is_read_and_the_number_told(tmp_path):
    pages = [Image.fromarray(np.full((4, 5), value, "uint8")) for value in (10, 20, 30)]
    path = save(tmp_path, pages[0], "TIFF", save_all=True, append_images=pages[1:])
    assert inspect_file(path).num_pages == 3
    assert_array_equal(read_image(path), np.full((4, 5, 3), 10))


@pytest.mark.parametrize("kind", ["TIFF", "AVIF", "JPEG"])
def test_what_is_stored_on_its_side_stands_upright(kind, tmp_path):
    if kind == "AVIF":
        pytest.importorskip("PIL._avif")
    exif = Image.Exif()
    exif[TAG] = 6
    path = save(tmp_path, Image.fromarray(PIXELS), kind, exif=exif)
    header = inspect_file(path)
    assert header.size == (HEIGHT, WIDTH) and header.stored_size == (WIDTH, HEIGHT)
    assert read_image(path).shape == (WIDTH, HEIGHT, 3)
    assert_array_equal(rgb_of(Image.open(io.BytesIO(path.read_bytes()))), read_with_pillow(path))


def test_heic_is_read_where_its_plugin_is_there(tmp_path):
    pytest.importorskip("pillow_heif").register_heif_opener()
    path = save(tmp_path, Image.fromarray(PIXELS), "HEIF")
    assert read_image(path).shape == (HEIGHT, WIDTH, 3)
    assert inspect_file(path).other == "HEIF RGB"


def test_what_is_white_at_0_is_turned_around(tmp_path):
    values = np.array([[0, 2048, 4095]], "uint16")
    path = save(tmp_path, Image.fromarray(values), "TIFF", tiffinfo={262: 0})
    assert_array_equal(read_image(path)[..., 0], [[255, 127, 0]])


def test_a_tiff_that_pillow_does_not_read_is_called_so(tmp_path):
    path = tmp_path / "odd.tif"
    path.write_bytes(b"II*\0" + bytes(40))
    for read in (read_image, inspect_file):
        with pytest.raises(
            ValueError, match="a TIFF of a kind that Pillow does not read; a PNG of it would do"
        ):
            read(path)


def test_the_thumbnail_of_a_raw_file_is_not_taken_for_its_picture(tmp_path):
    """NEF and DNG are TIFF: their first picture is small, and the photograph a child of it."""
    path = save(tmp_path, Image.fromarray(PIXELS), "TIFF", tiffinfo={254: 1, 330: 8})
    for read in (read_image, inspect_file):
        with pytest.raises(ValueError, match="raw file, of which Pillow reads but the thumbnail"):
            read(path)


def test_a_heic_names_the_plugin_where_that_is_missing(tmp_path):
    path = tmp_path / "phone.heic"
    path.write_bytes(b"\0\0\0\x18ftypheic" + bytes(40))
    try:
        import pillow_heif  # noqa: F401
    except ImportError:
        with pytest.raises(ValueError, match="pip install pillow-heif"):
            inspect_file(path)
    with pytest.raises(ValueError, match="pip install pillow-heif|phone.heic: expected an image"):
        read_image(path)


def test_alpha_is_told(tmp_path):
    grey = Image.fromarray(PIXELS).convert("P")
    assert not inspect_file(save(tmp_path, grey, "PNG")).has_alpha
    assert inspect_file(save(tmp_path, grey, "PNG", transparency=3)).has_alpha
    for mode in ("RGBA", "LA"):
        assert inspect_file(save(tmp_path, Image.fromarray(PIXELS).convert(mode), "PNG")).has_alpha


def test_damage_is_named_in_one_line(tmp_path):
    stream = io.BytesIO()
    Image.fromarray(PIXELS).save(stream, "TIFF", compression="tiff_lzw")
    for length in (20, 100, len(stream.getvalue()) // 2):
        path = tmp_path / "cut.tif"
        path.write_bytes(stream.getvalue()[:length])
        for read in (read_image, read_with_pillow, inspect_file):
            with pytest.raises(ValueError) as caught:
                read(path)
            assert str(caught.value).startswith(f"{path}: expected ") and "\n" not in str(caught.value)


def test_an_orientation_that_only_xmp_has_turns_nothing(tmp_path):
    xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf tiff:Orientation="6"/></x:xmpmeta>'
    path = save(tmp_path, Image.fromarray(PIXELS), "JPEG", xmp=xmp)
    with Image.open(path) as image:
        assert image.getexif().get(TAG) == 6  # as Pillow has it, and neither TensorFlow nor OpenCV
    assert inspect_file(path).size == (WIDTH, HEIGHT)
    assert read_image(path).shape == read_with_pillow(path).shape == (HEIGHT, WIDTH, 3)
