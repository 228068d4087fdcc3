"""Image and masks read once, through a window of the source: the only place that moves pixels.

A window is [x1, y1, x2, y2] in source pixels; output column j of `size` reads the source at
x1 + (j + .5) / size · (x2 - x1) - .5, so half-pixel centres, and backwards where x2 < x1.
"""

import tensorflow as tf


def resample_image(image, window, size, fill):
    """[H, W, 3] uint8 to [size, size, 3] float32 seen through `window`, bilinear, no antialias.

    fill: the RGB colour outside the image.
    """
    height, width = tf.unstack(tf.cast(tf.shape(image)[:2], tf.float32))
    x_first, x_last, y_first, y_last = _first_and_last(window, size)
    # One repeated pixel all round: within half a pixel of the border the border itself is read.
    padded = tf.pad(image, [[1, 1], [1, 1], [0, 0]], "SYMMETRIC")
    rows, columns = height + 1, width + 1  # largest index of the padded image
    box = tf.stack([(y_first + 1) / rows, (x_first + 1) / columns])
    box = tf.concat([box, tf.stack([(y_last + 1) / rows, (x_last + 1) / columns])], 0)
    pixels = tf.image.crop_and_resize(padded[None], box[None], [0], [size, size])[0]
    inside_x = _is_inside(x_first, x_last, size, width)
    inside_y = _is_inside(y_first, y_last, size, height)
    return tf.where(inside_y[:, None, None] & inside_x[None, :, None], pixels, fill)


def resample_boxes(boxes, window):
    """[n, 4] corners in source pixels to corners in 0..1 of the window, clipped to it."""
    origin, extent = window[:2], window[2:] - window[:2]
    corners = (boxes - tf.tile(origin, [2])) / tf.tile(extent, [2])
    corners = tf.clip_by_value(corners, 0.0, 1.0)
    return tf.concat(
        [tf.minimum(corners[:, :2], corners[:, 2:]), tf.maximum(corners[:, :2], corners[:, 2:])], 1
    )


def resample_masks(runs, boxes, image_size, window, size):
    """Masks of n objects seen through `window`, straight from their run lengths: [n, size, size]
    uint8.

    runs: ragged [n, None] int32 run lengths, column-major, background first.  boxes: [n, 4] corners
    in 0..1 of the window; only samples in and about a box are looked up.  image_size: (height,
    width) of the source.  Bilinear, then over 0.5, as the reference shrinks its masks.
    """
    height, width = image_size
    starts, extents = _sample_spans(boxes, size)
    counts = extents[:, 0] * extents[:, 1]
    samples = tf.ragged.range(counts)
    owner = tf.cast(samples.value_rowids(), tf.int32)
    within = samples.flat_values
    span_x = tf.gather(extents[:, 0], owner)
    column = tf.gather(starts[:, 0], owner) + within % span_x
    row = tf.gather(starts[:, 1], owner) + within // span_x

    x_first, x_last, y_first, y_last = _first_and_last(window, size)
    x = x_first + (x_last - x_first) * tf.cast(column, tf.float32) / (size - 1)
    y = y_first + (y_last - y_first) * tf.cast(row, tf.float32) / (size - 1)
    value = _bilinear_lookup(runs, owner, x, y, height, width)
    index = (owner * size + row) * size + column
    flat = tf.scatter_nd(
        tf.boolean_mask(index, value > 0.5)[:, None],
        tf.ones([tf.math.count_nonzero(value > 0.5)], tf.uint8),
        [tf.shape(boxes)[0] * size * size],
    )
    return tf.reshape(flat, [-1, size, size])


def _bilinear_lookup(runs, owner, x, y, height, width):
    """Bilinear mask value of object `owner[t]` at source position (x[t], y[t])."""
    # All objects in one line: object o occupies [o·H·W, (o + 1)·H·W), and a position is foreground
    # when an odd number of its own runs end at or before it.
    ends = tf.cumsum(tf.cast(runs.flat_values, tf.int64))
    first_run = tf.gather(runs.row_splits, owner)
    base = tf.cast(owner, tf.int64) * tf.cast(height * width, tf.int64)
    x0, y0 = tf.floor(x), tf.floor(y)
    share_x, share_y = x - x0, y - y0
    value = tf.zeros_like(x)
    for dx, weight_x in ((0, 1 - share_x), (1, share_x)):
        for dy, weight_y in ((0, 1 - share_y), (1, share_y)):
            cx, cy = tf.cast(x0, tf.int32) + dx, tf.cast(y0, tf.int32) + dy
            inside = (cx >= 0) & (cy >= 0) & (cx < width) & (cy < height)
            position = base + tf.cast(tf.where(inside, cx * height + cy, 0), tf.int64)
            run = tf.searchsorted(ends, position, side="right", out_type=tf.int64)
            is_object = ((run - first_run) % 2 == 1) & inside
            value += tf.where(is_object, weight_x * weight_y, 0.0)
    return value


def _sample_spans(boxes, size):
    """First sample and number of samples, (x, y), that each box and two samples about it take."""
    low = tf.cast(tf.floor(boxes[:, :2] * size), tf.int32) - 2
    high = tf.cast(tf.math.ceil(boxes[:, 2:] * size), tf.int32) + 2
    low = tf.clip_by_value(low, 0, size - 1)
    return low, tf.clip_by_value(high, 1, size) - low


def _first_and_last(window, size):
    """Source positions of the first and last output sample: x_first, x_last, y_first, y_last."""
    x1, y1, x2, y2 = tf.unstack(window)
    half_x, half_y = (x2 - x1) / size / 2, (y2 - y1) / size / 2
    return x1 + half_x - 0.5, x2 - half_x - 0.5, y1 + half_y - 0.5, y2 - half_y - 0.5


def _is_inside(first, last, size, extent):
    positions = tf.linspace(first, last, size)
    return (positions >= -0.5) & (positions <= extent - 0.5)
