"""Images from files to pictures of what is in them, several ways: images a second.

    python benchmarks/folder.py IMAGES [RECIPE] [--rounds 7] [--threads 2]    (tiny_256 without one)

IMAGES is a folder. Interleaved: a detector called for one file after the other; for the list of files; for
each file in two threads of the caller's own; and its stream, whose frames are read, detected on and drawn by
threads. All draw the five best of each image. Weights are random. Beside the rates stands the time that all
threads together computed for an image: the cores are busy where that is as many times the time that passed.
"""

import argparse
import os
import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras

from yolact_tf import Detector, build_yolact, load_config
from yolact_tf.benchmark import limit_threads
from yolact_tf.detect.image_inputs import pixels_of
from yolact_tf.detect.sinks.background import InBackground
from yolact_tf.detect.sinks.sink import Sink
from yolact_tf.runs import Run, untrained

SHOWN = 5


def main():
    arguments = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    arguments.add_argument("images", type=Path)
    arguments.add_argument("recipe", nargs="?", default="tiny_256")
    arguments.add_argument("--rounds", type=int, default=7)
    arguments.add_argument("--count", type=int, default=32)
    arguments.add_argument("--threads", type=int, default=2)
    options = arguments.parse_args()
    limit_threads(options.threads)
    keras.utils.set_random_seed(0)
    config = untrained(load_config(options.recipe))
    run = Run(build_yolact(config), config, {i: f"class {i}" for i in range(config.model.num_classes)})
    detector, files = Detector(run), sorted(options.images.glob("*.jpg"))[: options.count]
    ways = {way.__name__: partial(way, detector, files) for way in (one_by_one, as_list, by_two, as_stream)}
    elapsed, computed = ({name: [] for name in ways} for _ in range(2))
    for number in range(1 + options.rounds):  # the first traces graphs
        for name, way in ways.items():
            start, before = time.perf_counter(), time.process_time()
            way()
            if number:
                elapsed[name].append((time.perf_counter() - start) / len(files))
                computed[name].append((time.process_time() - before) / len(files))
    print(f"{options.recipe}, {len(files)} images, {options.threads} threads, {options.rounds} rounds")
    for name, seconds in elapsed.items():
        ratio = statistics.median(a / b for a, b in zip(elapsed["one_by_one"], seconds, strict=True))
        rate, cpu = 1 / statistics.median(seconds), 1000 * statistics.median(computed[name])
        print(f"  {name:12s} {rate:6.1f} images/s  x{ratio:.2f}  {cpu:6.1f} ms of CPU an image")


def one_by_one(detector, files):
    for file in files:
        draw(file, detector(file))


def as_list(detector, files):
    for file, found in zip(files, detector(files), strict=True):
        draw(file, found)


def by_two(detector, files):
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda file: draw(file, detector(file)), files))


def as_stream(detector, files):
    with InBackground([Drawing()]) as sink:
        for frame, found in detector.stream(files):
            sink.add(frame, found)


class Drawing(Sink):
    """Draws, as what `yolact detect` writes is drawn, but writes nothing."""

    def add(self, frame, found):
        found[:SHOWN].draw(frame.image)


def draw(file, found):
    found[:SHOWN].draw(pixels_of(file).rgb)


if __name__ == "__main__":
    main()
