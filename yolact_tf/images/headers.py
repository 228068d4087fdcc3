"""How many pixels encoded images would decode to, by their headers: graph code of stock TensorFlow ops."""

import tensorflow as tf

from yolact_tf.structures import Tensor

# A GIF of more blocks counts as endless, or walking over them would itself take minutes.
GIF_MAX_STEPS = 4000
ENDLESS = 2**62
_HEAD = 32  # bytes that hold the size in every format but JPEG and GIF
_BLOCK_RUN = 64  # full blocks of GIF data that one step passes


def require_pixels(encoded: Tensor, max_pixels: int) -> Tensor:
    """`encoded` itself, where its header promises 1 to `max_pixels` pixels; InvalidArgumentError elsewhere.

    encoded: scalar bytes.  Whatever decodes the result waits for the check.
    """
    pixels = count_pixels(encoded)
    message = tf.where(
        pixels > 0,
        tf.strings.format("An image must have at most {} pixels. Received: {}", (max_pixels, pixels)),
        "An image must be JPEG, PNG, WebP, GIF or BMP. Received: bytes without a header of these",
    )
    is_allowed = tf.logical_and(pixels > 0, pixels <= max_pixels)
    with tf.control_dependencies([tf.debugging.Assert(is_allowed, [message])]):
        return tf.identity(encoded)


def count_pixels(encoded: Tensor) -> Tensor:
    """Pixels (int64) of scalar bytes of a JPEG, PNG, WebP, GIF or BMP, those of all frames of an animation.

    0 where the bytes are no such image; InvalidArgumentError for a JPEG without a readable header.
    """
    head = _padded_bytes(tf.strings.substr(encoded, 0, _HEAD))

    def starts(pattern, at=0):
        return tf.reduce_all(tf.equal(head[at : at + len(pattern)], list(pattern)))

    def is_webp(kind):
        return tf.logical_and(starts(b"RIFF"), starts(b"WEBP" + kind, 8))

    # The same marks, in the same order, as TensorFlow's decoder tells formats by.
    kinds = [
        (starts(b"\xff\xd8\xff"), lambda: _jpeg_pixels(encoded)),
        (starts(b"\x89PNG\r\n\x1a\n"), lambda: _png_pixels(head)),
        (starts(b"GIF8"), lambda: _gif_pixels(encoded)),
        (starts(b"BM"), lambda: _bmp_pixels(head)),
        (is_webp(b"VP8 "), lambda: _lossy_webp_pixels(head)),
        (is_webp(b"VP8L"), lambda: _lossless_webp_pixels(head)),
        (is_webp(b"VP8X"), lambda: _extended_webp_pixels(encoded, head)),
    ]
    return tf.case(kinds, default=lambda: tf.constant(0, tf.int64))


def _jpeg_pixels(encoded):
    shape = tf.cast(tf.image.extract_jpeg_shape(encoded), tf.int64)
    return shape[0] * shape[1]


def _png_pixels(head):
    width, height = (_number(head, at, 4, "big") for at in (16, 20))
    # More than 31 bits are no PNG, and the product of two such numbers would be none of 64.
    return tf.minimum(width, 2**31 - 1) * tf.minimum(height, 2**31 - 1)


def _bmp_pixels(head):
    width, height = (_number(head, at, 4) for at in (18, 22))
    # Signed: a picture from top to bottom has a negative height.
    return tf.minimum(width, 2**32 - width) * tf.minimum(height, 2**32 - height)


def _lossy_webp_pixels(head):
    return (_number(head, 26, 2) % 2**14) * (_number(head, 28, 2) % 2**14)


def _lossless_webp_pixels(head):
    bits = _number(head, 21, 4)
    return (bits % 2**14 + 1) * (bits // 2**14 % 2**14 + 1)


def _extended_webp_pixels(encoded, head):
    canvas = (_number(head, 24, 3) + 1) * (_number(head, 27, 3) + 1)
    # Each frame of an animation is a chunk of this name.
    without = tf.strings.length(tf.strings.regex_replace(encoded, "ANMF", ""))
    frames = (tf.strings.length(encoded) - without) // 4
    return canvas * tf.cast(tf.maximum(frames, 1), tf.int64)


def _gif_pixels(encoded):
    """Pixels of all frames: decoding a GIF unpacks every one, even where only the first is asked for."""
    raw = tf.pad(tf.io.decode_raw(encoded, tf.uint8), [[0, 16]])  # past the end: 0, which ends data and file
    end = tf.size(raw) - 1
    run, near = 256 * tf.range(_BLOCK_RUN), tf.range(10)

    def read(at):
        return tf.cast(tf.gather(raw, tf.minimum(at, end)), tf.int32)

    def pass_data(at, pixels):
        # Data are blocks of 1 to 255 bytes, each after its length, up to one of length 0.
        full = tf.reduce_sum(tf.math.cumprod(tf.cast(tf.equal(read(at + run), 255), tf.int32)))
        at += 256 * full
        length = read(at)
        is_run = tf.equal(full, _BLOCK_RUN)
        return tf.where(is_run, at, at + 1 + length), tf.logical_or(is_run, length > 0), pixels

    def pass_head(at, pixels):
        # A frame (left, top, width, height, flags, colours, a byte), an extension (a label and a first
        # block, after which the decoder reads data even where that block is empty), or the end.
        here = read(at + near)
        is_frame, is_extension = tf.equal(here[0], 0x2C), tf.equal(here[0], 0x21)
        frame = tf.cast(here[5] + 256 * here[6], tf.int64) * tf.cast(here[7] + 256 * here[8], tf.int64)
        after = tf.where(is_extension, at + 3 + here[2], end)
        after = tf.where(is_frame, at + 11 + _gif_table(here[9]), after)
        return after, True, pixels + tf.where(is_frame, frame, 0)

    def step(at, is_data, pixels, steps):
        passed = tf.cond(is_data, lambda: pass_data(at, pixels), lambda: pass_head(at, pixels))
        return *passed, steps + 1

    def is_inside(at, is_data, pixels, steps):
        return tf.logical_and(at < end, steps <= GIF_MAX_STEPS)

    start = (13 + _gif_table(read(10)), False, tf.constant(0, tf.int64), 0)
    _, _, pixels, steps = tf.while_loop(is_inside, step, start, parallel_iterations=1)
    return tf.where(steps > GIF_MAX_STEPS, tf.constant(ENDLESS, tf.int64), pixels)


def _gif_table(flags):
    """Bytes of the colour table that `flags` announces."""
    return tf.where(flags >= 128, 3 * tf.bitwise.left_shift(2, flags % 8), 0)


def _padded_bytes(text):
    return tf.cast(tf.pad(tf.io.decode_raw(text, tf.uint8), [[0, _HEAD]]), tf.int64)


def _number(head, at, size, order="little"):
    places = range(size) if order == "little" else reversed(range(size))
    return tf.reduce_sum(head[at : at + size] * [256**place for place in places])
