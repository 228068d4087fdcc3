"""How far an artefact may stray from its run, by the precision of its file and of what computes it."""

from dataclasses import dataclass

from yolact_tf.export.verify.difference import Limit


@dataclass(frozen=True)
class Tolerances:
    """Limits by what is compared."""

    detections: Limit  # share that only one side has
    scores: Limit
    boxes: Limit  # share of the image's size
    masks: Limit  # 1 - IoU; on average the share of mask pixels that changed
    network: Limit  # share of the largest value of that output
    anchors: Limit  # the same of the boxes of all anchors, one of which may be wrong
    lost_ap: Limit
    slack: float  # share of a score by which it may pass a threshold on one side only
    ranks_alike: bool = False  # whether also the faint detections must be the same


FLOAT32 = Tolerances(
    detections=Limit(0),
    scores=Limit(1e-3),
    boxes=Limit(1e-3),
    masks=Limit(0.02),
    network=Limit(1e-3),
    anchors=Limit(1e-3),
    lost_ap=Limit(1e-3),
    slack=0.02,
    ranks_alike=True,
)
FLOAT16 = Tolerances(
    detections=Limit(mean=0.02),
    scores=Limit(mean=0.005),
    boxes=Limit(mean=0.002),
    masks=Limit(mean=0.001),
    network=Limit(0.1, mean=1e-3),
    anchors=Limit(0.01),
    lost_ap=Limit(0.005),
    slack=0.05,
)
# As those of int8 below: the most was, in this order, .05, .006, .0014, .029, .013.
BFLOAT16 = Tolerances(
    detections=Limit(mean=0.1),
    scores=Limit(mean=0.01),
    boxes=Limit(mean=0.002),
    masks=Limit(mean=0.04),
    network=Limit(mean=0.02),
    anchors=Limit(0.02),
    lost_ap=Limit(0.005),
    slack=0.2,
)
# AP is the measure of integers, one point of it. The others leave at least a third above the most that right
# files gave on their own and on drawn images, of a trained run (192 px) and of one that had hardly begun
# (128 px): in this order .077, .009, .0005, .018, .0084, .006 of dynamic_int8 and .18, .039, .0016, .087,
# .046, .16 of int8. One wrong weight shows where it changes more than rounding does, which it does in few
# layers: a sign turned in the lateral layer of P5 gave .024 of the network, one in the backbone .01.
DYNAMIC_INT8 = Tolerances(
    detections=Limit(mean=0.15),
    scores=Limit(mean=0.02),
    boxes=Limit(mean=0.002),
    masks=Limit(mean=0.04),
    network=Limit(mean=0.015),
    anchors=Limit(0.02),
    lost_ap=Limit(0.01),
    slack=0.3,
)
INT8 = Tolerances(
    detections=Limit(mean=0.25),
    scores=Limit(mean=0.06),
    boxes=Limit(mean=0.005),
    masks=Limit(mean=0.15),
    network=Limit(mean=0.07),
    anchors=Limit(0.25),
    lost_ap=Limit(0.01),
    slack=0.3,
)
# From exact to coarse.
_OF_PRECISION = {
    "float32": FLOAT32,
    "float16": FLOAT16,
    "bfloat16": BFLOAT16,
    "dynamic_int8": DYNAMIC_INT8,
    "int8": INT8,
}
_COMPUTED_IN = {"gpu_float16": "float16"}  # float32 on the others


def tolerances_of(precision: str, accelerator: str = "cpu") -> Tolerances:
    """What an artefact of this precision may stray where that accelerator computes it: the coarser counts."""
    if precision not in _OF_PRECISION:
        raise ValueError(f"`precision` must be one of {list(_OF_PRECISION)}. Received: {precision!r}")
    both = {precision, _COMPUTED_IN.get(accelerator, "float32")}
    return [limits for name, limits in _OF_PRECISION.items() if name in both][-1]
