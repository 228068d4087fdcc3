"""Zones and lines over pictures, each with its caption."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw

from yolact_tf.draw.fonts import font_for
from yolact_tf.draw.label_places import place_labels

Points = Sequence[tuple[float, float]]
_ZONE, _LINE = (255, 200, 0), (255, 60, 160)  # bright, and of no class in particular
_OPACITY = 0.15
_MARGIN = 3  # pixels around a caption's text


class Caption(NamedTuple):
    """A text on a ground of its own colour."""

    text: str
    corner: tuple[int, int]
    size: tuple[int, int]
    color: tuple[int, int, int]

    @property
    def extent(self) -> tuple[int, int, int, int]:
        """Corners x1, y1, x2, y2; the last two lie beyond."""
        (x, y), (width, height) = self.corner, self.size
        return x, y, x + width, y + height


def place_captions(
    zones: Sequence[Points],
    lines: Sequence[Points],
    texts: Sequence[str],
    picture_size: tuple[int, int],
) -> list[Caption]:
    """What is written at the top of zones and at the middle of lines, one beside the other where there is
    room.

    texts: of the zones, then of the lines.  picture_size: (height, width).
    """
    points = [min(zone, key=lambda p: (p[1], p[0])) for zone in zones] + [np.mean(ln, 0) for ln in lines]
    colors = [_ZONE] * len(zones) + [_LINE] * len(lines)
    sizes = [_text_size(text, picture_size) for text in texts]
    boxes = np.array([(*p, *p) for p in points], float).reshape(-1, 4)
    places = place_labels(sizes, boxes, picture_size)
    return [
        Caption(text, place or _nearest(point, size, picture_size), size, color)
        for text, place, point, size, color in zip(texts, places, points, sizes, colors, strict=True)
    ]


def draw_marks(picture: np.ndarray, zones: Sequence[Points], lines: Sequence[Points]) -> np.ndarray:
    """A copy of `picture` [H, W, 3] uint8 with zones in light colour and lines with an arrow to the side that
    is "in"."""
    canvas = Image.fromarray(picture).convert("RGB")
    width = _stroke(canvas)
    for points in zones:
        veil = Image.new("L", canvas.size)
        ImageDraw.Draw(veil).polygon(points, fill=round(255 * _OPACITY))
        canvas.paste(_ZONE, mask=veil)
        pen = ImageDraw.Draw(canvas)
        pen.line([*points, *points[:2]], fill=_ZONE, width=width, joint="curve")
    pen = ImageDraw.Draw(canvas)
    for (x1, y1), (x2, y2) in lines:
        pen.line([x1, y1, x2, y2], fill=_LINE, width=width)
        _draw_arrow(pen, np.array([x1, y1]), np.array([x2, y2]), 6 * width)
    return np.asarray(canvas)


def draw_captions(picture: np.ndarray, captions: Sequence[Caption]) -> np.ndarray:
    """A copy of `picture` [H, W, 3] uint8 with captions over all that it shows."""
    canvas = Image.fromarray(picture)
    for caption in captions:
        _write(ImageDraw.Draw(canvas), caption, picture.shape[:2])
    return np.asarray(canvas)


def _stroke(canvas):
    return max(2, min(canvas.size) // 200)


def _draw_arrow(pen, start, end, size):
    """A triangle on the left hand of one who walks from start to end (y points down)."""
    along = (end - start) / np.linalg.norm(end - start)
    left = np.array([along[1], -along[0]])
    middle = start + 0.25 * (end - start)
    corners = [middle - along * size / 2, middle + along * size / 2, middle + left * size]
    pen.polygon([tuple(corner) for corner in corners], fill=_LINE)


def _nearest(point, size, picture_size):
    """The corner of a caption at `point`, or as near as the picture allows; too long ones begin in it."""
    x, y = (
        max(0, min(round(at), side - length))
        for at, side, length in zip(point, picture_size[::-1], size, strict=True)
    )
    return x, y


def _font(text, picture_size):
    return font_for(text, max(11, min(picture_size) // 30))


def _text_size(text, picture_size):
    left, top, right, bottom = _font(text, picture_size).getbbox(text)
    return round(right - left) + 2 * _MARGIN, round(bottom - top) + 2 * _MARGIN


def _write(pen, caption, picture_size):
    font, (x, y) = _font(caption.text, picture_size), caption.corner
    left, top, _, _ = font.getbbox(caption.text)
    x1, y1, x2, y2 = caption.extent
    pen.rectangle([x1, y1, x2 - 1, y2 - 1], fill=caption.color)
    pen.text((x + _MARGIN - left, y + _MARGIN - top), caption.text, font=font, fill="black")
