"""One annotation mended: what cannot be used goes, what the mask tells is taken from the mask."""

from typing import Any

from yolact_tf.data.coco.entries import plain_numbers
from yolact_tf.data.coco.problems import Malformed
from yolact_tf.data.coco.segmentation import parse_segmentation
from yolact_tf.data.inspect.check_objects import box_corners, check_object, is_flat, measures_of

_MASK_BOX = {  # boxes that the mask's replaces
    "NaN coordinates",
    "malformed box",
    "empty box",
    "box outside the image",
    "box disagrees",
}
_DROPPED = None, ["annotations dropped"]


def mend_object(
    annotation: dict[str, Any], height: int, width: int
) -> tuple[dict[str, Any] | None, list[str]]:
    """(annotation, [what was done]) with no fault left that `check_object` finds; None if nothing is left.

    A sound annotation comes back as it is, but that numbers in another form become plain.
    """
    plain = plain_numbers(annotation, "annotations")
    annotation, done = {**annotation, **plain}, ["numbers written plainly"] * len(plain)
    if not check_object(annotation, height, width):
        return annotation, done
    try:
        annotation, steps = _drop_polygons(annotation, height, width)
        mask = parse_segmentation(annotation.get("segmentation"), height, width)
    except Malformed:
        return _DROPPED
    measures = measures_of(mask, height, width)
    kinds = {fault.kind for fault in check_object(annotation, height, width)}
    if not measures.area or "malformed crowd flag" in kinds:  # nobody knows what else was meant
        return _DROPPED
    done += steps
    if kinds & _MASK_BOX:
        annotation = {**annotation, "bbox": _to_xywh(measures.box)}
        done.append("boxes taken from the mask")
    elif "box crosses the border" in kinds:
        x1, y1, x2, y2 = box_corners(annotation["bbox"])
        annotation = {
            **annotation,
            "bbox": _to_xywh((max(x1, 0), max(y1, 0), min(x2, width), min(y2, height))),
        }
        done.append("boxes clipped")
    # Only now: an annotation without a usable box shows no other fault.
    if any(fault.kind == "area disagrees" for fault in check_object(annotation, height, width)):
        annotation = {**annotation, "area": measures.area}
        done.append("areas taken from the mask")
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


def _to_xywh(corners):
    """Corners in pixels to COCO's [x, y, w, h]."""
    x1, y1, x2, y2 = corners
    return [x1, y1, x2 - x1, y2 - y1]
