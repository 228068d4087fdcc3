"""Pictures of detections and ground truth: masks, boxes and labels over an image. Numpy and Pillow."""

import colorsys
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

from yolact_tf.draw.fonts import font_for

MASK_OPACITY = 0.45  # as the reference draws
GAP = 6  # white pixels between pictures


def color_of(index: int) -> tuple[int, ...]:
    """RGB 0..255 of the `index`-th object: hues a golden ratio apart, so neighbours differ."""
    hue = (index * 0.618034 + 0.02) % 1.0
    return tuple(round(255 * c) for c in colorsys.hsv_to_rgb(hue, 0.75, 0.95))


def draw_instances(
    image: np.ndarray,
    boxes: np.ndarray,
    captions: Sequence[str],
    windows: Sequence[tuple[int, int, np.ndarray]],
    colors: Sequence[tuple[int, ...]] | None = None,
) -> np.ndarray:
    """A copy of `image` with each object's mask, box and caption; the first object on top.

    image: [H, W, 3] uint8 RGB.  boxes: [n, 4] corners in pixels.  captions: n texts.
    windows: n masks as (y, x, [h, w] bool array).  colors: n RGB triples.
    """
    count = len(boxes)
    colors = [color_of(i) for i in range(count)] if colors is None else colors
    canvas = np.array(image, np.float32)
    for i in reversed(range(count)):  # paint the best last
        _paint_mask(canvas, *windows[i], np.array(colors[i], np.float32))
    picture = Image.fromarray(canvas.round().astype(np.uint8))
    pen = ImageDraw.Draw(picture)
    font_size = max(10, min(picture.size) // 36)
    for i in reversed(range(count)):
        _draw_box(pen, boxes[i], captions[i], colors[i], font_size, picture.width)
    return np.asarray(picture)


def in_rows(pictures: Sequence[np.ndarray], columns: int) -> np.ndarray:
    """Pictures in rows of `columns` on white, each in the corner of a cell that the largest one fills."""
    height, width = (max(picture.shape[axis] for picture in pictures) for axis in (0, 1))
    columns = min(columns, len(pictures))
    rows = -(-len(pictures) // columns)
    sheet = np.full((rows * (height + GAP) - GAP, columns * (width + GAP) - GAP, 3), 255, np.uint8)
    for number, picture in enumerate(pictures):
        top, left = number // columns * (height + GAP), number % columns * (width + GAP)
        sheet[top : top + picture.shape[0], left : left + picture.shape[1]] = picture
    return sheet


def titled(picture: np.ndarray, title: str) -> np.ndarray:
    """A picture under a line of text on white."""
    line = Image.new("RGB", (picture.shape[1], 28), "white")
    ImageDraw.Draw(line).text((4, 5), title, font=font_for(title, 16), fill="black")
    return np.concatenate([np.asarray(line), picture])


def resize(picture: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """A picture, [H, W, 3] uint8, scaled to `size` (height, width); smoothed where it shrinks."""
    if picture.shape[:2] == tuple(size):
        return picture
    return np.asarray(Image.fromarray(picture).resize((size[1], size[0]), Image.Resampling.LANCZOS))


def _paint_mask(canvas, y, x, window, color):
    height, width = window.shape
    region = canvas[y : y + height, x : x + width]
    region[window] += MASK_OPACITY * (color - region[window])
    inner = window.copy()  # an outline keeps touching objects apart
    inner[1:] &= window[:-1]
    inner[:-1] &= window[1:]
    inner[:, 1:] &= window[:, :-1]
    inner[:, :-1] &= window[:, 1:]
    region[window & ~inner] = 0.25 * region[window & ~inner] + 0.75 * color


def _draw_box(pen, box, caption, color, font_size, width):
    x1, y1, x2, y2 = (float(v) for v in box)
    pen.rectangle([x1, y1, max(x2, x1), max(y2, y1)], outline=color)
    if not caption:
        return
    font = font_for(caption, font_size)
    left, top, right, bottom = pen.textbbox((0, 0), caption, font=font)
    text_width, text_height = right - left + 4, bottom - top + 4
    x = max(0.0, min(x1, width - text_width))
    y = y1 - text_height if y1 >= text_height else y1
    pen.rectangle([x, y, x + text_width, y + text_height], fill=color)
    luminance = 0.299 * color[0] + 0.587 * color[1] + 0.114 * color[2]
    pen.text((x + 2 - left, y + 2 - top), caption, font=font, fill="black" if luminance > 140 else "white")
