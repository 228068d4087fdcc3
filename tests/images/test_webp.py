"""WebP: what is made of the mark that an animation needs, and that nothing else is touched."""

import io

import numpy as np
import pytest
import tensorflow as tf
from numpy.testing import assert_array_equal
from PIL import Image

from yolact_tf.images.decoding import decode_image
from yolact_tf.images.inspection import inspect_file
from yolact_tf.images.webp import with_room

TRANSPARENT = 0x10


def webp(mode="RGB", frames=1, **options):
    """A lossless WebP, or an animation, of noise; its first frame's pixels."""
    noise = np.random.default_rng(0).integers(1, 256, (frames, 40, 56, 4), dtype="uint8")
    images = [Image.fromarray(frame).convert(mode) for frame in noise]
    more = {"save_all": True, "append_images": images[1:]} if frames > 1 else {}
    stream = io.BytesIO()
    images[0].save(stream, "WEBP", lossless=True, **more, **options)
    return stream.getvalue(), noise[0, ..., :3]


NOTES = {"icc_profile": b"a profile!", "exif": b"Exif\0\0II*\0\x08\0\0\0\0\0", "xmp": b"<x/>"}


@pytest.mark.whole
@pytest.mark.parametrize("options", [{}, NOTES, {"background": (9, 8, 7, 255)}])
def test_an_opaque_animation_gets_room_for_its_transparency(options, tmp_path):
    encoded, first = webp(frames=3, **options)
    assert not encoded[20] & TRANSPARENT
    marked = with_room(encoded).numpy()
    # Else the process would end here.
    assert marked[20] & TRANSPARENT and marked[21:] == encoded[21:] and marked[:20] == encoded[:20]
    (tmp_path / "animation").write_bytes(encoded)
    assert inspect_file(tmp_path / "animation").size == (56, 40)
    decode = tf.function(decode_image, input_signature=[tf.TensorSpec([], tf.string)])
    for _ in range(20):
        assert_array_equal(decode(encoded), first)


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
@pytest.mark.parametrize("options", [{}, NOTES])
def test_a_single_picture_stays_as_it_is(mode, options):
    encoded, _ = webp(mode, **options)
    assert with_room(encoded) == encoded


@pytest.mark.parametrize("length", [0, 4, 12, 16, 20, 21])
def test_the_beginning_of_a_file_is_no_image_and_no_harm(length):
    encoded, _ = webp(frames=3)
    with pytest.raises(tf.errors.InvalidArgumentError):
        decode_image(encoded[:length])
