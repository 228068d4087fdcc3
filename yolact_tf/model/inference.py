"""The network as inference has it: batch norm folded into convolutions, in float32 or bfloat16."""

from collections.abc import Iterator

import keras
import numpy as np
from keras import layers

from yolact_tf.model.backbones.deformable import DeformableConv2D
from yolact_tf.model.outputs import Output
from yolact_tf.model.places import places
from yolact_tf.model.yolact import Yolact

CONVOLUTIONS = (layers.Conv2D, layers.DepthwiseConv2D, DeformableConv2D)


def inference_network(model: Yolact, precision: str = "float32") -> Yolact:
    """A copy of `model` that computes the same at inference in less time.

    At inference batch norm multiplies and shifts each channel by constants, and so do a convolution's kernel
    and bias. A batch norm that follows no convolution, or one that others read too, stays. Layers keep their
    names. Weights are those of now: `model` may go on learning, the copy does not follow.
    precision: "bfloat16" keeps and multiplies weights and maps so. Pixels are normalised and outputs told
    in float32, and products are summed up in it where the machine has such instructions.
    """
    norm_of = {id(convolution): norm for convolution, norm in _pairs(model)}
    gone = {id(norm) for norm in norm_of.values()}

    def copy(layer):
        if id(layer) in gone:
            return layers.Identity(name=layer.name)
        config = layer.get_config()
        if id(layer) in norm_of and "use_bias" in config:
            config["use_bias"] = True
        if precision != "float32" and _may_be_coarse(layer):
            config["dtype"] = precision
        return type(layer).from_config(config)

    def call(layer, *inputs, **options):
        return inputs[0] if isinstance(layer, layers.Identity) else layer(*inputs, **options)

    network = keras.models.clone_model(_uncompiled(model), clone_function=copy, call_function=call, recursive=True)
    copies = {place.path: layer for place, layer in places(network)}
    for place, layer in places(model):
        if id(layer) in norm_of:
            _fold(layer, norm_of[id(layer)], copies[place.path])
        elif layer.weights and not isinstance(layer, keras.Model) and id(layer) not in gone:
            copies[place.path].set_weights(layer.get_weights())
    rescorer = getattr(model, "mask_rescorer", None)
    if rescorer is not None:  # which lies beside the graph
        network.mask_rescorer.set_weights(rescorer.get_weights())
    return network


def _uncompiled(model):
    """`model` by the same layers: a copy of a compiled one would be compiled, and have an optimizer."""
    return type(model)(model.input, model.output, name=model.name) if model.compiled else model


def _pairs(model: keras.Model) -> Iterator[tuple[keras.Layer, keras.Layer]]:
    """Convolutions with the batch norm that alone reads them."""
    for _, norm in places(model):
        if isinstance(norm, layers.BatchNormalization):
            before = norm.input._keras_history.operation
            if isinstance(before, CONVOLUTIONS) and len(before._outbound_nodes) == 1:
                yield before, norm


def _fold(convolution, norm, copy):
    """Gives `copy` the weights of a convolution and its batch norm, folded in float64."""
    gamma, beta, mean, variance = (np.asarray(value, np.float64) for value in norm.get_weights())
    factor = gamma / np.sqrt(variance + norm.epsilon)
    kernel = np.asarray(convolution.kernel, np.float64)
    old_bias = 0.0 if convolution.bias is None else np.asarray(convolution.bias, np.float64)
    for new, old in zip(copy.weights, convolution.weights, strict=False):  # a new bias is the last
        new.assign(old)
    # A depthwise kernel has its channels before the one filter of each.
    is_depthwise = isinstance(convolution, layers.DepthwiseConv2D)
    copy.kernel.assign(kernel * (factor.reshape(kernel.shape[2:]) if is_depthwise else factor))
    copy.bias.assign((old_bias - mean) * factor + beta)


def _may_be_coarse(layer):
    """Whether a layer computes neither pixels, 0 to 255 with what lies between, nor what is told."""
    return isinstance(layer, keras.Layer) and not isinstance(layer, (Output, layers.Rescaling))
