"""Batch norm that trains in the time it deserves on TensorFlow."""

import keras

from yolact_tf.structures import Tensor


@keras.saving.register_keras_serializable("yolact_tf")
class BatchNormalization(keras.layers.BatchNormalization):
    """Keras' layer, weights and statistics included; on TensorFlow it learns by one fused operation.

    Keras 3 composes moments and normalisation of operations whose gradients read the feature map again and
    again: on a CPU five times the time of the fused one, a quarter of a training step of
    EfficientNet-Lite0.
    """

    def call(self, inputs: Tensor, training: bool | None = None, mask: Tensor | None = None) -> Tensor:
        """[B, H, W, C] to the same shape."""
        learns = training and self.trainable
        # Replicas that share their statistics have to talk between the moments and the normalisation.
        is_plain = self.scale and self.center and not self.renorm and mask is None
        is_map = len(inputs.shape) == 4 and self.axis in (-1, 3)
        fuses = keras.backend.backend() == "tensorflow" and not self.synchronized
        if not (learns and fuses and is_plain and is_map):
            return super().call(inputs, training=training, mask=mask)
        outputs, mean, variance = _normalise(inputs, self.gamma, self.beta, self.epsilon)
        for average, value in ((self.moving_mean, mean), (self.moving_variance, variance)):
            average.assign(average * self.momentum + value * (1.0 - self.momentum))
        return keras.ops.cast(outputs, self.compute_dtype)


def with_own_batch_norm(network: keras.Model, image: Tensor = None) -> keras.Model:
    """A copy of a functional model, weights included, whose batch norm is the one above.

    image: the input of the copy, by default one like that of `network`.
    """

    def own(layer):
        kind = BatchNormalization if isinstance(layer, keras.layers.BatchNormalization) else type(layer)
        return kind.from_config(layer.get_config())

    clone = keras.models.clone_model(network, input_tensors=image, clone_function=own)
    clone.set_weights(network.get_weights())
    return clone


def _normalise(inputs, gamma, beta, epsilon):
    """(normalised map in float32, mean, biased variance) over batch and pixels."""
    import tensorflow as tf

    # As in Keras, halves would overflow.
    maps = tf.cast(inputs, tf.float32)
    # Keras' function of it raises an epsilon of 1e-5, PyTorch's, to 1.001e-5 for old GPUs.
    outputs, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
        x=maps,
        scale=tf.cast(gamma, tf.float32),
        offset=tf.cast(beta, tf.float32),
        mean=[],
        variance=[],
        epsilon=epsilon,
        is_training=True,
    )
    count = tf.cast(tf.size(maps) // maps.shape[-1], tf.float32)
    # It divides by one less than the values that it has seen, as PyTorch does; Keras does not.
    return outputs, mean, variance * (count - 1.0) / count
