"""Photometric distortion as SSD and YOLACT train with it (reference: utils/augmentations.py)."""

import tensorflow as tf

from yolact_tf.data.augment.draws import uniform
from yolact_tf.structures import Tensor
from yolact_tf.tracing import traced_once

BRIGHTNESS = 32.0  # largest change, in levels of 255
CONTRAST = SATURATION = (0.5, 1.5)
HUE = 18.0  # largest turn, in degrees


@traced_once
def distort_colors(image: Tensor, seed: Tensor, is_grey: bool = False) -> Tensor:
    """Brightness, contrast, saturation and hue, each with probability 1/2. [h, w, 3] RGB 0..255.

    is_grey: the image is [h, w, 1], which has no saturation and no hue.

    Brightness adds up to 32, contrast and saturation multiply by .5 to 1.5, hue turns by up to 18
    degrees; contrast comes either before the two others or after them. The result is clipped to 0..255,
    which the reference leaves open: images of this pipeline are always valid pixels.
    """
    brightness, contrast, saturation, hue, contrast_first = draw_colors(seed)
    before, after = tf.unstack(tf.where(contrast_first, [contrast, 1.0], [1.0, contrast]))
    # What was not drawn is left out: each pass over the pixels costs as much as a tenth of their decoding.
    image = tf.cond(tf.equal(brightness, 0.0), lambda: image, lambda: image + brightness)
    image = tf.cond(tf.equal(before, 1.0), lambda: image, lambda: image * before)
    if not is_grey:
        image = turn_hsv(image, saturation, hue)
    image = tf.cond(tf.equal(after, 1.0), lambda: image, lambda: image * after)
    return tf.clip_by_value(image, 0.0, 255.0)


def draw_colors(seed: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """(brightness, contrast, saturation, hue in degrees, whether contrast comes first)."""
    coins, draws = tf.split(uniform(seed, 9), [5, 4])
    is_on = coins < 0.5
    between = lambda low, high, draw: low + draw * (high - low)
    return (
        tf.where(is_on[0], between(-BRIGHTNESS, BRIGHTNESS, draws[0]), 0.0),
        tf.where(is_on[1], between(*CONTRAST, draws[1]), 1.0),
        tf.where(is_on[2], between(*SATURATION, draws[2]), 1.0),
        tf.where(is_on[3], between(-HUE, HUE, draws[3]), 0.0),
        is_on[4],
    )


def turn_hsv(image: Tensor, saturation: Tensor, degrees: Tensor) -> Tensor:
    """Saturation times a factor and hue turned, value unchanged: what a way through HSV would give.

    With value v = max, chroma is measured down from it: turning the hue moves the channels about within
    the same v and chroma, and scaling saturation by s maps each channel c to v - s·(v - c). Saturation
    may pass 1, where channels become negative, as in the reference.
    """
    turned = lambda: tf.image.adjust_hue(image, degrees / 360)
    image = tf.cond(tf.equal(degrees, 0.0), lambda: image, turned)
    return tf.cond(tf.equal(saturation, 1.0), lambda: image, lambda: _saturated(image, saturation))


# `tf.image.adjust_saturation` stops at 1.
def _saturated(image, saturation):
    red, green, blue = tf.unstack(image, axis=-1)
    value = tf.maximum(tf.maximum(red, green), blue)
    gray = value - saturation * value
    # Stacking along the last axis directly takes eight times as long.
    return tf.transpose(tf.stack([gray + saturation * c for c in (red, green, blue)]), (1, 2, 0))
