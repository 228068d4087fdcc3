"""Folded batch norm and bfloat16: time of the network, and from an image to its masks.

    python benchmarks/inference.py [RECIPE…] [--rounds 9] [--batch 1]    (resnet50_550 without one)

Variants are called in turn in one process; the ratio is the median over rounds of each to the network as it
trains, in float32. End to end is `Detector` on an image of 640x480. Weights are random. Beside it stands how
far each variant's prototypes are from those of the first, relative to their largest value.
"""

import argparse
import os
from functools import partial

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import tensorflow as tf

from yolact_tf import Detector, build_yolact, load_config
from yolact_tf.benchmark.rounds import interleaved, timed
from yolact_tf.benchmark.spread import Ratio, Spread
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
        calls = {name: of_network(network, images) for name, network in networks.items()}
        told = {name: call() for name, call in calls.items()}
        compare(f"{recipe}, network", calls, options.rounds)
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
    """A compiled call of a network, which answers its prototypes."""
    compiled = tf.function(lambda x: network(x, training=False))
    return lambda: compiled(images)["prototypes"].numpy()


def compare(title, calls, rounds):
    """Prints the median time of each call, and its ratio to the first."""
    functions = list(calls.values())
    time_one = lambda _, which, timings: timings.calls.append(timed(functions[which])[1])
    seconds = [timings.calls for timings in interleaved(len(functions), rounds, time_one)]
    print(f"{title}, {rounds} interleaved rounds")
    for name, own in zip(calls, seconds, strict=True):
        print(f"  {name:20s} {Spread.of(own).p50:7.1f} ms   x{Ratio.of(own, seconds[0]).median:.3f}")


if __name__ == "__main__":
    main()
