"""Pictures of detections and ground truth: masks, boxes and labels over an image. Numpy and Pillow."""

import colorsys
from collections.abc import Mapping, Sequence

import numpy as np
from PIL import Image, ImageDraw

from yolact_tf.draw.fonts import font_for
from yolact_tf.draw.label_places import place_labels

GAP = 6  # white pixels between pictures

_MASK_OPACITY = np.uint8(115)  # of 255: the reference draws with .45
_OUTLINE_OPACITY = np.uint8(219)
_SMALLEST_FONT = 10
_LABELS = 0.15  # of the picture that labels may cover: more are written smaller, then left out
_MARGIN = 2  # pixels around a label's text
_NOBODY = 160, 160, 160


def color_of(index: int) -> tuple[int, ...]:
    """RGB 0..255 of a class by its category id, or of a track: hues a golden ratio apart, so neighbours
    differ. Grey for what is below 0, which is of no track yet."""
    hue = (index * 0.618034 + 0.02) % 1.0
    return _NOBODY if index < 0 else tuple(round(255 * c) for c in colorsys.hsv_to_rgb(hue, 0.75, 0.95))


def draw_instances(
    image: np.ndarray,
    boxes: np.ndarray,
    captions: Sequence[str],
    windows: Sequence[tuple[int, int, np.ndarray]],
    colors: Sequence[tuple[int, ...]] | None = None,
    keep_free: Sequence[Sequence[float]] = (),
) -> np.ndarray:
    """A copy of `image` with each object's mask, box and caption; the first object on top.

    image: [H, W, 3] uint8 RGB.  boxes: [n, 4] corners in pixels.  captions: n texts.
    windows: n masks as (y, x, [h, w] bool array).  colors: n RGB triples.
    keep_free: corners x1, y1, x2, y2 of areas where no caption may lie.
    No caption covers another: it moves, joined to its box by a line, or is left out where there is no room.
    All of them cover 15 % of the picture at most, so that objects stay in sight: the last have none.
    """
    count = len(boxes)
    colors = [color_of(i) for i in range(count)] if colors is None else colors
    line_width = max(1, round(min(image.shape[:2]) / 500))
    picture = _with_masks(image, windows, colors, line_width)
    pen = ImageDraw.Draw(picture)
    for i in reversed(range(count)):
        x1, y1, x2, y2 = (float(v) for v in boxes[i])
        pen.rectangle([x1, y1, max(x2, x1), max(y2, y1)], outline=colors[i], width=line_width)
    _draw_captions(pen, picture.size, boxes, captions, colors, keep_free)
    return np.asarray(picture)


def draw_truth(
    image: np.ndarray,
    boxes: np.ndarray,
    windows: Sequence[tuple[int, int, np.ndarray]],
    classes: np.ndarray,
    is_crowd: np.ndarray,
    labels: Mapping[int, str],
) -> np.ndarray:
    """`draw_instances` of true objects, in the colours that their classes have everywhere.

    classes: [n], each the place of its category among `labels`, category id -> name.  is_crowd: [n] bool.
    """
    ids = np.array(list(labels))[classes].tolist()
    captions = [f"{labels[i]} (crowd)" if crowd else labels[i] for i, crowd in zip(ids, is_crowd.tolist())]
    return draw_instances(image, boxes, captions, windows, [color_of(i) for i in ids])


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


