"""The control of an experiment: the same weights, but no zeros around any map."""

import keras
from keras import layers, ops

from yolact_tf.model import Yolact
from yolact_tf.model.backbones.deformable import DeformableConv2D
from yolact_tf.model.places import weighted_layers
from yolact_tf.preprocess import as_rgb


def without_padding(model: Yolact) -> keras.Model:
    """A `keras.Model` from images to prototypes with the weights of `model`, whose maps go on mirrored beyond
    their edges wherever those of `model` are padded with zeros.

    So that nothing tells it how far a pixel is from the edge: what is the same everywhere stays so.
    """
    image = keras.Input(model.input_shape[1:], name="image")
    backbone, fpn, protonet = (_mirrored(model.get_layer(n)) for n in ("backbone", "fpn", "protonet"))
    levels = fpn(backbone(as_rgb(image)))[: len(protonet.inputs)]
    return keras.Model(image, protonet(levels), name="without_padding")


def _mirrored(part):
    clone = keras.models.clone_model(part, call_function=_call, recursive=True)
    copies = weighted_layers(clone)
    for path, layer in weighted_layers(part).items():
        copies[path].set_weights(layer.get_weights())
    return clone


def _call(layer, *inputs, **options):
    if isinstance(layer, layers.ZeroPadding2D):
        return ops.pad(inputs[0], ((0, 0), *layer.padding, (0, 0)), mode="symmetric")
    reach = _reach(layer, *inputs)
    if not reach:
        return layer(*inputs, **options)
    # The layer still pads with zeros, but beyond the mirrored margin, which is then cut off.
    y, x = reach
    strides = layer.strides if isinstance(layer.strides, tuple) else (layer.strides,) * 2
    wide = layer(ops.pad(inputs[0], ((0, 0), (y, y), (x, x), (0, 0)), mode="symmetric"), **options)
    y, x = y // strides[0], x // strides[1]
    return wide[:, y : wide.shape[1] - y, x : wide.shape[2] - x]


def _reach(layer, *inputs):
    """Pixels down and across that a layer which pads with zeros itself sees beyond the edge at most, as a
    multiple of its strides; None of any other layer."""
    if isinstance(layer, DeformableConv2D):  # its taps may be moved anywhere
        return tuple(side - side % layer.strides for side in inputs[0].shape[1:3])
    is_convolution = isinstance(layer, (layers.Conv2D, layers.DepthwiseConv2D))
    if is_convolution and layer.padding == "same" and max(layer.kernel_size) > 1:
        sides = [(side - 1) // 2 * step for side, step in zip(layer.kernel_size, layer.dilation_rate)]
        return tuple(-(-side // step) * step for side, step in zip(sides, layer.strides))
    return None
