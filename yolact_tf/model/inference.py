"""The network as inference has it: batch norm folded into convolutions, in float32 or bfloat16."""

from collections.abc import Iterator

import keras
import numpy as np
from keras import layers

from yolact_tf.model.backbones.deformable import DeformableConv2D
from yolact_tf.model.outputs import Output
from yolact_tf.model.places import places, weighted_layers
from yolact_tf.model.yolact import Yolact

CONVOLUTIONS = (layers.Conv2D, layers.DepthwiseConv2D, DeformableConv2D)


def inference_network(model: Yolact, precision: str = "float32") -> Yolact:
    """A copy of `model` that computes the same at inference in less time.

    At inference batch norm multiplies and shifts each channel by constants, and so do a convolution's kernel
    and bias. A batch norm that follows no convolution, or one that others read too, stays. Layers keep their
    names. Weights are those of now: `model` may go on learning, the copy does not follow.
    precision: "float32", also where `model` trained in halves; or "bfloat16", of weights and maps. Pixels are
    normalised and outputs told in float32 then, too.
    """
    norm_of = {id(convolution): norm for convolution, norm in _pairs(model)}
    gone = {id(norm) for norm in norm_of.values()}

    def copy(layer):
        if id(layer) in gone:
            return _Gone()
        config = layer.get_config()
        if id(layer) in norm_of and "use_bias" in config:
            config["use_bias"] = True
        if isinstance(layer, keras.Layer):  # and no operation
            config["dtype"] = precision if _may_be_coarse(layer) else "float32"
        return type(layer).from_config(config)

    def call(layer, *inputs, **options):
        return inputs[0] if isinstance(layer, _Gone) else layer(*inputs, **options)

    network = keras.models.clone_model(
        _uncompiled(model), clone_function=copy, call_function=call, recursive=True
    )
    copies = weighted_layers(network)
    for path, layer in weighted_layers(model).items():
        if id(layer) in norm_of:
            _fold(layer, norm_of[id(layer)], copies[path])
        elif id(layer) not in gone:
            copies[path].set_weights(layer.get_weights())
    rescorer = getattr(model, "mask_rescorer", None)
    if rescorer is not None:  # which lies beside the graph
        network.mask_rescorer = _in_float32(rescorer)
    return network


class _Gone(layers.Layer):
    """In place of a batch norm that a convolution has taken in."""


def _uncompiled(model):
    """`model` by the same layers: a copy of a compiled one would be compiled, and have an optimizer."""
    return type(model)(model.input, model.output, name=model.name) if model.compiled else model


def _pairs(model: keras.Model) -> Iterator[tuple[keras.Layer, keras.Layer]]:
    """Convolutions with the batch norm that alone reads them."""
    inner = [layer for _, layer in places(model)]
    models = [model, *(layer for layer in inner if isinstance(layer, keras.Model))]
    told = {id(output) for part in models for output in part.outputs}
    for norm in inner:
        if isinstance(norm, layers.BatchNormalization) and len(norm._inbound_nodes) == 1:
            before = norm.input._keras_history.operation
            if isinstance(before, CONVOLUTIONS) and _is_read_once(before, told) and _is_linear(before):
                yield before, norm


def _is_read_once(convolution, told):
    """Whether nothing but one layer sees what a convolution answers. told: ids of the outputs of models."""
    return len(convolution._outbound_nodes) == 1 and id(convolution.output) not in told


def _is_linear(convolution):
    return getattr(convolution, "activation", keras.activations.linear) is keras.activations.linear


def _in_float32(model):
    def copy(layer):
        return type(layer).from_config({**layer.get_config(), "dtype": "float32"})

    clone = keras.models.clone_model(model, clone_function=copy)
    clone.set_weights(model.get_weights())
    return clone


def _fold(convolution, norm, copy):
    """Gives `copy` the weights of a convolution and its batch norm, folded in float64."""
    mean, variance = (np.asarray(v, np.float64) for v in (norm.moving_mean, norm.moving_variance))
    gamma = np.asarray(norm.gamma, np.float64) if norm.scale else 1.0
    beta = np.asarray(norm.beta, np.float64) if norm.center else 0.0
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
