"""A file of COCO results, checked row by row against the images that it speaks of."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from pycocotools import mask as coco_mask

from yolact_tf.data.coco.json_numbers import FARTHEST, is_coordinate, is_number
from yolact_tf.data.coco.segmentation import parse_segmentation
from yolact_tf.data.coco.turning import turn_annotation
from yolact_tf.data.json_files import read_json
from yolact_tf.data.split import Split
from yolact_tf.files import PathLike
from yolact_tf.images.orientation import turned_size, undoing
from yolact_tf.rle import compressed_rle

logger = logging.getLogger(__name__)
_EXPECTED = "a JSON list of COCO results"


class _Image(NamedTuple):
    image_id: int | str
    path: str
    size: tuple[int, int]  # width, height, upright
    turned: int  # EXIF's orientation by which objects of the annotation file were turned


def read_results(file: PathLike, data: Split) -> list[dict[str, Any]]:
    """The COCO results of a JSON file for images of `data`, in the pixels of its annotation file.

    A row is of the image of its `file_name`, as `yolact detect` writes it, else of its `image_id`. Of a row
    without `bbox`, the box is that of its mask; of rows without `segmentation`, masks are filled boxes, as
    COCO has it, which a line of the log says. ValueError names the first row that does not fit.
    """
    if not Path(file).is_file():
        raise FileNotFoundError(f"{file}: expected {_EXPECTED}. Received: no such file")
    rows = read_json(Path(file), _EXPECTED)
    if not isinstance(rows, list):
        raise ValueError(f"{file}: expected {_EXPECTED}. Received: {type(rows).__name__}")
    images = _Images(data)
    results = []
    for number, row in enumerate(rows, 1):
        try:
            results.append(_result(row, images, data.labels))
        except ValueError as error:
            raise ValueError(f"{file}: row {number} of {len(rows)}: {error}") from None
    filled = sum("segmentation" not in row for row in rows)
    if filled:
        logger.warning("%s: %d of %d rows have no mask; their boxes are filled", file, filled, len(rows))
    return results


class _Images:
    """The images of a split by number and by file name."""

    def __init__(self, data):
        self.origin = data.origin
        self._by_id, self._by_name = {}, {}
        for record in data.records:
            size = record.width, record.height
            image = _Image(record.image_id, record.path.replace("\\", "/"), size, record.turned)
            self._by_id[image.image_id] = image
            self._by_name.setdefault(_base(image.path), []).append(image)

    def of(self, row):
        """The image that a row speaks of."""
        if "file_name" not in row:
            return self._find(self._by_id, "image_id", row.get("image_id"))
        name = row["file_name"]
        found = self._find(self._by_name, "file_name", name, _base(str(name)))
        if len(found) > 1:
            found = [image for image in found if f"/{image.path}".endswith(f"/{name}")]
        if len(found) != 1:
            raise ValueError(f"expected `file_name` to tell images apart. Received: {name!r}")
        return found[0]

    def _find(self, images, field, value, key=None):
        try:
            return images[value if key is None else key]
        except (KeyError, TypeError):  # a list is no key
            raise ValueError(
                f"expected `{field}` to be that of one of the {len(self._by_id)} images of {self.origin}. "
                f"Received: {value!r}"
            ) from None


def _base(name):
    return name.rpartition("/")[-1]


def _result(row, images, labels):
    """A row with what evaluation needs of it, `segmentation` as compressed RLE."""
    if not isinstance(row, Mapping):
        raise ValueError(f"expected an object. Received: {str(row)[:80]}")
    image = images.of(row)
    category = row.get("category_id")
    if type(category) is not int or category not in labels:
        known = str(list(labels))[:120]
        raise ValueError(f"expected `category_id` to be one of {known}. Received: {category!r}")
    scores = {name: row[name] for name in ("score", "mask_score") if name in row}
    if "score" not in scores or not all(map(is_number, scores.values())):
        raise ValueError(f"expected `score` to be a number. Received: {scores or None}")
    result = {"image_id": image.image_id, "category_id": category, **scores}
    if "bbox" in row:
        result["bbox"] = _box(row["bbox"])
    if "segmentation" in row:
        result["segmentation"] = row["segmentation"]
    elif "bbox" not in row:
        raise ValueError("expected `bbox` or `segmentation`. Received: neither")
    return _in_annotated_pixels(result, image)


def _box(box):
    if not (isinstance(box, list) and len(box) == 4 and all(map(is_coordinate, box)) and min(box[2:]) >= 0):
        raise ValueError(
            f"expected `bbox` to be [x, y, width, height] in pixels up to {FARTHEST}. Received: {box!r}"
        )
    return box


def _in_annotated_pixels(result, image):
    """A result with its box and, in the size of the image's annotations, its mask as compressed RLE."""
    width, height = turned_size(image.size, undoing(image.turned))
    result = _turned_back(result, image)
    if "segmentation" not in result:
        x, y, w, h = result["bbox"]
        result["segmentation"] = [[x, y, x, y + h, x + w, y + h, x + w, y]]
    rle = result["segmentation"]
    runs = parse_segmentation(rle, height, width).runs
    if not (isinstance(rle, dict) and isinstance(rle["counts"], str)):
        rle = compressed_rle(runs, (height, width))
    box = result["bbox"] if "bbox" in result else coco_mask.toBbox(rle).tolist()
    return {**result, "bbox": box, "segmentation": rle}


def _turned_back(result, image):
    """A result of an image that annotations say as it is stored, not upright: only a mask's size tells."""
    mask, (width, height) = result.get("segmentation"), image.size
    if image.turned == 1 or not isinstance(mask, dict) or mask.get("size") != [height, width]:
        return result
    parse_segmentation(mask, height, width)
    return turn_annotation(result, image.size, undoing(image.turned))
