"""YOLACT++ with ResNet-101: 34.6 mask AP on COCO test-dev, 27.3 frames/s on a Titan Xp (published).

The reference's `yolact_plus_base`: the 3x3 convolution of every third block of C3..C5 is deformable,
nine anchors a cell, mask rescoring (dbolya/yolact, README and data/config.py).

    yolact import-weights yolact_plus_base_54_800000.pth plus_resnet101_550 --run runs/plus_resnet101
    yolact train plus_resnet101_550 --data coco --weights resnet101_reducedfc.pth --run runs/own
"""

from yolact_tf.config import AnchorConfig, Config, ModelConfig

config = Config(
    name="plus_resnet101_550",
    model=ModelConfig(backbone="resnet101_deformable", mask_rescoring=True),
    anchors=AnchorConfig(scales=(1.0, 2 ** (1 / 3), 2 ** (2 / 3)), square=False),
)
