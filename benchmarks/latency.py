"""What detection costs on top of the network, and LiteRT against the SavedModel, in one process.

    python benchmarks/latency.py [RECIPE…]    (resnet50_550 without one)

Times, interleaved and batch 1: the bare network (a compiled call of the Keras model), the SavedModel's
`tensors` signature with NMS and masks, and the LiteRT file on XNNPACK with 2 threads. Weights are
random; the graph has static shapes, so the work does not depend on what is detected.
"""

import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter

from yolact_tf import build_yolact, load_config
from yolact_tf.export import to_litert, to_saved_model
from yolact_tf.runs import Run, untrained

RUNS, WARMUP = 9, 2


def main(recipes):
    for recipe in recipes:
        measure(recipe)


def measure(recipe):
    config = untrained(load_config(recipe))
    run = Run(build_yolact(config), config, {i: f"class {i}" for i in range(config.model.num_classes)})
    size = config.data.image_size
    image = np.random.default_rng(0).integers(0, 256, (1, size, size, 3), dtype="uint8")
    with tempfile.TemporaryDirectory() as folder:
        loaded = tf.saved_model.load(str(to_saved_model(run, Path(folder) / "model") / "1"))
        lite = Interpreter(str(to_litert(run, Path(folder) / "model.tflite")), num_threads=2)
        runner = lite.get_signature_runner("serving_default")
        network = tf.function(lambda images: run.model(images, training=False))
        pixels, floats = tf.constant(image), image.astype("float32")
        calls = {
            "bare network": lambda: network(pixels)["prototypes"].numpy(),
            "SavedModel, raw": lambda: loaded.signatures["raw"](images=pixels)["prototypes"].numpy(),
            "SavedModel, tensors": lambda: loaded.signatures["tensors"](images=pixels)["masks"].numpy(),
            "LiteRT, 2 threads": lambda: runner(image=floats),
        }
        times = {name: [] for name in calls}
        for number in range(WARMUP + RUNS):
            for name, call in calls.items():
                start = time.perf_counter()
                call()
                if number >= WARMUP:
                    times[name].append(1000 * (time.perf_counter() - start))
    base = times["bare network"]
    print(f"{recipe}, batch 1, {RUNS} interleaved runs")
    for name, values in times.items():
        ratio = statistics.median(a / b for a, b in zip(values, base))
        print(f"  {name:22s} median {statistics.median(values):7.1f} ms   x{ratio:.3f} of the bare network")


if __name__ == "__main__":
    main(sys.argv[1:] or ["resnet50_550"])
