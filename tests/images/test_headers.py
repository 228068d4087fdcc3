"""Sizes by headers: the law is what decoding makes; bombs are refused before it."""

import io
import struct

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from tests.image_bombs import gif, png_header
from yolact_tf.images.decoding import decode_image
from yolact_tf.images.headers import ENDLESS, count_pixels, require_pixels

count = tf.function(count_pixels, input_signature=[tf.TensorSpec([], tf.string)])


def encoded(kind, mode="RGB", frames=1, **options):
    """An image, or an animation, of 41 x 30 noise."""
    noise = np.random.default_rng(0).integers(0, 256, (frames, 30, 41, 4), dtype=np.uint8)
    images = [Image.fromarray(frame).convert(mode) for frame in noise]
    buffer = io.BytesIO()
    animation = {"save_all": True, "append_images": images[1:]} if frames > 1 else {}
    images[0].save(buffer, kind, **animation, **options)
    return buffer.getvalue()


STILL = {
    "jpeg": ("JPEG", {}),
    "progressive jpeg": ("JPEG", {"progressive": True}),
    "grey jpeg": ("JPEG", {"mode": "L"}),
    "png": ("PNG", {}),
    "palette png": ("PNG", {"mode": "P"}),
    "16-bit png": ("PNG", {"mode": "I;16"}),
    "gif": ("GIF", {}),
    "bmp": ("BMP", {}),
    "webp": ("WEBP", {}),
    "lossless webp": ("WEBP", {"lossless": True}),
    "webp with exif": ("WEBP", {"exif": Image.Exif().tobytes()}),
}


@pytest.mark.parametrize("name", STILL)
def test_a_header_says_what_decoding_makes(name):
    kind, options = STILL[name]
    image = encoded(kind, **options) if name != "16-bit png" else sixteen_bits()
    assert count(image) == 41 * 30 == np.prod(decode_image(tf.constant(image)).shape[:2])
    assert require_pixels(tf.constant(image), 41 * 30) == image


def sixteen_bits():
    return tf.io.encode_png(tf.zeros([30, 41, 3], tf.uint16)).numpy()


@pytest.mark.parametrize("kind", ["GIF", "WEBP"])
def test_all_frames_of_an_animation_count(kind):
    assert count(encoded(kind, frames=3)) == 3 * 41 * 30


def test_a_transparent_webp_counts_its_canvas():
    assert count(encoded("WEBP", "RGBA")) == 41 * 30


def test_a_bmp_from_top_to_bottom_has_a_size():
    image = bytearray(encoded("BMP"))
    image[22:26] = struct.pack("<i", -30)
    assert count(bytes(image)) == 41 * 30


# What the decoder passes before it comes to the frames: an extension with an empty first block hides nothing.
@pytest.mark.parametrize(
    "extension", [b"!\xfe\x02ab\0", b"!\xfe\0\x02ab\0", b"!\xfe\x02ab\xff" + b"," * 255 + b"\0"]
)
def test_frames_are_where_the_decoder_finds_them(extension):
    image = encoded("GIF", frames=3)
    start = 13 + 3 * 2 ** (image[10] % 8 + 1)
    image = image[:start] + extension + image[start:]
    frames = tf.io.decode_gif(image).shape[0]
    assert frames == 3 and count(image) == frames * 41 * 30


def test_data_in_long_runs_of_full_blocks_are_passed():
    noise = np.random.default_rng(0).integers(0, 256, (300, 300), dtype=np.uint8)
    images = [Image.fromarray(noise), Image.fromarray(255 - noise)]
    buffer = io.BytesIO()
    images[0].save(buffer, "GIF", save_all=True, append_images=images[1:])
    assert len(buffer.getvalue()) > 2 * 64 * 256 and count(buffer.getvalue()) == 2 * 300 * 300


def test_a_walk_over_countless_blocks_ends():
    assert count(b"GIF89a" + bytes(7) + b"!\xfe" + b"\1a" * 100_000 + b"\0;") == ENDLESS


@pytest.mark.parametrize(
    "data", [b"", b"\0", b"no image", b"\x89PNG\r\n\x1a\n", b"RIFF\0\0\0\0WEBP\x2f\0\0\0\0", b"\xff\x0a"]
)
def test_what_has_no_header_of_these_is_refused(data):
    assert count(data) == 0
    with pytest.raises(tf.errors.InvalidArgumentError, match="must be JPEG, PNG, WebP, GIF or BMP"):
        require_pixels(tf.constant(data), 100)


@pytest.mark.parametrize(
    ("bomb", "pixels"),
    [
        (png_header(20_000, 20_000), 400_000_000),
        (png_header(2**32 - 1, 2**32 - 1), (2**31 - 1) ** 2),
        (gif(1000, 1000, frames=51), 51_000_000),
    ],
)
def test_a_bomb_is_refused_before_it_is_decoded(bomb, pixels):
    @tf.function
    def decode(image):
        return decode_image(require_pixels(image, 50_000_000))

    with pytest.raises(tf.errors.InvalidArgumentError, match=f"at most 50000000 pixels. Received: {pixels}"):
        decode(tf.constant(bomb))
