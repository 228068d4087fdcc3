"""Several examples in one picture: mosaic, and copy-paste of instances."""

from collections.abc import Mapping, Sequence

import tensorflow as tf

from yolact_tf.anchors import prototype_size
from yolact_tf.config import DataConfig
from yolact_tf.data.augment.draws import fold, uniform
from yolact_tf.data.augment.resample import on_canvas
from yolact_tf.data.augment.single_image import (
    choose_window,
    colored_pixels,
    fill_of,
    largest,
    masks_in_view,
    objects_in_view,
    truth_in_view,
)
from yolact_tf.structures import Example, Tensor
from yolact_tf.tracing import traced_once


def mosaic(
    examples: Sequence[Example], seed: Tensor, settings: DataConfig
) -> tuple[Tensor, dict[str, Tensor]]:
    """(image, truth) of four examples around a random point of the middle (Bochkovskiy et al. 2020, §3.3).

    Each is a view of its own, of which a part in unchanged proportions fills its tile.
    """
    size = settings.image_size
    center = tf.round((0.25 + 0.5 * uniform(fold(seed, 0), 2)) * size) / size
    low, high = tf.zeros([2]), tf.ones([2])
    image, truths = tf.zeros([size, size, settings.channels]) + fill_of(settings), []
    for number, example in enumerate(examples):
        is_second = tf.constant([number % 2 == 1, number // 2 == 1])
        tile = tf.concat([tf.where(is_second, center, low), tf.where(is_second, high, center)], 0)
        apart, truth = _view_in_tile(example, tile, fold(seed, 1 + number), settings)
        image += apart
        truths.append(truth)
    truth = {name: tf.concat([truth[name] for truth in truths], 0) for name in truths[0]}
    return image, _at_most(truth, settings.max_objects)


def paste_objects(
    image: Tensor, truth: Mapping[str, Tensor], example: Example, seed: Tensor, settings: DataConfig
) -> tuple[Tensor, dict[str, Tensor]]:
    """(image, truth) with about half of the objects of a view of `example` pasted in (Ghiasi et al. 2021).

    Objects behind them lose the pixels that are covered: their boxes shrink with their masks, and those
    that vanish are dropped. Crowds are never pasted, nor what is too small to fill a pixel.
    """
    window = choose_window(example, seed, settings)
    kept, boxes = objects_in_view(example, window, settings)
    chosen = (uniform(fold(seed, 6), tf.shape(kept)) < 0.5) & ~tf.gather(example["is_crowd"], kept)
    kept, boxes = kept[chosen], boxes[chosen]
    size = settings.image_size
    covers = masks_in_view(example, kept, boxes, window, size)
    is_shown = tf.reduce_any(covers > 0, (1, 2))
    kept, boxes, cover = kept[is_shown], boxes[is_shown], tf.reduce_max(covers, 0)
    pixels, corner = colored_pixels(example, window, seed, settings)
    pasted_image = on_canvas(pixels, corner, size, fill_of(settings))
    mask_size = settings.mask_scale * prototype_size(size)
    masks = masks_in_view(example, kept, boxes, window, mask_size)
    pasted = {
        "boxes": boxes,
        "classes": tf.gather(example["classes"], kept),
        "masks": masks,
        "is_crowd": tf.gather(example["is_crowd"], kept),
    }
    behind = cover_up(truth, tf.reduce_max(masks, 0))
    joined = {name: tf.concat([behind[name], pasted[name]], 0) for name in truth}
    return tf.where(cover[..., None] > 0, pasted_image, image), _at_most(joined, settings.max_objects)


def cover_up(truth: Mapping[str, Tensor], cover: Tensor) -> dict[str, Tensor]:
    """Truth without what `cover` [Hp, Wp] uint8 hides; objects of which nothing remains are dropped.

    What of a mask lies outside of its object's box is no remainder: a detection would not show it. Of an
    object too small to have a mask at this size, the middle of its box tells.
    """
    masks = truth["masks"] * (1 - cover)
    had_mask = tf.reduce_any(truth["masks"] > 0, (1, 2))
    is_hidden = _at_centers(cover, truth["boxes"]) > 0
    remains = tf.where(had_mask, tf.reduce_any(masks > 0, (1, 2)), ~is_hidden)
    boxes = _shrink(truth["boxes"], truth["masks"], masks)
    remains &= tf.reduce_all(boxes[:, :2] < boxes[:, 2:], 1)
    covered = {**truth, "masks": masks, "boxes": boxes}
    return {name: value[remains] for name, value in covered.items()}


def _at_centers(cover, boxes):
    """[n] values of a map [size, size] in the middle of boxes [n, 4]."""
    size = tf.shape(cover)[0]
    centers = tf.cast((boxes[:, :2] + boxes[:, 2:]) / 2 * tf.cast(size, tf.float32), tf.int32)
    return tf.gather_nd(cover, tf.minimum(centers, size - 1)[:, ::-1])


@traced_once
def _view_in_tile(example, tile, seed, settings):
    """(colours minus `fill_of` [S, S, C], truth) of a view of which a part fills `tile`; black around it."""
    window = _spread(choose_window(example, seed, settings), tile, fold(seed, 6))
    pixels, corner = colored_pixels(example, window, seed, settings, tile)
    apart = on_canvas(pixels - fill_of(settings), corner, settings.image_size, 0.0)
    return apart, truth_in_view(example, window, settings, tile)


def _spread(window, tile, seed):
    """The window of the whole output that shows a part of `window`, in unchanged proportions, in `tile`."""
    extent = tile[2:] - tile[:2]
    size = window[2:] - window[:2]
    shown = size * extent / tf.reduce_max(extent)
    corner = window[:2] + uniform(seed, 2) * (size - shown)
    scale = shown / extent  # source pixels to the whole output
    origin = corner - tile[:2] * scale
    return tf.concat([origin, origin + scale], 0)


def _shrink(boxes, before, after):
    """Boxes [n, 4] of which a side follows its mask inwards where the mask's own extent shrank.

    A box that is narrower than its mask never grows, and ends before it begins where its part is gone.
    """
    sides = []
    for axis, offset in ((1, 0), (2, 1)):  # columns of x, rows of y
        (low, high), (new_low, new_high) = _extent(before, axis), _extent(after, axis)
        start, stop = boxes[:, offset], boxes[:, offset + 2]
        new_start = tf.where(new_low > low, tf.maximum(start, new_low), start)
        sides.append((new_start, tf.where(new_high < high, tf.minimum(stop, new_high), stop)))
    (x1, x2), (y1, y2) = sides
    return tf.stack([x1, y1, x2, y2], 1)


def _extent(masks, axis):
    """Where masks [n, size, size] begin and end along the axis that remains, in 0..1."""
    is_object = tf.cast(tf.reduce_max(masks, axis) > 0, tf.int32)
    size = tf.shape(is_object)[1]
    low = tf.argmax(is_object, 1, output_type=tf.int32)
    high = size - tf.argmax(is_object[:, ::-1], 1, output_type=tf.int32)
    return tf.cast(low, tf.float32) / tf.cast(size, tf.float32), tf.cast(high, tf.float32) / tf.cast(
        size, tf.float32
    )


def _at_most(truth, count):
    """The `count` largest objects."""
    everyone = tf.range(tf.shape(truth["boxes"])[0])
    kept = largest(truth["boxes"], everyone, count)
    return {name: tf.gather(value, kept) for name, value in truth.items()}
