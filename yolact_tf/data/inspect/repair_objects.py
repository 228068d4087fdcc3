"""One annotation mended: what cannot be used goes, what the mask tells is taken from the mask."""

from typing import Any

from yolact_tf.data.coco.entries import parse_object
from yolact_tf.data.coco.measures import box_corners, is_flat, measures_of, to_xywh
from yolact_tf.data.coco.problems import Malformed
from yolact_tf.data.coco.segmentation import parse_segmentation
from yolact_tf.data.inspect.check_objects import check_object

_MASK_BOX = {  # boxes that the mask's replaces
    "NaN coordinates",
    "malformed box",
    "empty box",
    "box outside the image",
    "box disagrees",
}


def mend_object(
    annotation: dict[str, Any], height: int, width: int
) -> tuple[dict[str, Any] | None, list[str]]:
    """(annotation, [what was done]) with no fault left that `check_object` finds; None if nothing is left.

    A sound annotation comes back as it is, with what follows from its mask. A box without a mask stays one.
    """
    done: list[str] = []
    kinds = _kinds(annotation, height, width)
    if kinds - {"box without mask", "box crosses the border"}:
        mended, done = _mended_by_mask(annotation, height, width)
        if mended is None:
            return None, done
        annotation, kinds = mended, _kinds(mended, height, width)
    if "box crosses the border" in kinds:
        x1, y1, x2, y2 = box_corners(annotation["bbox"])
        inside = (max(x1, 0), max(y1, 0), min(x2, width), min(y2, height))
        annotation, done = {**annotation, "bbox": to_xywh(inside)}, [*done, "boxes clipped"]
    if "area disagrees" in kinds:
        area = measures_of(parse_segmentation(annotation["segmentation"], height, width), height, width).area
        annotation, done = {**annotation, "area": area}, [*done, "areas taken from the mask"]
    return _with_all_fields(annotation, height, width), done


def _kinds(annotation, height, width):
    return {fault.kind for fault in check_object(annotation, height, width)}


def _with_all_fields(annotation, height, width):
    """A sound annotation with what follows from its mask where it does not say so."""
    if {"bbox", "area", "iscrowd"} <= annotation.keys():
        return dict(annotation)
    entry, _ = parse_object(annotation, height, width)
    following = {"bbox": list(entry.xywh), "area": entry.area, "iscrowd": int(entry.is_crowd)}
    return {**annotation, **{key: value for key, value in following.items() if key not in annotation}}


def _mended_by_mask(annotation, height, width):
    """(annotation with the sound part of its mask, its box where its own is none; [what was done])"""
    dropped = None, ["annotations dropped"]
    try:
        annotation, done = _drop_polygons(annotation, height, width)
        mask = parse_segmentation(annotation.get("segmentation"), height, width)
    except Malformed:
        return dropped
    measures = measures_of(mask, height, width)
    kinds = _kinds(annotation, height, width)
    if not measures.area or "malformed crowd flag" in kinds:  # nobody knows what else was meant
        return dropped
    if kinds & _MASK_BOX:
        annotation = {**annotation, "bbox": to_xywh(measures.box)}
        done.append("boxes taken from the mask")
    return annotation, done


def _drop_polygons(annotation, height, width):
    """The annotation without polygons that break its mask or add nothing to it. Malformed without a mask."""
    segmentation = annotation.get("segmentation")
    if not isinstance(segmentation, list):
        return annotation, []
    sound = [p for p in parse_segmentation(segmentation, height, width).polygons if not is_flat(p)]
    if len(sound) == len(segmentation):
        return annotation, []
    return {**annotation, "segmentation": sound}, ["polygons dropped"] * (len(segmentation) - len(sound))
