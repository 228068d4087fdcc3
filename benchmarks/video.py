"""A video from file to file against the bare network: frames a second.

    python benchmarks/video.py [RECIPE] [--rounds 5] [--objects 5] [--batch 1,4]    (needs the extra video)

Draws ten seconds of shapes before a moving camera, 640x480 at 30 frames a second, H.264 with sound. They
are detected on as `yolact detect` does, file to file: decoding, network, NMS, masks, drawing, H.264,
detections.json. Interleaved with that runs the bare network: a compiled call of the Keras model, batch 1, on
as many images that have its size already. Weights are random, so scores tell nothing: the best `--objects`
of each frame are drawn and written.
"""

import argparse
import os
import statistics
import tempfile
import time
from fractions import Fraction
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import av
import numpy as np
import tensorflow as tf

from yolact_tf import Detector, build_yolact, load_config
from yolact_tf.data.synthetic.shapes import Options, draw_scene
from yolact_tf.detect.sinks.overlays import Overlays
from yolact_tf.detect.sinks.results import ResultsFile
from yolact_tf.detect.sources import find_sources
from yolact_tf.detect.writing import write_detections
from yolact_tf.runs import Run, untrained

WIDTH, HEIGHT, RATE, SECONDS = 640, 480, 30, 10
FRAMES = RATE * SECONDS
SWAY = 120  # pixels that the camera moves at most, both ways


def main():
    arguments = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    arguments.add_argument("recipe", nargs="?", default="mobilenetv2_320")
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--objects", type=int, default=5)
    arguments.add_argument("--batch", default="1,4")
    options = arguments.parse_args()
    config = untrained(load_config(options.recipe, ["detect.score_threshold=0"]))
    run = Run(build_yolact(config), config, {i: f"class {i}" for i in range(config.model.num_classes)})
    batches = [int(batch) for batch in options.batch.split(",")]
    with tempfile.TemporaryDirectory() as folder:
        path = draw_video(Path(folder) / "shapes.mp4")
        calls = {"bare network": bare_network(run)}
        for batch in batches:
            calls[f"file to file, batch {batch}"] = file_to_file(run, path, options.objects, batch)
        rates = {name: [] for name in calls}
        for _ in range(options.rounds):
            for name, call in calls.items():
                start = time.perf_counter()
                call()
                rates[name].append(FRAMES / (time.perf_counter() - start))
    base = rates["bare network"]
    print(f"{options.recipe}, {SECONDS} s of {WIDTH}x{HEIGHT}, {options.rounds} interleaved rounds")
    for name, values in rates.items():
        ratio = statistics.median(a / b for a, b in zip(values, base, strict=True))
        print(f"  {name:24s} {statistics.median(values):6.1f} frames/s   x{ratio:.3f} of the bare network")


def draw_video(path):
    """Writes the video; returns its path."""
    rng = np.random.default_rng(0)
    scene, _, _ = draw_scene(rng, Options(HEIGHT + 2 * SWAY, WIDTH + 2 * SWAY, 12, 16, 0))
    with av.open(path, "w") as container:
        video = container.add_stream("libx264", RATE, width=WIDTH, height=HEIGHT)
        sound = container.add_stream("aac", 44100)
        for number in range(FRAMES):
            angle = 2 * np.pi * number / FRAMES
            top, left = (round(SWAY + SWAY * swing) for swing in (np.sin(angle), np.cos(2 * angle)))
            frame = av.VideoFrame.from_ndarray(
                np.ascontiguousarray(scene[top : top + HEIGHT, left : left + WIDTH])
            )
            frame.pts, frame.time_base = number, Fraction(1, RATE)
            container.mux(video.encode(frame))
        container.mux(video.encode())
        for start in range(0, SECONDS * sound.rate, 1024):
            wave = np.sin(np.arange(start, start + 1024) / 20).astype("f") / 4
            frame = av.AudioFrame.from_ndarray(np.stack([wave, wave]), "fltp", "stereo")
            frame.sample_rate, frame.pts, frame.time_base = sound.rate, start, Fraction(1, sound.rate)
            container.mux(sound.encode(frame))
        container.mux(sound.encode())
    return path


def bare_network(run):
    """A call that computes the network alone for as many images as the video has frames."""
    size = run.config.data.image_size
    image = tf.constant(np.random.default_rng(0).integers(0, 256, (1, size, size, 3), dtype="uint8"))
    network = tf.function(lambda images: run.model(images, training=False))
    network(image)  # traced

    def compute():
        for _ in range(FRAMES):
            network(image)["prototypes"].numpy()

    return compute


def file_to_file(run, path, objects, batch):
    """A call that detects on the video and writes what `yolact detect` does."""
    detector = Detector(run)
    detector([np.zeros((HEIGHT, WIDTH, 3), "uint8")] * batch)  # traced

    def compute():
        with tempfile.TemporaryDirectory() as output:
            sources, output = find_sources(path), Path(output)
            sinks = [Overlays(sources, output), ResultsFile(output)]
            found = detector.stream(path, batch)
            written = write_detections(found, sinks, lambda one: one.above(0, objects))
        assert written.frames == FRAMES

    return compute


if __name__ == "__main__":
    main()
