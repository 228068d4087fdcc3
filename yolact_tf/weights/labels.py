"""Category ids and names that the published weights were trained on, in the order of their classes."""

_COCO_NAMES = (
    "person, bicycle, car, motorcycle, airplane, bus, train, truck, boat, traffic light, fire "
    "hydrant, stop sign, parking meter, bench, bird, cat, dog, horse, sheep, cow, elephant, bear, "
    "zebra, giraffe, backpack, umbrella, handbag, tie, suitcase, frisbee, skis, snowboard, sports "
    "ball, kite, baseball bat, baseball glove, skateboard, surfboard, tennis racket, bottle, wine "
    "glass, cup, fork, knife, spoon, bowl, banana, apple, sandwich, orange, broccoli, carrot, hot "
    "dog, pizza, donut, cake, chair, couch, potted plant, bed, dining table, toilet, tv, laptop, "
    "mouse, remote, keyboard, cell phone, microwave, oven, toaster, sink, refrigerator, book, "
    "clock, vase, scissors, teddy bear, hair drier, toothbrush"
)
_PASCAL_NAMES = (
    "aeroplane, bicycle, bird, boat, bottle, bus, car, cat, chair, cow, diningtable, dog, horse, "
    "motorbike, person, pottedplant, sheep, sofa, train, tvmonitor"
)
_UNUSED_COCO_IDS = {12, 26, 29, 30, 45, 66, 68, 69, 71, 83}  # of 1..90; no image has them

COCO_LABELS = dict(
    zip([i for i in range(1, 91) if i not in _UNUSED_COCO_IDS], _COCO_NAMES.split(", "), strict=True)
)
PASCAL_LABELS = dict(enumerate(_PASCAL_NAMES.split(", "), 1))


def published_labels(num_classes: int) -> dict[int, str]:
    """Category id -> name of the data set with that many classes; numbered names for any other."""
    for labels in (COCO_LABELS, PASCAL_LABELS):
        if len(labels) == num_classes:
            return labels
    return {i: f"class {i}" for i in range(1, num_classes + 1)}
