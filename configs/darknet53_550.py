"""YOLACT-550 with DarkNet-53: 28.7 mask AP on COCO test-dev, 40.0 frames/s on a Titan Xp (published).

The reference's `yolact_darknet53`, trained on pixels in 0..1 (dbolya/yolact, README and
data/config.py).

    yolact import-weights yolact_darknet53_54_800000.pth darknet53_550 --run runs/darknet53_550
    yolact train darknet53_550 --data coco --weights darknet53.pth --run runs/own
"""

from yolact_tf.config import Config, ModelConfig

config = Config(name="darknet53_550", model=ModelConfig(backbone="darknet53"))
