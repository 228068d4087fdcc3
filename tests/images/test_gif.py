"""GIF: the first frame is the picture only where it fills the screen, and nobody says otherwise."""

import io
import struct

import pytest
import tensorflow as tf
from numpy.testing import assert_array_equal
from PIL import Image

from yolact_tf.images.decoding import decode_image, read_image, read_with_pillow
from yolact_tf.images.gif import PARTIAL_GIF, screen_of
from yolact_tf.images.inspection import inspect_file

SCREEN = (12, 9)


def gif(*frames, screen=SCREEN):
    """A GIF of frames (left, top, width, height), frame i all of colour i."""
    palette = bytes(range(0, 240, 60)) * 3
    data = b"GIF89a" + struct.pack("<HHBBB", *screen, 0x81, 0, 0) + palette
    for number, (left, top, width, height) in enumerate(frames):
        bits = "".join(f"{code:03b}"[::-1] for _ in range(width * height) for code in (4, number)) + "101"
        # A code after each clearing of the table: no entry is ever added, and codes stay 3 bits wide.
        packed = int(bits[::-1], 2).to_bytes(len(bits) // 8 + 1, "little")
        blocks = [packed[at : at + 255] for at in range(0, len(packed), 255)]
        data += b"," + struct.pack("<HHHHB", left, top, width, height, 0) + b"\2"
        data += b"".join(bytes([len(block)]) + block for block in blocks) + b"\0"
    return data + b";"


WHOLE = (0, 0, *SCREEN)


@pytest.mark.parametrize("frames", [[WHOLE], [WHOLE, WHOLE], [WHOLE, (2, 3, 4, 5)]])
def test_a_first_frame_that_fills_the_screen_is_read(frames, tmp_path):
    path = tmp_path / "whole.gif"
    path.write_bytes(gif(*frames))
    assert screen_of(path.read_bytes()) == inspect_file(path).size == SCREEN
    with Image.open(path) as image:
        assert image.size == SCREEN and image.n_frames == len(frames)
    assert_array_equal(read_image(path), read_with_pillow(path))
    assert read_image(path).shape == (9, 12, 3)


@pytest.mark.parametrize(
    "frames",
    [
        [(0, 0, 6, 8)],
        [(2, 1, 10, 8)],
        [(0, 0, 12, 8)],
        [(0, 0, 6, 8), WHOLE],
        [(0, 0, 13, 9)],
        [(3, 0, 12, 9)],
    ],
)
def test_another_first_frame_is_for_pillow_alone(frames, tmp_path):
    path = tmp_path / "part.gif"
    path.write_bytes(gif(*frames))
    assert inspect_file(path).other == PARTIAL_GIF
    expected = Image.open(io.BytesIO(path.read_bytes())).convert("RGB")
    for read in (read_image, read_with_pillow):
        assert_array_equal(read(path), expected)


@pytest.mark.parametrize("frames", [[(0, 0, 6, 8)], [(2, 1, 10, 8)], [(0, 0, 13, 9)], [WHOLE, (0, 0, 13, 9)]])
def test_graphs_make_no_picture_of_another_size_than_the_screens(frames):
    decode = tf.function(decode_image, input_signature=[tf.TensorSpec([], tf.string)])
    for read in (decode, decode_image):
        with pytest.raises(tf.errors.InvalidArgumentError, match=PARTIAL_GIF):
            read(gif(*frames))
