"""Image, boxes and masks seen through a window of the source: the only place that moves pixels.

A window is [x1, y1, x2, y2] in source pixels; output column j of `size` reads the source at
x1 + (j + .5) / size · (x2 - x1) - .5, so half-pixel centres, and backwards where x2 < x1. A tile is the
part [u1, v1, u2, v2] of the output, in 0..1, that an image may fill; all of it but in a mosaic.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import tensorflow as tf

from yolact_tf.structures import Tensor

WHOLE = np.array([0, 0, 1, 1], np.float32)  # the tile of an image that is alone


def visible_pixels(
    image: Tensor,
    window: Tensor,
    size: int,
    tile: Tensor = WHOLE,
    recolor: Callable[[Tensor], Tensor] | None = None,
) -> tuple[Tensor, Tensor]:
    """([h, w, C] float32, [top, left]): the part of a `size` x `size` view that shows `image`.

    image: [H, W, 3] uint8.  Bilinear, no antialias; an empty part where the window lies beside it.
    recolor: of pixels [h, w, 3] float32 makes others [h, w, C], one by one. It gets those of the image, as in
    the reference, or those of the view, whichever are fewer.
    """
    height, width = tf.unstack(tf.cast(tf.shape(image)[:2], tf.float32))
    x_first, x_last, y_first, y_last = _first_and_last(window, size)
    left, right = _visible_range(x_first, x_last, size, width, tile[0], tile[2])
    top, bottom = _visible_range(y_first, y_last, size, height, tile[1], tile[3])
    extent = tf.stack([bottom - top, right - left])
    # All samples lie in the image up to half a sample beyond its border: a cut has to stay within it.
    is_inside = tf.reduce_all((window >= 0) & (window <= tf.stack([width, height, width, height])))
    is_whole = tf.reduce_all(tf.equal(window, tf.floor(window))) & tf.reduce_all(tf.equal(extent, size))
    is_cut = is_inside & is_whole
    at_x = lambda j: x_first + (x_last - x_first) * tf.cast(j, tf.float32) / (size - 1)
    at_y = lambda i: y_first + (y_last - y_first) * tf.cast(i, tf.float32) / (size - 1)
    ends = tf.stack([[at_y(top), at_x(left)], [at_y(bottom - 1), at_x(right - 1)]])

    part, ends = tf.cond(is_cut, lambda: (_cut_out(image, window), ends), lambda: _framed_part(image, ends))
    part = tf.cast(part, tf.float32)  # which resizing reads in half the time that bytes take

    def resize(pixels):
        # A cut inside the image is resized by the op that is three times as fast.
        return tf.cond(is_cut, lambda: _stretched(pixels, size), lambda: _read_between(pixels, ends, extent))

    if recolor is None:
        pixels = resize(part)
    else:
        is_smaller = tf.reduce_prod(tf.shape(part)[:2]) < tf.reduce_prod(extent)
        pixels = tf.cond(is_smaller, lambda: resize(recolor(part)), lambda: recolor(resize(part)))
    return pixels, tf.stack([top, left])


def on_canvas(pixels: Tensor, corner: Tensor, size: int, fill: float | Sequence[float]) -> Tensor:
    """[h, w, C] pixels placed at `corner` [top, left] of a [size, size, C] canvas of colour `fill`."""
    extent = tf.shape(pixels)[:2]
    (top, left), (height, width) = tf.unstack(corner), tf.unstack(extent)
    shape = size, size, pixels.shape[2]
    blank = tf.constant(np.broadcast_to(np.array(fill, np.float32), shape).copy())

    def framed():
        # Strips laid beside each other write every pixel once or twice; padding writes it three times.
        row = [blank[:height, :left], pixels, blank[:height, left + width :]]
        return tf.concat([blank[:top], tf.concat(row, 1), blank[top + height :]], 0)

    canvas = tf.cond(tf.reduce_all(tf.equal(extent, size)), lambda: pixels, framed)
    return tf.ensure_shape(canvas, shape)


def resample_boxes(boxes: Tensor, window: Tensor, tile: Tensor = WHOLE) -> Tensor:
    """[n, 4] corners in source pixels to corners in 0..1 of the output, clipped to the tile."""
    origin, extent = window[:2], window[2:] - window[:2]
    corners = (boxes - tf.tile(origin, [2])) / tf.tile(extent, [2])
    low, high = tf.minimum(corners[:, :2], corners[:, 2:]), tf.maximum(corners[:, :2], corners[:, 2:])
    return tf.concat([tf.clip_by_value(side, tile[:2], tile[2:]) for side in (low, high)], 1)


def rotate(image: Tensor, truth: Mapping[str, Tensor], turns: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
    """Image and truth turned counter-clockwise by `turns` (0..3) right angles; nothing is resampled."""

    def turned(count):
        boxes = truth["boxes"]
        for _ in range(count):  # (x, y) goes to (y, 1 - x)
            x1, y1, x2, y2 = tf.unstack(boxes, axis=1)
            boxes = tf.stack([y1, 1 - x2, y2, 1 - x1], 1)
        masks = tf.image.rot90(truth["masks"][..., None], count)[..., 0]
        return tf.image.rot90(image, count), {**truth, "boxes": boxes, "masks": masks}

    return tf.switch_case(turns, [lambda count=count: turned(count) for count in range(4)])


def _cut_out(image, window):
    """Pixels of a window of whole numbers inside the image, turned over where it runs backwards."""
    x1, y1, x2, y2 = tf.unstack(tf.cast(window, tf.int32))
    begin, end = tf.minimum([y1, x1], [y2, x2]), tf.maximum([y1, x1], [y2, x2])
    part = image[begin[0] : end[0], begin[1] : end[1]]
    # Strides of -1 would take fifty times as long.
    part = tf.cond(x2 < x1, lambda: tf.reverse(part, [1]), lambda: part)
    return tf.cond(y2 < y1, lambda: tf.reverse(part, [0]), lambda: part)


def _framed_part(image, ends):
    """(the part that samples between `ends`, [2, (y, x)], read, in a frame of one pixel; `ends` in it).

    Within half a pixel beyond the border, the border itself is read: the frame repeats it.
    """
    last = tf.shape(image)[:2] - 1
    begin = tf.clip_by_value(tf.cast(tf.floor(tf.minimum(ends[0], ends[1])), tf.int32), 0, last)
    end = tf.clip_by_value(tf.cast(tf.floor(tf.maximum(ends[0], ends[1])), tf.int32) + 1, 0, last) + 1
    part = image[begin[0] : end[0], begin[1] : end[1]]
    # `tf.pad` with SYMMETRIC does the same in ten times as long.
    part = tf.concat([part[:1], part, part[-1:]], 0)
    part = tf.concat([part[:, :1], part, part[:, -1:]], 1)
    return part, ends - tf.cast(begin - 1, tf.float32)


def _stretched(pixels, size):
    resized = tf.raw_ops.ResizeBilinear(images=pixels[None], size=[size, size], half_pixel_centers=True)
    return resized[0]


def _read_between(pixels, ends, extent):
    """[h, w, C] samples between and at `ends`; `extent` [h, w] may be 0."""
    box = ends / tf.cast(tf.shape(pixels)[:2] - 1, tf.float32)
    # An extent of one reads the middle of its box.
    some = tf.maximum(extent, 1)
    read = tf.image.crop_and_resize(pixels[None], tf.reshape(box, [1, 4]), [0], some)[0]
    return read[: extent[0], : extent[1]]


def _first_and_last(window, size):
    """Source positions of the first and last output sample: x_first, x_last, y_first, y_last."""
    x1, y1, x2, y2 = tf.unstack(window)
    half_x, half_y = (x2 - x1) / size / 2, (y2 - y1) / size / 2
    return x1 + half_x - 0.5, x2 - half_x - 0.5, y1 + half_y - 0.5, y2 - half_y - 0.5


def _visible_range(first, last, size, extent, start, stop):
    """[begin, end) of the output samples within the image and within start..stop of the output."""
    samples = tf.range(size, dtype=tf.float32)
    # `tf.linspace` is forty ops, each of which takes a microsecond.
    positions = first + (last - first) / (size - 1) * samples
    centers = (samples + 0.5) / size
    is_visible = (positions >= -0.5) & (positions <= extent - 0.5) & (centers >= start) & (centers < stop)
    count = tf.math.count_nonzero(is_visible, dtype=tf.int32)
    begin = tf.argmax(tf.cast(is_visible, tf.int32), output_type=tf.int32)
    return begin, begin + count
