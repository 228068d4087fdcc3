"""YOLACT-400 with ResNet-101: 24.9 mask AP on COCO test-dev, 45.3 frames/s on a Titan Xp (published).

The reference's `yolact_im400`: anchors are the base model's times 400 / 550, cut to whole pixels.
Figures from the YOLACT paper; its weights were never released.

    yolact train resnet101_400 --data coco --weights resnet101_reducedfc.pth --run runs/own
"""

from yolact_tf.config import AnchorConfig, Config, DataConfig, ModelConfig

config = Config(
    name="resnet101_400",
    model=ModelConfig(backbone="resnet101"),
    anchors=AnchorConfig(sizes=(17.0, 34.0, 69.0, 139.0, 279.0)),
    data=DataConfig(image_size=400),
)
