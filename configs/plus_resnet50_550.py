"""YOLACT++ with ResNet-50: 34.1 mask AP on COCO test-dev, 33.5 frames/s on a Titan Xp (published).

The reference's `yolact_plus_resnet50`: deformable 3x3 convolutions in all of C3..C5, nine anchors a
cell, mask rescoring (dbolya/yolact, README and data/config.py).

    yolact import-weights yolact_plus_resnet50_54_800000.pth plus_resnet50_550 --run runs/plus_resnet50
    yolact train plus_resnet50_550 --data coco --weights resnet50-19c8e357.pth --run runs/own
"""

from yolact_tf.config import AnchorConfig, Config, ModelConfig

config = Config(
    name="plus_resnet50_550",
    model=ModelConfig(backbone="resnet50_deformable", mask_rescoring=True),
    anchors=AnchorConfig(scales=(1.0, 2 ** (1 / 3), 2 ** (2 / 3)), square=False),
)
