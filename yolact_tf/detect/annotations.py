"""Detections as annotations that a person corrects, or a training learns from."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from yolact_tf.data.convert.conversion_losses import Losses
from yolact_tf.data.convert.data_set import Instance, Picture
from yolact_tf.data.convert.labelme import annotation_text
from yolact_tf.data.convert.labelme_shapes import shapes_of
from yolact_tf.data.convert.outlines import join
from yolact_tf.data.convert.yolo import label_rows
from yolact_tf.detect.polygons import polygons_of

if TYPE_CHECKING:
    from yolact_tf.detect.detections import Detections

# Pixels that an outline may stray. No centre of a pixel is nearer to the lines of `polygons_of` than √2 / 4.
_TOLERANCE = 0.35


def picture_of(found: "Detections", name: str, source: Any = b"") -> Picture:
    """What was found in the image `name`, as the converters of data sets have it; `source` is its file.

    An object is a polygon for each of its parts, of few points, from which holes hang by seams of no width.
    Its score, and its track where it has one, are fields of their own.
    """
    height, width = found.image_size
    more = [_fields(found, row) for row in range(len(found))]
    instances = [
        Instance(int(class_id), **_region(window, rle), extra=extra)
        for class_id, window, rle, extra in zip(found.class_ids, found.windows, found.rle, more, strict=True)
    ]
    return Picture(name, source, width, height, tuple(instances))


def yolo_text(found: "Detections", labels: Mapping[int, str]) -> str:
    """As `Detections.to_yolo`."""
    absent = sorted(set(found.class_ids.tolist()) - set(labels))
    if absent:
        raise ValueError(f"Expected `labels` of all classes found. Received none for {absent}")
    class_of = {category_id: index for index, category_id in enumerate(labels)}
    return "".join(label_rows(picture_of(found, "image"), class_of, Losses(), "image"))


def labelme_text(found: "Detections", image_name: str) -> str:
    """As `Detections.to_labelme`."""
    picture = picture_of(found, image_name)
    names = dict(zip(found.class_ids.tolist(), found.class_names, strict=True))
    objects = [shapes_of(i, number, picture, names) for number, i in enumerate(picture.instances, 1)]
    return annotation_text(picture, objects)


def _region(window, rle):
    polygons = [polygon.simplified(_TOLERANCE) for polygon in polygons_of(window)]
    outlines = tuple(join((polygon.outline, *polygon.holes)) for polygon in polygons)
    return {"polygons": outlines} if outlines else {"rle": rle}  # which of nothing has no outline


def _fields(found, row):
    fields: dict[str, Any] = {"score": round(float(found.mask_scores[row]), 4)}
    return fields if found.track_ids is None else {**fields, "track_id": int(found.track_ids[row])}
