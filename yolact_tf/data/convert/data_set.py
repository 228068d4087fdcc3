"""The value that every reader makes and every writer takes, and what a writer reports."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from yolact_tf.data.convert.conversion_losses import Losses


@dataclass(frozen=True)
class Category:
    """What a category id stands for."""

    name: str
    supercategory: str = ""


@dataclass(frozen=True, eq=False)
class Instance:
    """One object: polygons or run lengths, never both.

    A polygon is [m, 2] float64 x, y in pixels, where pixel (x, y) is the square up to (x + 1, y + 1);
    the object is the union of its polygons, each filled by the even-odd rule.
    """

    category_id: int
    polygons: tuple[np.ndarray, ...] = ()
    rle: dict | None = None  # COCO's: `size` [H, W] and `counts`, ASCII text or a list
    is_crowd: bool = False
    is_box: bool = False  # its polygons are a box, of which the source has no mask
    instance_id: int | None = None
    area: float | None = None  # pixels, as the source gives it
    box: tuple[float, float, float, float] | None = None  # corners in pixels, as the source gives it
    extra: dict = field(default_factory=dict)  # fields that only some formats have


@dataclass(frozen=True, eq=False)
class Picture:
    """One image file and its objects."""

    name: str  # path below the split's image folder, with "/"
    source: Path | bytes  # the file, or its bytes where an annotation file holds them
    width: int
    height: int
    instances: tuple[Instance, ...] = ()
    image_id: int | None = None
    extra: dict = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class DataSet:
    """Splits of pictures, and what their reader could not take along."""

    categories: dict[int, Category]  # by category id, ids in rising order
    splits: dict[str, tuple[Picture, ...]]  # train, val, test, or subsets of names that mean none of them
    losses: Losses = field(default_factory=Losses)
    extra: dict[str, dict] = field(default_factory=dict)  # split -> fields of it, such as licences


Place = Callable[[Picture, Path], None]  # puts the image file of a picture at a path


@dataclass(frozen=True)
class Report:
    """What was written, by split, and what was lost on the way."""

    images: dict[str, int]
    objects: dict[str, int]
    losses: Losses
