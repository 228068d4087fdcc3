"""YOLACT-550 with ResNet-50 on Pascal SBD: 72.3 mask AP50, 47.6 frames/s on a Titan Xp (published).

The reference's `yolact_resnet50_pascal`: 20 classes, anchors a third larger than COCO's and with
true aspect ratios, 120 000 steps of 8 images with the rate cut at 60 000 and 100 000. Figures from
the YOLACT paper, measured by Pascal's own protocol (mask AP70: 56.2).

    yolact train resnet50_550_pascal --data sbd --weights resnet50-19c8e357.pth --run runs/own
"""

from yolact_tf.config import AnchorConfig, Config, ModelConfig, TrainConfig

config = Config(
    name="resnet50_550_pascal",
    model=ModelConfig(backbone="resnet50", num_classes=20),
    anchors=AnchorConfig(sizes=(32.0, 64.0, 128.0, 256.0, 512.0), square=False),
    train=TrainConfig(epochs=113, decay_at=(60 / 120, 100 / 120)),  # of 8498 images
)
