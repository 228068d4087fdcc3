"""A small YOLACT at 256 px that trains from random weights on two CPU cores in minutes.

For the demo, the tests and first looks at own data. Three square anchors a cell, a factor of 1.4 apart,
give an object about four positive anchors where true aspect ratios give two, and that decides how fast a
network learns from nothing. Everything after the backbone is 32 to 48 channels wide.

    yolact train tiny_256 --data DATA --run runs/tiny
"""

from yolact_tf.config import AnchorConfig, Config, DataConfig, LossConfig, ModelConfig, TrainConfig

config = Config(
    name="tiny_256",
    model=ModelConfig(
        backbone="slim_resnet",
        backbone_weights="random",
        pyramid_channels=48,
        prototype_channels=48,
        prototype_convs=2,
        head_channels=48,
        num_prototypes=16,
    ),
    anchors=AnchorConfig(sizes=(20.0, 40.0, 80.0, 160.0, 256.0)),
    data=DataConfig(image_size=256, max_objects=32, expand=1.5, cache="memory"),
    train=TrainConfig(
        epochs=16,
        batch_size=4,
        nominal_batch=4,
        freeze_batch_norm="never",
        images_per_epoch=960,
        optimizer="adamw",
        learning_rate=2e-3,
        weight_decay=0.02,
        gradient_clip=10.0,
        schedule="cosine",
        warmup_steps=100,
    ),
    loss=LossConfig(masks_per_image=32),
)
