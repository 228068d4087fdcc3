"""A small YOLACT at 256 px that trains from random weights on two CPU cores in minutes.

For the demo, the tests and first looks at own data: slim ResNet, 64-channel pyramid, 16 prototypes.

    yolact train tiny_256 --data DATA --run runs/tiny
"""

from yolact_tf.config import AnchorConfig, Config, DataConfig, ModelConfig, TrainConfig

config = Config(
    name="tiny_256",
    model=ModelConfig(
        backbone="slim_resnet",
        backbone_weights="random",
        pyramid_channels=64,
        prototype_channels=48,
        prototype_convs=2,
        head_channels=64,
        num_prototypes=16,
    ),
    anchors=AnchorConfig(sizes=(16.0, 32.0, 64.0, 128.0, 224.0), square=False),
    data=DataConfig(image_size=256, max_objects=32, expand=1.5, cache=True),
    train=TrainConfig(
        epochs=20,
        batch_size=8,
        images_per_epoch=320,
        optimizer="adamw",
        learning_rate=2e-3,
        weight_decay=0.02,
        schedule="cosine",
        warmup_steps=100,
        masks_per_image=64,
    ),
)
