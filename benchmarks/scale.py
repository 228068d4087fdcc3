"""What training on many GPUs needs: cores for its input, network for its gradients, disk for its states.

    python benchmarks/scale.py DATA [RECIPE] [--hosts 4] [--gpus 8] [--rate 100] [--batch 8] …

Measured here: processor time of an input image, the bytes of a batch, a state and the time to save it.
Reckoned from these, for --gpus of each of --hosts at --rate images a second each: cores a host; bytes that a
host sends for each step and the share of a step that this takes on a link of so many Gbit/s, if nothing of
it overlaps with computing. A ring of n hosts sends 2 (n - 1) / n gradients each; within a host, n is that of
its GPUs. --rate is yours to measure: `yolact train` prints images a second.
"""

import argparse
import dataclasses
import os
import tempfile
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import tensorflow as tf

from yolact_tf import build_dataset, build_yolact, load_config
from yolact_tf.data.load import load_data
from yolact_tf.runs import untrained
from yolact_tf.train.freezing import freeze
from yolact_tf.train.state import Position, save_state
from yolact_tf.train.trainer import compile_model

WARMUP, BATCHES = 4, 24


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data")
    parser.add_argument("recipe", nargs="?", default="resnet50_550")
    parser.add_argument("--hosts", type=int, default=4)
    parser.add_argument("--gpus", type=int, default=8)
    parser.add_argument("--rate", type=float, default=100)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--links", default="25,100,400")
    options = parser.parse_args()
    config = untrained(load_config(options.recipe, [f"train.batch_size={options.batch}"]))
    per_image, batch_bytes = input_cost(config, options.data)
    parameters, gradient, state, seconds = model_cost(config)
    host_rate = options.gpus * options.rate
    step = options.batch / options.rate
    print(f"{options.recipe}, {options.hosts} hosts of {options.gpus} GPUs, batch {options.batch} of each,")
    print(f"{options.rate:g} images/s of each: {options.hosts * host_rate:g} images/s, a step {step:.3f} s")
    print(
        f"  input      {1e3 * per_image:.1f} ms of a core an image: {host_rate * per_image:.1f} cores a host"
    )
    copied = options.gpus * batch_bytes / step
    print(f"  to GPUs    {batch_bytes / 1e6:.1f} MB a batch: {copied / 1e6:.0f} MB/s a host")
    print(f"  gradient   {gradient / 1e6:.0f} MB (of {parameters / 1e6:.1f} M parameters)")
    ring = 2 * (options.hosts - 1) / options.hosts * gradient
    for link in map(float, options.links.split(",")):
        took = ring / (link * 1e9 / 8)
        share = f"{1e3 * took:.0f} ms, {100 * took / step:.0f} % of a step"
        print(f"  all-reduce {ring / 1e6:.0f} MB a step from each host; at {link:g} Gbit/s {share}")
    rate = state / seconds / 1e6
    print(f"  state      {state / 1e6:.0f} MB, saved in {seconds:.2f} s here ({rate:.0f} MB/s), by one host")


def input_cost(config, data):
    """(seconds of a core an image, bytes of a batch of images and targets)."""
    images = config.train.batch_size * (WARMUP + BATCHES + 8)
    train = dataclasses.replace(config.train, images_per_epoch=images)
    batches = iter(build_dataset(dataclasses.replace(config, train=train), load_data(data, "train"), "train"))
    for _ in range(WARMUP):
        batch = next(batches)
    start = time.process_time()
    for _ in range(BATCHES):
        batch = next(batches)
    per_image = (time.process_time() - start) / (BATCHES * config.train.batch_size)
    return per_image, sum(tensor.numpy().nbytes for tensor in tf.nest.flatten(batch))


def model_cost(config):
    """(parameters, bytes of all gradients, bytes of a state, seconds to save one)."""
    model = build_yolact(config)
    freeze(model, config.train.freeze, config.train.freeze_batch_norm)
    compile_model(model, config, 1000)
    sizes = [int(np.prod(variable.shape)) for variable in model.trainable_variables]
    with tempfile.TemporaryDirectory() as folder:
        taken = []
        for _ in range(3):
            start = time.perf_counter()
            save_state(folder, model, Position(), "data")
            taken.append(time.perf_counter() - start)
        state = sum(file.stat().st_size for file in Path(folder).iterdir())
    return model.count_params(), 4 * sum(sizes), state, min(taken)


if __name__ == "__main__":
    main()
