"""Zones and lines over pictures, each with its caption."""

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

from yolact_tf.draw.fonts import font_for

Points = Sequence[tuple[float, float]]
_ZONE, _LINE = (255, 200, 0), (255, 60, 160)  # bright, and of no class in particular
_OPACITY = 0.15


def draw_zones(picture: np.ndarray, zones: Sequence[Points], captions: Sequence[str]) -> np.ndarray:
    """A copy of `picture` [H, W, 3] uint8 with polygons in light colour, each with its caption at its top."""
    canvas = Image.fromarray(picture).convert("RGB")
    width = _stroke(canvas)
    for points in zones:
        veil = Image.new("L", canvas.size)
        ImageDraw.Draw(veil).polygon(points, fill=round(255 * _OPACITY))
        canvas.paste(_ZONE, mask=veil)
        pen = ImageDraw.Draw(canvas)
        pen.line([*points, *points[:2]], fill=_ZONE, width=width, joint="curve")
    for points, caption in zip(zones, captions, strict=True):
        _write(canvas, min(points, key=lambda p: (p[1], p[0])), caption, _ZONE)
    return np.asarray(canvas)


def draw_lines(picture: np.ndarray, lines: Sequence[Points], captions: Sequence[str]) -> np.ndarray:
    """A copy of `picture` with lines, an arrow to the side that is "in", and captions at their middle."""
    canvas = Image.fromarray(picture).convert("RGB")
    pen, width = ImageDraw.Draw(canvas), _stroke(canvas)
    for (x1, y1), (x2, y2) in lines:
        pen.line([x1, y1, x2, y2], fill=_LINE, width=width)
        _draw_arrow(pen, np.array([x1, y1]), np.array([x2, y2]), 6 * width)
    for points, caption in zip(lines, captions, strict=True):
        _write(canvas, tuple(np.mean(points, 0)), caption, _LINE)
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


def _write(canvas, point, caption, color):
    """A caption on a ground of `color`, its corner at `point` or as near as the picture allows."""
    font = font_for(caption, max(11, min(canvas.size) // 30))
    pen = ImageDraw.Draw(canvas)
    left, top, right, bottom = pen.textbbox((0, 0), caption, font=font)
    width, height = right - left + 6, bottom - top + 6
    x = max(0, min(point[0], canvas.width - width))
    y = max(0, min(point[1], canvas.height - height))
    pen.rectangle([x, y, x + width, y + height], fill=color)
    pen.text((x + 3 - left, y + 3 - top), caption, font=font, fill="black")
