"""MobileNetV2 from `keras.applications`, tapped where the stride changes (Sandler et al. 2018)."""

import urllib.error
import warnings

import keras
from keras import layers

from yolact_tf.model.batch_norm import with_own_batch_norm

# Expanded activations just before each stride-2 depthwise convolution, and the last feature map.
TAPS = ("block_6_expand_relu", "block_13_expand_relu", "out_relu")


def mobilenet_v2(image_size: int, weights: str) -> keras.Model:
    """[B, S, S, 3] RGB 0..255 to C3 (192 channels), C4 (576), C5 (1280).

    weights: "imagenet" downloads Keras' weights; where that fails a warning says so in one line and
    the backbone starts from random weights.
    """
    image = keras.Input((image_size, image_size, 3), name="image")
    network = with_own_batch_norm(_network(image_size, weights))
    taps = [network.get_layer(name).output for name in TAPS]
    tapped = keras.Model(network.input, taps, name="mobilenetv2")
    # Keras' MobileNetV2 was trained on pixels in -1..1.
    scaled = layers.Rescaling(1 / 127.5, -1.0, name="normalise")(image)
    return keras.Model(image, tapped(scaled), name="backbone")


def _network(image_size, weights):
    shape = (image_size, image_size, 3)
    if weights == "imagenet":
        try:
            with warnings.catch_warnings():
                # Keras warns that these weights were trained at another input size, as is meant here.
                warnings.simplefilter("ignore")
                return keras.applications.MobileNetV2(shape, include_top=False, weights="imagenet")
        # Keras raises a bare Exception for a failed download, with the cause in its text.
        except Exception as error:
            if not _is_network_failure(error):
                raise
            reason = str(error).splitlines()[0]
        warnings.warn(
            f"ImageNet weights of MobileNetV2 could not be downloaded ({reason}); "
            "the backbone starts from random weights",
            stacklevel=2,
        )
    return keras.applications.MobileNetV2(shape, include_top=False, weights=None)


def _is_network_failure(error):
    return isinstance(error, (urllib.error.URLError, OSError)) or "URL fetch failure" in str(error)
