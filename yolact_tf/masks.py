"""Masks: prototypes times coefficients, cropped to a box; used by the losses and by detection."""

from typing import Literal

import numpy as np
from keras import ops

from yolact_tf.structures import Tensor


def mask_logits(prototypes: Tensor, coefficients: Tensor) -> Tensor:
    """P·Cᵀ of YOLACT eq. 1 before the sigmoid. [B, Hp, Wp, K], [B, N, K] to [B, N, Hp, Wp]."""
    _, height, width, channels = prototypes.shape
    flat = ops.reshape(prototypes, (-1, height * width, channels))
    logits = ops.matmul(coefficients, ops.transpose(flat, (0, 2, 1)))
    return ops.reshape(logits, (-1, coefficients.shape[1], height, width))


def assemble_masks(prototypes: Tensor, coefficients: Tensor, boxes: Tensor) -> Tensor:
    """Mask probabilities, zero outside their box. [B, Hp, Wp, K], [B, N, K], [B, N, 4] to
    [B, N, Hp, Wp]."""
    return crop_masks(ops.sigmoid(mask_logits(prototypes, coefficients)), boxes)


def crop_masks(masks: Tensor, boxes: Tensor) -> Tensor:
    """`masks` with every pixel outside its box set to zero. [B, N, H, W], [B, N, 4], same shape.

    A pixel stays when its *index* lies in [x1·W - 1, x2·W + 1): one pixel of padding, unrounded
    edges, as in the reference, whose weights were trained with this crop. Corners may come in any
    order.
    """
    height, width = masks.shape[-2:]
    x1, y1, x2, y2 = (ops.expand_dims(side, -1) for side in ops.split(boxes, 4, axis=-1))
    inside_x = _inside(x1, x2, width, (1, 1, 1, width))
    inside_y = _inside(y1, y2, height, (1, 1, height, 1))
    return masks * ops.cast(inside_x, masks.dtype) * ops.cast(inside_y, masks.dtype)


def resize_binary_masks(masks: Tensor, size: tuple[int, int]) -> Tensor:
    """Bilinear (half-pixel, no antialias) resize of [B, G, H, W] 0/1 masks, over 0.5, as float32."""
    batch, _, height, width = masks.shape
    masks = ops.cast(masks, "float32")
    if (height, width) == tuple(size):
        return masks
    maps = ops.reshape(masks, (-1, height, width, 1))
    maps = ops.image.resize(maps, size, interpolation="bilinear", antialias=False)
    maps = ops.reshape(maps, (-1 if batch is None else batch, masks.shape[1], *size))
    return ops.cast(maps > 0.5, "float32")


def upsample_to_image(
    mask: np.ndarray, box: np.ndarray, image_size: tuple[int, int]
) -> tuple[int, int, np.ndarray]:
    """One cropped mask at image size, as the window that can hold it: (y, x, [h, w] bool array).

    mask: [Hp, Wp] probabilities.  box: [4] corners in 0..1.  image_size: (height, width).
    Bilinear with half-pixel centres, then over 0.5 (dbolya's postprocess order): equal to resizing
    the whole map, but only where the crop left anything.
    """
    rows = _window(box[1], box[3], mask.shape[0], image_size[0])
    columns = _window(box[0], box[2], mask.shape[1], image_size[1])
    # Columns first, while there are only the rows of the map.
    wide = _interpolated(np.asarray(mask, np.float32).T, image_size[1], columns)
    return rows[0], columns[0], _interpolated(np.ascontiguousarray(wide.T), image_size[0], rows) > 0.5


def place_window(
    y: int, x: int, window: np.ndarray, image_size: tuple[int, int], order: Literal["C", "F"] = "C"
) -> np.ndarray:
    """[H, W] bool mask that is `window` at (y, x) and empty elsewhere: undoes the cut of
    `upsample_to_image`."""
    mask = np.zeros(image_size, bool, order)
    mask[y : y + window.shape[0], x : x + window.shape[1]] = window
    return mask


def _inside(low, high, size, shape):
    index = ops.reshape(ops.arange(size, dtype="float32"), shape)
    start = ops.minimum(low, high) * size - 1
    stop = ops.maximum(low, high) * size + 1
    return ops.logical_and(index >= start, index < stop)


def _window(low, high, map_size, image_size):
    """First and past-the-last image pixel that pixels of the padded crop can reach."""
    scale = image_size / map_size
    reach = 2.0  # one pixel of crop padding, one of interpolation
    low, high = min(low, high), max(low, high)
    start = int(np.floor((low * map_size - reach) * scale))
    stop = int(np.ceil((high * map_size + reach + 1) * scale))
    return max(start, 0), max(min(stop, image_size), max(start, 0))


def _interpolated(values, image_size, window):
    """Rows [map, m] bilinearly at half-pixel centres of the image pixels in `window`: [window, m]."""
    map_size, pixels = len(values), np.arange(*window)
    positions = (pixels.astype(np.float32) + 0.5) * np.float32(map_size / image_size) - 0.5
    positions = np.clip(positions, 0, map_size - 1)
    floor = np.floor(positions)
    share = (positions - floor)[:, None]
    lower = floor.astype(int)
    upper = np.minimum(lower + 1, map_size - 1)
    found = values[lower]
    found *= 1 - share
    found += values[upper] * share
    return found
