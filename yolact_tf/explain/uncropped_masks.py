"""What masks are without the crop to their boxes, by the size of the object (YOLACT §5)."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from yolact_tf.config import DataConfig
from yolact_tf.data.load import load_data
from yolact_tf.data.record import Record
from yolact_tf.data.split import Split
from yolact_tf.detect.detections import Detections
from yolact_tf.detect.detector import Detector
from yolact_tf.evaluate import coco_metrics, results_as_annotated
from yolact_tf.evaluate.average_precision import detect_split
from yolact_tf.explain.mask_sums import whole_masks
from yolact_tf.explain.matching import overlaps_of
from yolact_tf.files import PathLike
from yolact_tf.structures import Progress

# Sides in pixels of the files: roots of the areas between which COCO draws its lines.
SIZES = {"small": (0.0, 32.0), "medium": (32.0, 96.0), "large": (96.0, np.inf)}
AP_NAMES = {"all": "AP", "small": "APs", "medium": "APm", "large": "APl"}
_SAME = 0.5  # box IoU from which on a detection is one of the object


@dataclass(frozen=True, eq=False)
class FoundObject:
    """A true object and the detection whose box overlaps it most."""

    record: Record
    index: int  # of the object in the record
    detection: int  # among the Detections of the image
    side: float  # root of the object's area, pixels of the file
    cropped_iou: float  # of the mask with the true one
    whole_iou: float  # of the mask before the crop


@dataclass(frozen=True, eq=False)
class CropBySize:
    """How masks fit their objects with the crop and without."""

    objects: list[FoundObject]  # those that a detection of their class is of
    cropped_ap: dict[str, float]  # of masks, by the keys of AP_NAMES; -1 where there are no objects
    whole_ap: dict[str, float]  # likewise, without the crop

    def of_size(self, name: str) -> list[FoundObject]:
        """The objects of one of SIZES."""
        low, high = SIZES[name]
        return [one for one in self.objects if low <= one.side < high]


def crop_by_size(
    detector: Detector,
    data: PathLike | Split,
    split: str = "val",
    progress: Progress | None = None,
    settings: DataConfig | None = None,
) -> CropBySize:
    """The CropBySize of a detector on one split. ValueError where its Detections have no prototypes.

    data, progress, settings: as `evaluate` has them.
    """
    data = load_data(data, split, settings)
    category_ids = np.array(list(data.labels))
    objects: list[FoundObject] = []
    whole_results: list[dict[str, Any]] = []

    def observe(record, image, found):
        whole = without_crop(found)
        objects.extend(_found_objects(record, found, whole, category_ids))
        whole_results.extend(results_as_annotated(whole.to_coco(record.image_id), record))

    results = detect_split(detector, data, observe, progress, settings)
    return CropBySize(objects, _mask_ap(data, results), _mask_ap(data, whole_results))


def without_crop(found: Detections) -> Detections:
    """The same detections with masks of the whole image, as they were before the crop."""
    return replace(found, given_windows=tuple((0, 0, mask) for mask in whole_masks(found)))


def _found_objects(record, found, whole, category_ids):
    cropped, uncropped = (overlaps_of(one, record, category_ids) for one in (found, whole))
    boxes = np.where(cropped.is_same_class & ~record.is_crowd, cropped.boxes, 0.0)
    for index in np.flatnonzero((boxes >= _SAME).any(0)):
        best = int(boxes[:, index].argmax())
        side = float(np.sqrt(record.areas[index]))
        ious = float(cropped.masks[best, index]), float(uncropped.masks[best, index])
        yield FoundObject(record, int(index), best, side, *ious)


def _mask_ap(data, results):
    numbers = coco_metrics(data, results)["segm"]
    return {size: numbers[name] for size, name in AP_NAMES.items()}
