"""Overrides of `tiny_256` for a network so small that several processes train it in a test."""

TINY_NETWORK = (
    *("data.image_size=64", "data.max_objects=8", "anchors.sizes=12,24,48,64,64"),
    *("model.pyramid_channels=16", "model.prototype_channels=8", "model.prototype_convs=1"),
    *("model.head_channels=16", "model.num_prototypes=4", "model.num_classes=6", "model.prototype_levels=3"),
    *("detect.max_detections=5", "detect.max_candidates=10"),
)
