"""A mobile YOLACT: MobileNetV2 at 320 px with slim pyramid and heads, ImageNet weights from Keras.

Ours, not the paper's: anchors are the base model's scaled to 320 px, every convolution after the
backbone has 96 to 128 channels.

    yolact train mobilenetv2_320 --data coco --run runs/mobilenetv2_320
"""

from yolact_tf.config import AnchorConfig, Config, DataConfig, ModelConfig, TrainConfig

config = Config(
    name="mobilenetv2_320",
    model=ModelConfig(
        backbone="mobilenetv2",
        pyramid_channels=128,
        prototype_channels=96,
        prototype_convs=2,
        head_channels=128,
        num_prototypes=24,
    ),
    anchors=AnchorConfig(sizes=(16.0, 32.0, 64.0, 128.0, 256.0), square=False),
    data=DataConfig(image_size=320),
    train=TrainConfig(
        batch_size=16, nominal_batch=16, optimizer="adamw", schedule="cosine", weight_decay=0.02
    ),
)
