"""A trained run in each runtime: the time of one image, from pixels to detections.

    python benchmarks/runtimes.py RUN [ROUNDS]    (needs the extras onnx and openvino)

Exports RUN in float32 for each runtime into a temporary folder and times the engines of `Detector`,
interleaved and batch 1, on 2 threads where the runtime lets us say so.
"""

import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np

from yolact_tf import Detector, load_run
from yolact_tf.config import ExportRecipe
from yolact_tf.export import export_run

THREADS, WARMUP = 2, 2
NAMES = {
    "litert": "model.tflite",
    "saved_model": "saved_model",
    "onnx": "model.onnx",
    "openvino": "openvino",
}


def main(folder, rounds=15):
    run = load_run(folder)
    size = run.config.data.image_size
    image = np.random.default_rng(0).integers(0, 256, (size, size, 3), dtype="uint8")
    with tempfile.TemporaryDirectory() as target:
        engines = {}
        for form, name in NAMES.items():
            path = export_run(run, ExportRecipe(format=form), Path(target) / name)
            threads = None if form == "saved_model" else THREADS
            engines[form] = Detector.from_artefact(path, threads=threads).engine
        times = {form: [] for form in engines}
        for number in range(WARMUP + int(rounds)):
            for form, engine in engines.items():
                start = time.perf_counter()
                engine(image)
                if number >= WARMUP:
                    times[form].append(1000 * (time.perf_counter() - start))
    base = times["litert"]
    print(f"{run.config.name}, {size} px, batch 1, {rounds} interleaved rounds")
    for form, values in times.items():
        ratio = statistics.median(a / b for a, b in zip(values, base, strict=True))
        print(f"  {form:12s} median {statistics.median(values):7.1f} ms   x{ratio:.3f} of LiteRT")


if __name__ == "__main__":
    main(*sys.argv[1:])
