"""LiteRT (TFLite), the network in int8, calibrated on --data: a quarter of the size, for CPUs.

    yolact export RUN --recipe litert_int8 --data DATA --output model.tflite

Weights and activations of the network are int8, what makes detections of its outputs is float32. The range
of activations is measured on a hundred images of the training split. `resnet50_550` takes 0.16 of its float32
time on two threads of a CPU that computes int8 at once (AVX-512 VNNI and AMX), and 0.9 of it on one that does
not (AVX2).
"""

from yolact_tf.config import ExportRecipe

recipe = ExportRecipe(format="litert", precision="int8")