def scaled_size(size: tuple[int, int], longer_side: float) -> tuple[int, int]:
    """A size (height, width) whose longer side has so many pixels, and whose shorter has at least one."""
    scale = longer_side / max(size)
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def resize(picture: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """A picture, [H, W, 3] uint8, scaled to `size` (height, width); smoothed where it shrinks."""
    if picture.shape[:2] == tuple(size):
        return picture
    return np.asarray(Image.fromarray(picture).resize((size[1], size[0]), Image.Resampling.LANCZOS))


def _with_masks(image, windows, colors, line_width):
    """A Pillow image under the colours of masks; a pixel has that of the first mask it lies in alone."""
    picture = Image.fromarray(image)
    layer, opacity = Image.new("RGB", picture.size), Image.new("L", picture.size)
    for (y, x, mask), color in reversed(list(zip(windows, colors, strict=True))):
        shape = Image.fromarray(mask.view(np.uint8) * np.uint8(255))
        layer.paste(color, (x, y), shape)
        opacity.paste(_opacities(mask, line_width), (x, y), shape)
    return Image.composite(layer, picture, opacity)


def _opacities(mask, line_width):
    """How much of a mask's colour each pixel has, of 255: its outline keeps touching objects apart."""
    inner = mask
    for _ in range(line_width):
        inner = _eroded(inner)
    return Image.fromarray(mask * _OUTLINE_OPACITY - inner * (_OUTLINE_OPACITY - _MASK_OPACITY))


def _eroded(mask):
    inner = mask.copy()
    inner[1:] &= mask[:-1]
    inner[:-1] &= mask[1:]
    inner[:, 1:] &= mask[:, :-1]
    inner[:, :-1] &= mask[:, 1:]
    return inner


def _draw_captions(pen, picture_size, boxes, captions, colors, keep_free):
    """Labels on top of everything, the lines to those that had to move below them."""
    shown = [i for i, caption in enumerate(captions) if caption]
    fonts, sizes = _fitting_fonts([captions[i] for i in shown], picture_size)
    shown = shown[: len(sizes)]
    places = list(place_labels(sizes, np.asarray(boxes)[shown], picture_size[::-1], keep_free))
    labels = [
        (i, font, place, (*place, place[0] + size[0] - 1, place[1] + size[1] - 1))
        for i, font, place, size in zip(shown, fonts, places, sizes, strict=True)
        if place is not None
    ]
    for i, _, _, extent in labels:
        _join(pen, extent, boxes[i], colors[i])
    for i, font, (x, y), extent in labels:
        pen.rectangle(extent, fill=colors[i])
        luminance = np.dot(colors[i], (0.299, 0.587, 0.114))
        ink = "black" if luminance > 140 else "white"
        pen.text((x + _MARGIN, y + _MARGIN), captions[i], font=font, fill=ink)


def _fitting_fonts(captions, picture_size):
    """Fonts of captions and the (width, height) of their labels in them, which cover `_LABELS` of the picture
    at most: smaller where there are many, and of the first ones alone where the smallest is too large."""
    room = _LABELS * picture_size[0] * picture_size[1]
    size = max(_SMALLEST_FONT, min(picture_size) // 36)
    while True:
        fonts, sizes = _measured(captions, size)
        covered = np.cumsum([width * height for width, height in sizes] or [0]) / room
        if covered[-1] <= 1 or size == _SMALLEST_FONT:
            count = max(1, int((covered <= 1).sum()))
            return fonts[:count], sizes[:count]
        size = max(_SMALLEST_FONT, min(size - 1, int(size / covered[-1] ** 0.5)))


def _measured(captions, font_size):
    fonts = [font_for(caption, font_size) for caption in captions]
    extents = [font.getbbox(caption) for font, caption in zip(fonts, captions, strict=True)]
    # As high as the tallest of all, so that labels in a row look alike.
    height = max((int(extent[3]) for extent in extents), default=0) + 2 * _MARGIN
    return fonts, [(int(extent[2]) + 2 * _MARGIN + 1, height) for extent in extents]


def _join(pen, label, box, color):
    """A line from a label to its box, where they do not touch."""
    low, high = np.reshape(label, (2, 2)), np.reshape(box, (2, 2))
    at_box = np.clip(low.mean(0), high[0], np.maximum(*high))
    at_label = np.clip(at_box, *low)
    if np.abs(at_box - at_label).max() > 2:
        pen.line([*at_label, *at_box], fill=color, width=2)
