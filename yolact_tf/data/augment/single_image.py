"""One example seen through one view: what the network gets of it."""

import numpy as np
import tensorflow as tf

from yolact_tf.anchors import prototype_size
from yolact_tf.config import DataConfig
from yolact_tf.data.augment import windows as augment
from yolact_tf.data.augment.colors import distort_colors
from yolact_tf.data.augment.draws import fold
from yolact_tf.data.augment.mask_lookup import resample_masks
from yolact_tf.data.augment.refit import visible_boxes
from yolact_tf.data.augment.resample import WHOLE, on_canvas, resample_boxes, visible_pixels
from yolact_tf.images.decoding import decode_whole_image
from yolact_tf.preprocess import RGB_MEAN, to_channels
from yolact_tf.structures import Example, Tensor
from yolact_tf.tracing import traced_once


def plain_view(example: Example, settings: DataConfig) -> tuple[Tensor, dict[str, Tensor]]:
    """(image [S, S, C] float32, truth without padding) of an Example, the whole image as it is.

    C is `settings.channels`, here and below.
    """
    window = _whole(example)
    pixels, corner = _resampled(_decode(example), window, WHOLE, None, settings.image_size, settings.channels)
    image = on_canvas(pixels, corner, settings.image_size, fill_of(settings))
    return image, truth_in_view(example, window, settings)


def random_view(example: Example, seed: Tensor, settings: DataConfig) -> tuple[Tensor, dict[str, Tensor]]:
    """Like `plain_view`, augmented as `settings`, a DataConfig, say and `seed` [2] draws."""
    window = choose_window(example, seed, settings)
    pixels, corner = colored_pixels(example, window, seed, settings)
    image = on_canvas(pixels, corner, settings.image_size, fill_of(settings))
    return image, truth_in_view(example, window, settings)


def choose_window(example: Example, seed: Tensor, settings: DataConfig) -> Tensor:
    """The window, [4] source pixels, that the geometric augmentations draw."""
    window = _whole(example)
    if settings.expand > 1:
        window = augment.expand(window, fold(seed, 0), settings.expand)
    if settings.sample_crop:
        window = augment.sample_crop(window, _pixel_boxes(example), example["is_crowd"], fold(seed, 1))
    if tuple(settings.scale_jitter) != (1, 1):
        window = augment.jitter_scale(window, fold(seed, 2), *settings.scale_jitter)
    if settings.mirror:
        window = augment.mirror(window, fold(seed, 3))
    if settings.flip:
        window = augment.flip(window, fold(seed, 4))
    return window


def colored_pixels(
    example: Example, window: Tensor, seed: Tensor, settings: DataConfig, tile: Tensor = WHOLE
) -> tuple[Tensor, Tensor]:
    """`visible_pixels` of an example's image, distorted in colour; what will be filled in is not."""
    seed = fold(seed, 5) if settings.photometric else None
    return _resampled(_decode(example), window, tile, seed, settings.image_size, settings.channels)


def fill_of(settings: DataConfig) -> Tensor:
    """[C] what is shown where no image is: about what the network takes for 0."""
    return to_channels(np.array(RGB_MEAN, np.float32), settings.channels)


def truth_in_view(
    example: Example, window: Tensor, settings: DataConfig, tile: Tensor = WHOLE
) -> dict[str, Tensor]:
    """Boxes, classes, masks and crowd flags of `objects_in_view`."""
    kept, boxes = objects_in_view(example, window, settings, tile)
    size = settings.mask_scale * prototype_size(settings.image_size)
    return {
        "boxes": boxes,
        "classes": tf.gather(example["classes"], kept),
        "masks": masks_in_view(example, kept, boxes, window, size, tile),
        "is_crowd": tf.gather(example["is_crowd"], kept),
    }


def objects_in_view(
    example: Example, window: Tensor, settings: DataConfig, tile: Tensor = WHOLE
) -> tuple[Tensor, Tensor]:
    """(indices [k], boxes [k, 4]) of the objects whose centre is in view: the largest `max_objects`."""
    boxes = _pixel_boxes(example)
    centers = (boxes[:, :2] + boxes[:, 2:]) / 2
    place = (centers - window[:2]) / (window[2:] - window[:2])
    is_visible = tf.reduce_all((place > tile[:2]) & (place < tile[2:]), 1)
    if settings.boxes == "refitted":
        boxes, is_shown = visible_boxes(boxes, example["flips"], example["image_size"], window, tile)
        is_visible &= is_shown
    boxes = resample_boxes(boxes, window, tile)
    sides = (boxes[:, 2:] - boxes[:, :2]) * settings.image_size
    is_visible &= tf.reduce_all(sides > settings.min_box_side, 1)
    kept = largest(boxes, tf.where(is_visible)[:, 0], settings.max_objects)
    return kept, tf.gather(boxes, kept)


def masks_in_view(
    example: Example, kept: Tensor, boxes: Tensor, window: Tensor, size: int, tile: Tensor = WHOLE
) -> Tensor:
    """[k, size, size] uint8 masks of the objects `kept`, whose boxes in view are `boxes`."""
    image_size = tf.unstack(example["image_size"])
    return resample_masks(tf.gather(example["flips"], kept), boxes, image_size, window, size, tile)


def largest(boxes: Tensor, indices: Tensor, count: int) -> Tensor:
    """Those of `indices` that have the `count` largest of `boxes`, in their own order."""
    sides = tf.gather(boxes[:, 2:] - boxes[:, :2], indices)
    order = tf.argsort(-sides[:, 0] * sides[:, 1], stable=True)[:count]
    return tf.gather(indices, tf.sort(order))


@traced_once
def _resampled(image, window, tile, seed, size, channels):
    """`visible_pixels` of as many channels, their colours distorted as `seed` draws if there is one."""

    def recolor(pixels):
        pixels = to_channels(pixels, channels)
        return pixels if seed is None else distort_colors(pixels, seed, channels == 1)

    is_changed = seed is not None or channels != 3
    return visible_pixels(image, window, size, tile, recolor if is_changed else None)


def _decode(example):
    image = decode_whole_image(example["encoded"])
    matches = tf.debugging.assert_equal(
        tf.shape(image)[:2],
        example["image_size"],
        "an image must have the height and width of its annotations",
    )
    with tf.control_dependencies([matches] if matches is not None else []):
        return tf.identity(image)


def _whole(example):
    height, width = tf.unstack(tf.cast(example["image_size"], tf.float32))
    return tf.stack([0.0, 0.0, width, height])


def _pixel_boxes(example):
    return example["boxes"] * tf.tile(_whole(example)[2:], [2])
