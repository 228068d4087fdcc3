"""Random views of an image: SSD's geometry as YOLACT trains with it, and large-scale jitter.

No step touches a pixel: each changes a window, [x1, y1, x2, y2] in whole source pixels, which may reach
outside the image and may run backwards. `resample` then reads image and masks through it once. Every
draw comes from a stateless seed: equal seeds give equal views.
"""

import tensorflow as tf

from yolact_tf.data.augment.draws import fold, uniform
from yolact_tf.structures import Tensor
from yolact_tf.tracing import traced_once

_NUM_TRIALS = 50  # of a crop, before another mode is drawn
_NUM_MODES = 6  # unchanged, and five crop modes that behave alike in the reference
_MAX_ROUNDS = 64  # each finds a crop or stays with at least probability 1/6


def expand(window: Tensor, seed: Tensor, largest: float) -> Tensor:
    """With probability 1/2 a canvas 1..`largest` times as large, the image anywhere on it."""
    draws = uniform(seed, 4)
    size = window[2:] - window[:2]
    ratio = 1 + draws[1] * (largest - 1)
    corner = window[:2] - tf.floor(draws[2:4] * (size * ratio - size))
    expanded = tf.concat([corner, corner + tf.floor(size * ratio)], 0)
    return tf.where(draws[0] < 0.5, expanded, window)


@traced_once
def sample_crop(window: Tensor, boxes: Tensor, is_crowd: Tensor, seed: Tensor) -> Tensor:
    """A random part of `window` that keeps the centre of at least one object that is no crowd.

    boxes: [n, 4] corners in source pixels.  One time in six the window stays as it is. Sides are
    .3 to 1 of the window's with an aspect ratio of 1/2 to 2. The reference's minimum-overlap modes
    have no effect, so all its crop modes are this one (dbolya's comment: mending it halves mAP).
    """
    centers = (boxes[:, :2] + boxes[:, 2:])[~is_crowd] / 2

    def attempt(_, number):
        round_seed = fold(seed, number)
        stays = uniform(round_seed, 1)[0] < 1 / _NUM_MODES
        crops, is_valid = _crop_trials(window, centers, round_seed)
        first = tf.argmax(tf.cast(is_valid, tf.int32), output_type=tf.int32)
        found = stays | tf.reduce_any(is_valid)
        crop = tf.where(found & ~stays, crops[first], window)
        return crop, tf.where(found, _MAX_ROUNDS, number + 1)

    chosen, _ = tf.while_loop(
        lambda _, number: number < _MAX_ROUNDS, attempt, (window, tf.constant(0)), parallel_iterations=1
    )
    return chosen


def jitter_scale(window: Tensor, seed: Tensor, smallest: float, largest: float) -> Tensor:
    """The window's content `smallest`..`largest` times as large, anywhere in view (Ghiasi et al. 2021,
    §3): above 1 a part is cut out, below 1 the rest is filled. Both axes scale alike."""
    draws = uniform(seed, 3)
    size = window[2:] - window[:2]
    side = tf.maximum(tf.floor(size / (smallest + draws[0] * (largest - smallest))), 1.0)
    corner = window[:2] + tf.floor(draws[1:] * (size - side))
    return tf.concat([corner, corner + side], 0)


def mirror(window: Tensor, seed: Tensor) -> Tensor:
    """With probability 1/2 the window read from right to left."""
    return tf.where(uniform(seed, 1)[0] < 0.5, tf.gather(window, [2, 1, 0, 3]), window)


def flip(window: Tensor, seed: Tensor) -> Tensor:
    """With probability 1/2 the window read from bottom to top."""
    return tf.where(uniform(seed, 1)[0] < 0.5, tf.gather(window, [0, 3, 2, 1]), window)


def _crop_trials(window, centers, seed):
    """All trials of one round at once: [trials, 4] crops and which of them are allowed."""
    size = window[2:] - window[:2]
    draws = uniform(fold(seed, 1), (_NUM_TRIALS, 4))
    sides = size * (0.3 + 0.7 * draws[:, :2])
    # The reference draws the corner between (size - side) and 1, not between 0 and (size - side).
    corner = (size - sides) + draws[:, 2:] * (1 - (size - sides))
    low, high = tf.floor(corner) + window[:2], tf.floor(corner + sides) + window[:2]
    ratio = sides[:, 1] / sides[:, 0]
    is_inside = (centers > low[:, None]) & (centers < high[:, None])  # [trials, n, 2]
    keeps = tf.reduce_any(tf.reduce_all(is_inside, 2), 1)
    return tf.concat([low, high], 1), keeps & (ratio >= 0.5) & (ratio <= 2)
