"""Random views of an image: SSD's augmentations as YOLACT trains with them, as graph code.

Geometric steps never touch pixels: each changes a `window`, [x1, y1, x2, y2] in source pixels, which
may reach outside the image and may run backwards (mirrored). `resample.py` then reads image and masks
through the window once. Every draw comes from a stateless seed, so equal seeds give equal views.
"""

import tensorflow as tf

_NUM_TRIALS = 50  # of a crop, before another mode is drawn
_NUM_MODES = 6  # unchanged, and five crop modes that behave alike in the reference


def expand(window, seed, largest):
    """With probability 1/2 a canvas 1..`largest` times as large, the image anywhere on it."""
    draws = _uniform(seed, 4)
    size = window[2:] - window[:2]
    ratio = 1 + draws[1] * (largest - 1)
    offset = tf.floor(draws[2:4] * (size * ratio - size))
    canvas = tf.floor(size * ratio)
    corner = window[:2] - offset
    expanded = tf.concat([corner, corner + canvas], 0)
    return tf.cond(draws[0] < 0.5, lambda: expanded, lambda: window)


def sample_crop(window, boxes, is_crowd, seed):
    """A random part of `window` that keeps the centre of at least one object.

    boxes: [n, 4] corners in source pixels.  One time in six the window stays as it is. Sides are
    .3 to 1 of the window's with an aspect ratio of 1/2 to 2. The reference's minimum-overlap modes
    have no effect, so all its crop modes are this one (dbolya's comment: mending it halves mAP).
    """

    def attempt(round_number):
        round_seed = tf.random.experimental.stateless_fold_in(seed, round_number)
        stays = _uniform(round_seed, 1)[0] < 1 / _NUM_MODES
        crops, is_valid = _crop_trials(window, boxes, is_crowd, round_seed)
        first = tf.argmax(tf.cast(is_valid, tf.int32), output_type=tf.int32)
        found = tf.logical_or(stays, tf.reduce_any(is_valid))
        return tf.cond(stays, lambda: window, lambda: crops[first]), found

    # Each round finds a crop or stays with at least probability 1/6: 64 rounds always end.
    result, found, round_number = window, tf.constant(False), tf.constant(0)
    _, chosen, _ = tf.while_loop(
        lambda done, _, number: tf.logical_and(tf.logical_not(done), number < 64),
        lambda done, _, number: (*reversed(attempt(number)), number + 1),
        (found, result, round_number),
    )
    return chosen


def mirror(window, seed):
    """With probability 1/2 the window read from right to left."""
    backwards = tf.gather(window, [2, 1, 0, 3])
    return tf.cond(_uniform(seed, 1)[0] < 0.5, lambda: backwards, lambda: window)


def distort_colors(image, seed):
    """Brightness, contrast, saturation and hue, each with probability 1/2. [H, W, 3] RGB 0..255.

    Brightness adds up to 32, contrast and saturation multiply by .5 to 1.5, hue turns by up to 18
    degrees; contrast comes either first or last. The result is clipped to 0..255, which the
    reference leaves open: images of this pipeline are always valid pixels.
    """
    coins = _uniform(tf.random.experimental.stateless_fold_in(seed, 0), 5) < 0.5
    draws = _uniform(tf.random.experimental.stateless_fold_in(seed, 1), 4)
    image += tf.where(coins[0], (2 * draws[0] - 1) * 32, 0.0)
    contrast = tf.where(coins[1], 0.5 + draws[1], 1.0)
    saturation = tf.where(coins[2], 0.5 + draws[2], 1.0)
    hue = tf.where(coins[3], (2 * draws[3] - 1) * 18, 0.0)
    contrast_first = coins[4]
    image *= tf.where(contrast_first, contrast, 1.0)
    changes_color = tf.logical_or(coins[2], coins[3])
    image = tf.cond(changes_color, lambda: _turn_hsv(image, saturation, hue), lambda: image)
    image *= tf.where(contrast_first, 1.0, contrast)
    return tf.clip_by_value(image, 0.0, 255.0)


def _crop_trials(window, boxes, is_crowd, seed):
    """All trials of one round at once: [trials, 4] crops and which of them are allowed."""
    size = window[2:] - window[:2]
    draws = _uniform(tf.random.experimental.stateless_fold_in(seed, 1), (_NUM_TRIALS, 4))
    sides = size * (0.3 + 0.7 * draws[:, :2])
    # The reference draws the corner between (size - side) and 1, not between 0 and (size - side).
    corner = (size - sides) + draws[:, 2:] * (1 - (size - sides))
    crops = tf.concat([tf.floor(corner), tf.floor(corner + sides)], 1)
    crops += tf.tile(window[:2], [2])
    ratio = sides[:, 1] / sides[:, 0]
    centers = (boxes[:, :2] + boxes[:, 2:]) / 2
    inside = tf.logical_and(
        centers[None] > crops[:, None, :2], centers[None] < crops[:, None, 2:]
    )  # [trials, n, 2]
    keeps = tf.logical_and(tf.reduce_all(inside, 2), tf.logical_not(is_crowd))
    is_valid = tf.reduce_any(keeps, 1) & (ratio >= 0.5) & (ratio <= 2)
    return crops, is_valid


def _turn_hsv(image, saturation, hue_degrees):
    """Saturation and hue of an RGB image changed in one pass, without going through HSV.

    With value v = max and chroma measured down from it, scaling saturation by s maps each channel c
    to v - s·(v - c); turning the hue is a rotation about the grey axis within the same v and chroma.
    """
    value = tf.reduce_max(image, -1, keepdims=True)
    image = value - saturation * (value - image)
    return tf.cond(tf.equal(hue_degrees, 0.0), lambda: image, lambda: _turn_hue(image, hue_degrees))


def _turn_hue(image, degrees):
    """Hexcone hue rotation: each channel is v - c·clip(|h - h0| ...) of the turned hue."""
    red, green, blue = tf.unstack(image, axis=-1)
    value = tf.reduce_max(image, -1)
    chroma = value - tf.reduce_min(image, -1)
    safe = tf.where(chroma > 0, chroma, 1.0)
    sixth = tf.where(
        tf.equal(value, red),
        (green - blue) / safe,
        tf.where(tf.equal(value, green), 2 + (blue - red) / safe, 4 + (red - green) / safe),
    )
    hue = (sixth + degrees / 60) % 6
    channels = []
    for offset in (5.0, 3.0, 1.0):  # red, green, blue
        k = (offset + hue) % 6
        channels.append(value - chroma * tf.clip_by_value(tf.minimum(k, 4 - k), 0.0, 1.0))
    return tf.stack(channels, -1)


def _uniform(seed, shape):
    return tf.random.stateless_uniform([shape] if isinstance(shape, int) else shape, seed)
