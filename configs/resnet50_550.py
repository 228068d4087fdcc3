"""YOLACT-550 with ResNet-50: 28.2 mask AP on COCO test-dev, 42.5 frames/s on a Titan Xp (published).

The reference's `yolact_resnet50`: 800 000 steps of 8 images, which is 55 epochs of COCO 2017
(dbolya/yolact, README and data/config.py).

    yolact import-weights yolact_resnet50_54_800000.pth resnet50_550 --run runs/resnet50_550
    yolact train resnet50_550 --data coco --weights resnet50-19c8e357.pth --run runs/own
"""

from yolact_tf.config import Config, ModelConfig

config = Config(name="resnet50_550", model=ModelConfig(backbone="resnet50"))
