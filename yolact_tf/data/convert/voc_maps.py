"""VOC's SegmentationClass and SegmentationObject: PNGs of values 0..255, as indices or as VOC's colours.

0 is background and 255 void. A colour that belongs to no value is void, as are smooth edges: VOC, too,
has void between an object and what is around it.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TypeVar

import numpy as np
from PIL import Image

from yolact_tf.data.convert.conversion_losses import Losses
from yolact_tf.data.convert.image_files import upright_map
from yolact_tf.data.convert.smooth_edges import edge_pixels
from yolact_tf.images.inspection import ImageHeader

VOID = 255
Channel = TypeVar("Channel", int, np.ndarray)


def _color(index):
    """VOC's colour of a value: its low bits, three by three, are the high bits of red, green and blue."""
    color = [0, 0, 0]
    for level in range(8):
        for channel in range(3):
            color[channel] |= (index >> (3 * level + channel) & 1) << (7 - level)
    return tuple(color)


def code_of(red: Channel, green: Channel, blue: Channel) -> Channel:
    """A colour as one number."""
    return red * 65536 + green * 256 + blue


COLORS = tuple(_color(index) for index in range(256))
VOID_COLOR = code_of(*COLORS[VOID])
_VALUE_OF_COLOR = {**{code_of(*color): index for index, color in enumerate(COLORS)}, VOID_COLOR: -1}


def read_class_map(
    file: Path, header: ImageHeader, class_of_color: Mapping[int, int] | None, losses: Losses
) -> np.ndarray:
    """[H, W] int32 classes of a PNG, -1 for void. class_of_color: {code_of a
    colour: class}, background and void among them; None for VOC's own."""
    pixels = _read_pixels(file, header, class_of_color is None, losses)
    if pixels.ndim == 2:
        return _with_void(pixels)
    codes = code_of(*np.moveaxis(pixels, 2, 0))
    classes = _VALUE_OF_COLOR if class_of_color is None else class_of_color
    found = np.unique(codes).tolist()
    unknown = [code for code in found if code not in classes]
    if unknown:
        example = f"{file}: {len(unknown)}, such as #{unknown[0]:06x}"
        losses.add("maps with colours of no class, now void there", example)
    return _looked_up(codes, found, {**dict.fromkeys(unknown, -1), **classes})


def read_object_map(file: Path, header: ImageHeader, losses: Losses) -> tuple[np.ndarray, bool]:
    """([H, W] int32 ids of a PNG, -1 for void; whether id k is the k-th object of the XML).

    It is not where objects have colours other than VOC's: such ids follow the colours' order.
    """
    pixels = _read_pixels(file, header, True, losses)
    if pixels.ndim == 2:
        is_edge = edge_pixels(pixels)
        losses.add("maps with smooth edges, now void there", file, int(is_edge.any()))
        return _with_void(np.where(is_edge, VOID, pixels)), True
    codes = code_of(*np.moveaxis(pixels, 2, 0))
    if not set(np.unique(codes).tolist()) <= set(_VALUE_OF_COLOR):
        is_edge = edge_pixels(pixels)
        losses.add("maps with smooth edges, now void there", file, int(is_edge.any()))
        codes = np.where(is_edge, VOID_COLOR, codes)
    found = np.unique(codes).tolist()
    is_vocs = set(found) <= set(_VALUE_OF_COLOR)
    own = {code: k for k, code in enumerate((c for c in found if c not in (0, VOID_COLOR)), 1)}
    ids = _VALUE_OF_COLOR if is_vocs else {0: 0, VOID_COLOR: -1, **own}
    return _looked_up(codes, found, ids), is_vocs


def write_maps(folder: Path, stem: str, ids: np.ndarray, classes: Iterable[int]) -> None:
    """Writes both PNGs of an image; ids: [H, W], k + 1 where object k is.  classes: that of each object."""
    class_of = np.array([0, *classes])
    for name, values in (("SegmentationObject", ids), ("SegmentationClass", class_of[ids])):
        image = Image.fromarray(values.astype("uint8"))
        image.putpalette([channel for color in COLORS for channel in color])
        file = folder / name / f"{stem}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        image.save(file)


def _read_pixels(file, header, is_palette_of_index, losses):
    """[H, W] int32 indices of a PNG with one channel, else [H, W, 3] colours."""
    if not file.is_file():
        raise FileNotFoundError(f"{file}: no such mask file")
    try:
        with Image.open(file) as image:
            is_index = image.mode in ("1", "L", "I", "I;16") or (image.mode == "P" and is_palette_of_index)
            pixels = np.asarray(image if is_index else image.convert("RGB")).astype("int32")
    except (OSError, SyntaxError) as error:
        raise ValueError(f"{file}: expected a mask PNG. Received: {error}") from None
    return upright_map(file, pixels, header, losses)


def _looked_up(codes, found, value_of):
    """[H, W] values of `codes`, of which `found` are all in rising order."""
    values = np.array([value_of[code] for code in found], "int32")
    return values[np.searchsorted(found, codes)]


def _with_void(values):
    return np.where(values == VOID, -1, values)
