"""CPU time that the input pipeline takes for an image, on one thread, stage by stage.

    python benchmarks/input_pipeline.py DATA [RECIPE] [--set data.mosaic=1 ...]

DATA may be a folder of TFRecord shards. Stages are timed by ending the pipeline after each in turn: what a
stage adds is its cost. Of several rounds the least is shown, because other work on the machine only ever
adds. The measure of it all is how long Pillow takes for nothing but decoding files of the same images.
"""

import argparse
import dataclasses
import io
import os
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import tensorflow as tf
from PIL import Image

from yolact_tf import load_config
from yolact_tf.data.augment.draws import fold
from yolact_tf.data.augment.single_image import choose_window, colored_pixels
from yolact_tf.data.load import load_data
from yolact_tf.data.pipeline import build_dataset
from yolact_tf.data.training_order import training_order
from yolact_tf.images.decoding import decode_image

IMAGES, ROUNDS = 96, 7


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data")
    parser.add_argument("recipe", nargs="?", default="resnet50_550")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    arguments = parser.parse_args()
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    config = load_config(arguments.recipe, [*arguments.set, f"train.images_per_epoch={10 * IMAGES * ROUNDS}"])
    least, pillow = {}, _decoding_by_pillow(config, arguments.data)
    for name, dataset in _stages(config, arguments.data).items():
        count = IMAGES // config.train.batch_size if name == WHOLE else IMAGES
        images = iter(_alone(dataset))
        _seconds(images, count)
        least[name] = min(_seconds(images, count) for _ in range(ROUNDS)) / IMAGES
        del images  # and with it what it prefetches
    before = 0.0
    for name, seconds in least.items():
        print(f"{name:32} {1e3 * (seconds - before):6.2f} ms")
        before = seconds
    print(f"{'an image, all stages':32} {1e3 * before:6.2f} ms")
    pillow = min(pillow, _decoding_by_pillow(config, arguments.data))  # as busy as the machine is now
    print(
        f"{'Pillow, decoding alone':32} {1e3 * pillow:6.2f} ms, of which that is {before / pillow:.2f} times"
    )


def _decoding_by_pillow(config, data):
    """Seconds an image."""
    source = load_data(data, "train").source(config.data.cache, with_empty=False)
    views = training_order(source, IMAGES, config.train.seed).take(IMAGES)
    files = views.map(lambda _, handles, seed: source.read(handles[0])["encoded"]).as_numpy_iterator()
    files = [io.BytesIO(encoded) for encoded in files]

    def seconds():
        started = time.process_time()
        for file in files:
            Image.open(file).convert("RGB")
        return time.process_time() - started

    return min(seconds() for _ in range(ROUNDS)) / IMAGES


WHOLE = "masks, boxes, padding, batch"


def _stages(config, data):
    """The pipeline ending after each stage: name -> dataset."""
    settings = config.data
    data = load_data(data, "train")
    source = data.source(settings.cache, with_empty=False)
    views = training_order(source, config.train.images_per_epoch, config.train.seed)

    def window(_, handles, seed):
        example = source.read(handles[0])
        return choose_window(example, fold(seed, 0), settings), example["encoded"]

    def decoded(_, handles, seed):
        example = source.read(handles[0])
        return choose_window(example, fold(seed, 0), settings), decode_image(example["encoded"])

    def pixels(_, handles, seed):
        plain = dataclasses.replace(settings, photometric=False)
        example = source.read(handles[0])
        return colored_pixels(example, choose_window(example, fold(seed, 0), settings), fold(seed, 0), plain)

    def colors(_, handles, seed):
        example = source.read(handles[0])
        window = choose_window(example, fold(seed, 0), settings)
        return colored_pixels(example, window, fold(seed, 0), settings)

    return {
        "order, annotations, file": views.map(lambda _, handles, seed: source.read(handles[0])),
        "choice of the view": views.map(window),
        "decoding": views.map(decoded),
        "resampling the image": views.map(pixels),
        "colours": views.map(colors),
        WHOLE: build_dataset(config, data, "train"),
    }


def _alone(dataset):
    options = tf.data.Options()
    options.threading.private_threadpool_size = 1
    options.threading.max_intra_op_parallelism = 1
    return dataset.with_options(options)


def _seconds(iterator, count):
    started = time.process_time()
    for _ in range(count):
        next(iterator)
    return time.process_time() - started


if __name__ == "__main__":
    main()
