"""YOLACT-700 with ResNet-101: 31.2 mask AP on COCO test-dev, 23.6 frames/s on a Titan Xp (published).

The reference's `yolact_im700`: anchors are the base model's times 700 / 550, cut to whole pixels,
and the mask loss looks at up to 300 positives an image (dbolya/yolact, README and data/config.py).

    yolact import-weights yolact_im700_54_800000.pth resnet101_700 --run runs/resnet101_700
    yolact train resnet101_700 --data coco --weights resnet101_reducedfc.pth --run runs/own
"""

from yolact_tf.config import AnchorConfig, Config, DataConfig, LossConfig, ModelConfig

config = Config(
    name="resnet101_700",
    model=ModelConfig(backbone="resnet101"),
    anchors=AnchorConfig(sizes=(30.0, 61.0, 122.0, 244.0, 488.0)),
    data=DataConfig(image_size=700),
    loss=LossConfig(masks_per_image=300),
)
