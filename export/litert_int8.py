"""LiteRT (TFLite), the network in int8, calibrated on --data: a quarter of the size, the fastest on CPUs.

    yolact export RUN --recipe litert_int8 --data DATA --output model.tflite

Weights and activations of the network are int8, what makes detections of its outputs is float32. The range
of activations is measured on a hundred images of the training split.
"""

from yolact_tf.config import ExportRecipe

recipe = ExportRecipe(format="litert", precision="int8")
