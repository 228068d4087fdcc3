"""A video from file to file against the bare network: frames a second.

    python benchmarks/video.py [RECIPE] [--seconds 10] [--rounds 5] [--objects 5] [--batch 1,4]

Needs the extra video. Draws some seconds of shapes before a moving camera, 640x480 at 30 frames a second,
H.264 with sound. They are detected on as `yolact detect` does, file to file: decoding, network, NMS, masks,
drawing, H.264, detections.json. Interleaved with that run the bare network (a compiled call of the Keras
model, batch 1, on as many images that have its size already) and the detector alone (resizing, network, NMS
and masks). Weights are random, so scores tell nothing: they are spread, and the threshold is such that as
many anchors of a frame take part as a trained network would let, some ten an object; the best `--objects` of
each frame are drawn and written. Beside the frames a second stands the time that all threads together
computed for one.
"""

import argparse
import os
import statistics
import tempfile
import time
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import av
import keras
import numpy as np
import tensorflow as tf

from yolact_tf import Detector, build_yolact, load_config
from yolact_tf.data.synthetic.shapes import Options, draw_scene
from yolact_tf.detect.sinks.overlays import Overlays
from yolact_tf.detect.sinks.results import ResultsFile
from yolact_tf.detect.sources import find_sources
from yolact_tf.detect.writing import write_detections
from yolact_tf.preprocess import resize_images
from yolact_tf.runs import Run, untrained
from yolact_tf.structures import BACKGROUND

WIDTH, HEIGHT, RATE = 640, 480, 30
SWAY = 120  # pixels that the camera moves at most, both ways


def main():
    arguments = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    arguments.add_argument("recipe", nargs="?", default="mobilenetv2_320")
    arguments.add_argument("--seconds", type=int, default=10)
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--objects", type=int, default=5)
    arguments.add_argument("--batch", default="1,4")
    options = arguments.parse_args()
    keras.utils.set_random_seed(0)
    config = untrained(load_config(options.recipe, ["loss.class_loss=focal"]))
    run = Run(build_yolact(config), config, {i: f"class {i}" for i in range(config.model.num_classes)})
    batches = [int(batch) for batch in options.batch.split(",")]
    frames = RATE * options.seconds
    with tempfile.TemporaryDirectory() as folder:
        path = draw_video(Path(folder) / "shapes.mp4", frames)
        run = with_so_many_anchors(run, path, 10 * options.objects)
        calls = {"bare network": bare_network(run, frames), "detector alone": detector_alone(run, frames)}
        for batch in batches:
            calls[f"file to file, batch {batch}"] = file_to_file(run, path, options.objects, batch)
        rates, computed = ({name: [] for name in calls} for _ in range(2))
        for _ in range(options.rounds):
            for name, call in calls.items():
                start, before = time.perf_counter(), time.process_time()
                call()
                rates[name].append(frames / (time.perf_counter() - start))
                computed[name].append(1000 * (time.process_time() - before) / frames)
    base = rates["bare network"]
    print(f"{options.recipe}, {options.seconds} s of {WIDTH}x{HEIGHT}, {options.rounds} interleaved rounds")
    for name, values in rates.items():
        ratio = statistics.median(a / b for a, b in zip(values, base, strict=True))
        rate, cpu = statistics.median(values), statistics.median(computed[name])
        print(f"  {name:24s} {rate:6.1f} frames/s   x{ratio:.3f} of the bare network   {cpu:6.1f} ms of CPU")


def draw_video(path, frames):
    """Writes a video of so many frames; returns its path."""
    rng = np.random.default_rng(0)
    scene, _, _ = draw_scene(rng, Options(HEIGHT + 2 * SWAY, WIDTH + 2 * SWAY, 12, 16, 0))
    with av.open(path, "w") as container:
        video = container.add_stream("libx264", RATE, width=WIDTH, height=HEIGHT)
        sound = container.add_stream("aac", 44100)
        for number in range(frames):
            angle = 2 * np.pi * number / frames
            top, left = (round(SWAY + SWAY * swing) for swing in (np.sin(angle), np.cos(2 * angle)))
            frame = av.VideoFrame.from_ndarray(
                np.ascontiguousarray(scene[top : top + HEIGHT, left : left + WIDTH])
            )
            frame.pts, frame.time_base = number, Fraction(1, RATE)
            container.mux(video.encode(frame))
        container.mux(video.encode())
        for start in range(0, frames * sound.rate // RATE, 1024):
            wave = np.sin(np.arange(start, start + 1024) / 20).astype("f") / 4
            frame = av.AudioFrame.from_ndarray(np.stack([wave, wave]), "fltp", "stereo")
            frame.sample_rate, frame.pts, frame.time_base = sound.rate, start, Fraction(1, sound.rate)
            container.mux(sound.encode(frame))
        container.mux(sound.encode())
    return path


def with_so_many_anchors(run, path, count):
    """`run` with the score threshold that so many anchors exceed in the first frame of a video.

    What random weights say of all anchors is nearly the same; it is magnified until they differ.
    """
    with av.open(path) as container:
        frame = next(container.decode(video=0)).to_ndarray(format="rgb24")
    image = resize_images(frame[None], run.config.data.image_size)
    kernel = run.model.get_layer("prediction_head").get_layer("class_logits_conv").kernel
    logits = keras.ops.convert_to_numpy(run.model(image)["class_logits"])
    kernel.assign(kernel * (3 / logits.std(axis=1).mean()))
    scores = keras.ops.softmax(run.model(image)["class_logits"])[0, :, BACKGROUND + 1 :]
    best = np.sort(keras.ops.convert_to_numpy(keras.ops.max(scores, axis=1)))[::-1]
    detect = replace(run.config.detect, score_threshold=float(best[count]))
    return replace(run, config=replace(run.config, detect=detect))


def bare_network(run, frames):
    """A call that computes the network alone for as many images as there are frames."""
    size = run.config.data.image_size
    image = tf.constant(np.random.default_rng(0).integers(0, 256, (1, size, size, 3), dtype="uint8"))
    network = tf.function(lambda images: run.model(images, training=False))
    network(image)  # traced

    def compute():
        for _ in range(frames):
            network(image)["prototypes"].numpy()

    return compute


def detector_alone(run, frames):
    """A call that detects on as many images of the size of frames."""
    image = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3), dtype="uint8")
    detector = Detector(run)
    detector(image)  # traced

    def compute():
        for _ in range(frames):
            detector(image)

    return compute


def file_to_file(run, path, objects, batch):
    """A call that detects on the video and writes what `yolact detect` does."""
    detector = Detector(run)
    detector([np.zeros((HEIGHT, WIDTH, 3), "uint8")] * batch)  # traced

    def compute():
        with tempfile.TemporaryDirectory() as output:
            sources, output = find_sources(path), Path(output)
            sinks = [Overlays(sources, output), ResultsFile(output)]
            write_detections(detector.stream(path, batch), sinks, lambda one: one.above(0, objects))

    return compute


if __name__ == "__main__":
    main()
