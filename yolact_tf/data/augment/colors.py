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
        changes_color = (saturation != 1) | (hue != 0)
        image = tf.cond(changes_color, lambda: turn_hsv(image, saturation, hue), lambda: image)
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

    With value v = max, chroma is measured down from it: scaling saturation by s maps each channel c to
    v - s·(v - c), and turning the hue moves the channels about within the same v and chroma. Saturation
    may pass 1, where channels become negative, as in the reference.
    """
    channels = tf.unstack(image, axis=-1)
    value = tf.maximum(tf.maximum(channels[0], channels[1]), channels[2])
    drops = [saturation * (value - c) for c in channels]  # below the value, 0 for the largest
    drops = tf.cond(tf.equal(degrees, 0.0), lambda: drops, lambda: _turn_hue(drops, degrees))
    # Stacking along the last axis directly takes twice as long.
    return tf.transpose(tf.stack([value - drop for drop in drops]), (1, 2, 0))


def _turn_hue(drops, degrees):
    """Hexcone hue rotation of the channels' distances from the value: red, green, blue."""
    red, green, blue = drops
    chroma = tf.maximum(tf.maximum(red, green), blue)
    share = 1 / tf.maximum(chroma, 1e-6)
    sixth = tf.where(
        tf.equal(red, 0.0),
        (blue - green) * share,
        tf.where(tf.equal(green, 0.0), 2 + (red - blue) * share, 4 + (green - red) * share),
    )
    hue = sixth + degrees / 60
    turned = []
    for center in (0.0, 2.0, 4.0):  # red, green, blue, in sixths of the circle
        away = tf.abs(hue - center)
        away = tf.minimum(away, tf.abs(6 - away))  # hue lies within -1.3..5.3
        turned.append(chroma * tf.clip_by_value(away - 1, 0.0, 1.0))
    return turned
