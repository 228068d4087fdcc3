"""One annotation mended: what cannot be used goes, what the mask tells is taken from the mask."""

from yolact_tf.data.check_objects import BROKEN, box_corners, check_object, is_broken, is_flat, measure_mask

_MASK_BOX = {  # boxes that the mask's replaces
    "NaN coordinates",
    "malformed box",
    "empty box",
    "box outside the image",
    "box disagrees",
}


def mend_object(annotation, height, width):
    """(annotation, [what was done]) with no fault left that `check_object` finds; None if nothing is left.

    A sound annotation comes back as it is.
    """
    if not check_object(annotation, height, width):
        return annotation, []
    annotation, done = _drop_polygons(annotation)
    try:
        measures = measure_mask(annotation.get("segmentation"), height, width)
    except BROKEN:
        return None, ["annotations dropped"]
    if not measures.area:
        return None, ["annotations dropped"]
    changes = {}
    faults = {kind for kind, _ in check_object(annotation, height, width)}
    if faults & _MASK_BOX:
        changes["bbox"] = _to_xywh(measures.box)
        done.append("boxes taken from the mask")
    elif "box crosses the border" in faults:
        x1, y1, x2, y2 = box_corners(annotation["bbox"])
        changes["bbox"] = _to_xywh((max(x1, 0), max(y1, 0), min(x2, width), min(y2, height)))
        done.append("boxes clipped")
    if "area disagrees" in faults:
        changes["area"] = measures.area
        done.append("areas taken from the mask")
    return {**annotation, **changes}, done


def _drop_polygons(annotation):
    """The annotation without the polygons that break its mask or add nothing to it."""
    segmentation = annotation.get("segmentation")
    if not isinstance(segmentation, list):
        return annotation, []
    sound = [p for p in segmentation if isinstance(p, list) and not is_broken(p) and not is_flat(p)]
    if len(sound) == len(segmentation):
        return annotation, []
    return {**annotation, "segmentation": sound}, ["polygons dropped"] * (len(segmentation) - len(sound))


def _to_xywh(corners):
    """Corners in pixels to COCO's [x, y, w, h]."""
    x1, y1, x2, y2 = corners
    return [x1, y1, x2 - x1, y2 - y1]
