"""Mask rescoring: how well does an assembled mask fit its object? (YOLACT++, fast mask re-scoring)"""

import keras
from keras import layers

CHANNELS = (8, 16, 32, 64, 128)
SMALLEST = 63  # side of a mask of which five unpadded convolutions leave one pixel


def build_mask_rescorer(num_classes: int, mask_size: int) -> keras.Model:
    """A `keras.Model` from cropped soft masks [n, Hp, Wp, 1] to the mask IoU [n, C] of each class.

    mask_size: Hp and Wp.  The estimate is at least 0 and may exceed 1.
    """
    if mask_size < SMALLEST:
        raise ValueError(
            f"`model.mask_rescoring` needs prototypes of at least {SMALLEST} pixels a side, a quarter of "
            f"`data.image_size`. Received: {mask_size}"
        )
    mask = x = keras.Input((mask_size, mask_size, 1), name="mask")
    for i, channels in enumerate(CHANNELS):
        x = layers.Conv2D(channels, 3, strides=2, activation="relu", name=f"conv{i}")(x)
    x = layers.Conv2D(num_classes, 1, activation="relu", name=f"conv{len(CHANNELS)}")(x)
    # The paper says global pooling; its code takes the maximum.
    return keras.Model(mask, layers.GlobalMaxPooling2D(dtype="float32", name="iou")(x), name="mask_rescorer")
