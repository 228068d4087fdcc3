"""Folded batch norm and bfloat16: time of the network, and from an image to its masks.

    python benchmarks/inference.py [RECIPE…] [--rounds 9] [--batch 1]    (resnet50_550 without one)

Variants are called in turn in one process; the ratio is the median over rounds of each to the network as it
trains, in float32. End to end is `Detector` on an image of 640x480. Weights are random. Beside it stands how
far each variant's prototypes are from those of the first, relative to their largest value.
"""

import argparse
import os
import statistics
import time
from functools import partial

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import tensorflow as tf

from yolact_tf import Detector, build_yolact, load_config
from yolact_tf.model.inference import inference_network
from yolact_tf.runs import Run, untrained


def main():
    arguments = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    arguments.add_argument("recipes", nargs="*", default=["resnet50_550"])
    arguments.add_argument("--rounds", type=int, default=9)
    arguments.add_argument("--batch", type=int, default=1)
    options = arguments.parse_args()
    for recipe in options.recipes:
        keras.utils.set_random_seed(0)
        config = untrained(load_config(recipe))
        run = Run(build_yolact(config), config, {i: f"class {i}" for i in range(config.model.num_classes)})
        pixels = np.random.default_rng(0)
        size = config.data.image_size
        images = tf.constant(pixels.integers(0, 256, (options.batch, size, size, 3), dtype="uint8"))
        networks = {
            "as it trains": run.model,
            "folded": inference_network(run.model),
            "folded, bfloat16": inference_network(run.model, "bfloat16"),
        }
        told = {name: keras.ops.convert_to_numpy(n(images)["prototypes"]) for name, n in networks.items()}
        compare(f"{recipe}, network", {n: of_network(v, images) for n, v in networks.items()}, options.rounds)
        for name, prototypes in told.items():
            away = np.abs(prototypes - told["as it trains"]).max() / np.abs(told["as it trains"]).max()
            print(f"  {name:20s} prototypes {away:.1e} away")
        photos = [pixels.integers(0, 256, (480, 640, 3), dtype="uint8")] * options.batch
        detectors = {
            "as it trains": Detector(run, live=True),
            "folded": Detector(run),
            "folded, bfloat16": Detector(run, precision="bfloat16"),
        }
        calls = {name: partial(detector, photos) for name, detector in detectors.items()}
        compare(f"{recipe}, image to masks", calls, options.rounds)


def of_network(network, images):
    """A compiled call of a network, traced already."""
    compiled = tf.function(lambda x: network(x, training=False))
    return lambda: compiled(images)["prototypes"].numpy()


def compare(title, calls, rounds):
    """Prints the median time of each call, and its ratio to the first."""
    times = {name: [] for name in calls}
    for round_ in range(rounds + 1):
        for name, call in calls.items():
            start = time.perf_counter()
            call()
            if round_:  # the first warms up
                times[name].append(time.perf_counter() - start)
    base = next(iter(times.values()))
    print(f"{title}, {rounds} interleaved rounds")
    for name, values in times.items():
        ratio = statistics.median(a / b for a, b in zip(values, base, strict=True))
        print(f"  {name:20s} {1000 * statistics.median(values):7.1f} ms   x{ratio:.3f}")


if __name__ == "__main__":
    main()
