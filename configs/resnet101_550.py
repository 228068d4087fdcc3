"""YOLACT-550 with ResNet-101: 29.8 mask AP on COCO test-dev, 33.5 frames/s on a Titan Xp (published).

The reference's `yolact_base`: 800 000 steps of 8 images, which is 55 epochs of COCO 2017
(dbolya/yolact, README and data/config.py).

    yolact import-weights yolact_base_54_800000.pth resnet101_550 --run runs/resnet101_550
    yolact train resnet101_550 --data coco --weights resnet101_reducedfc.pth --run runs/own
"""

from yolact_tf.config import Config, ModelConfig

config = Config(name="resnet101_550", model=ModelConfig(backbone="resnet101"))
