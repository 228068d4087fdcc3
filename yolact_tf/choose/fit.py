"""A recipe's image size, anchors and slots, fitted to the objects of data."""

import math

from yolact_tf.choose.data_look import DataLook
from yolact_tf.config import Config
from yolact_tf.data.inspect.anchor_fit import better_fit, fit_of

# Pixels that a small object should have: four of the prototypes, with fewer a mask is a blob.
_OBJECT_SIDE = 16
_STRIDE = 32  # of the backbone's coarsest level, whose cells should fill the image
# Minutes of training on a CPU -> largest side worth its time: each view costs as the square of the side.
_MOST_ON_CPU = ((5.0, 320), (30.0, 448), (math.inf, 576))
_MOST_ON_GPU = 640
_LEAST_GAIN = 0.02  # of anchor recall: less may come of chance
_MOST_SLOTS = 400  # objects an image that training has room for


def fitted_image_size(side: float, own: int, minutes: float, has_gpu: bool) -> int:
    """The least multiple of 32 that gives a side 16 pixels; at least `own`, at most what there is time for.

    side: as a share of the image's.  own: the recipe's image size.  minutes: of training; 0 where the
    recipe's epochs decide.
    """
    wanted = _STRIDE * math.ceil(_OBJECT_SIDE / max(side, 1e-3) / _STRIDE)
    on_cpu = next(most for until, most in _MOST_ON_CPU if (minutes or 20.0) < until)
    return max(own, min(wanted, _MOST_ON_GPU if has_gpu else on_cpu))


def fit_anchors(look: DataLook, config: Config) -> tuple[list[str], str]:
    """(`--set` texts, what to say): sizes of anchors that find more of the objects, where there are any."""
    if not len(look.boxes):
        return [], "no objects to fit anchors to"
    size = config.data.image_size
    own, better = (fit(look.boxes, size, config.anchors) for fit in (fit_of, better_fit))
    before, after = own.recall["all"], better.recall["all"]
    if after - before < _LEAST_GAIN:
        return [], f"recall of its anchors {before:.2f}"
    return [better.setting], f"recall of the anchors {before:.2f} → {after:.2f}"


def fit_slots(look: DataLook, config: Config) -> list[str]:
    """`--set` texts that make room for all objects of the fullest image, in training and in detection."""
    slots = min(_MOST_SLOTS, 10 * math.ceil(look.most_objects / 10))
    settings = [f"data.max_objects={slots}"] if slots > config.data.max_objects else []
    if slots > config.detect.max_detections:
        settings.append(f"detect.max_detections={slots}")
    if 2 * slots > config.detect.max_candidates:
        settings.append(f"detect.max_candidates={2 * slots}")
    return settings
