"""Size, latency and AP of runs, or of recipes with random weights, as LiteRT files of every precision.

    python benchmarks/precisions.py runs/mine --data ../shared/data/fruitnuts3
    python benchmarks/precisions.py resnet50_550 mobilenetv2_320

With --data also the box and mask AP of each file on the validation split; int8 is calibrated on the
training split. Without, on drawn scenes: then only size and latency mean anything. Latencies are medians
of interleaved calls; ratios to float32 are medians over neighbouring calls, as other work on the machine
slows both.
"""

import argparse
import os
import statistics
import tempfile
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
from ai_edge_litert.interpreter import Interpreter

from yolact_tf import Detector, build_yolact, load_config, load_run
from yolact_tf.data.synthetic.shapes import make_shapes
from yolact_tf.evaluate import evaluate
from yolact_tf.export import export_run
from yolact_tf.recipes import load_export_recipe
from yolact_tf.runs import Run, untrained

RECIPES = ("litert_float32", "litert_float16", "litert_dynamic_int8", "litert_int8")


def main():
    arguments = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    arguments.add_argument("runs", nargs="+", help="run folders, or names of recipes")
    arguments.add_argument("--data", type=Path)
    arguments.add_argument("--threads", type=int, default=2)
    arguments.add_argument("--calls", type=int, default=15)
    arguments.add_argument("--keep", type=Path, help="a folder for the files, else they are deleted")
    options = arguments.parse_args()
    print("| run | recipe | MB | ms | of float32 | box AP | mask AP |\n|---|---|---|---|---|---|---|")
    for name in options.runs:
        with tempfile.TemporaryDirectory() as folder:
            measure(open_run(name), options, Path(folder))


def open_run(name):
    if Path(name).is_dir():
        return load_run(name)
    config = untrained(load_config(name))
    return Run(build_yolact(config), config, {i: f"class {i}" for i in range(config.model.num_classes)})


def measure(run, options, folder):
    """Prints the rows of one run."""
    data = options.data or make_shapes(folder / "shapes", train_images=8, val_images=1)
    files = {}
    for recipe in RECIPES:
        path = (options.keep or folder) / f"{run.config.name}_{recipe}.tflite"
        files[recipe] = export_run(run, load_export_recipe(recipe), path, data)
    times = interleaved(files, run.config.data.image_size, options.threads, options.calls)
    for recipe, path in files.items():
        ratio = statistics.median(a / b for a, b in zip(times[recipe], times[RECIPES[0]], strict=True))
        latency = f"{statistics.median(times[recipe]):.1f} | {ratio:.2f}"
        size = path.stat().st_size / 1e6
        print(f"| {run.config.name} | {recipe} | {size:.2f} | {latency} | {precision_of(path, options)} |")


def interleaved(files, size, threads, calls):
    """{recipe: milliseconds of each call}, one call of every file after the other."""
    image = np.random.default_rng(0).uniform(0, 255, (1, size, size, 3)).astype("float32")
    opened = {name: Interpreter(str(path), num_threads=threads) for name, path in files.items()}
    runners = {name: interpreter.get_signature_runner() for name, interpreter in opened.items()}
    times = {name: [] for name in files}
    for number in range(1 + calls):
        for name, run in runners.items():
            start = time.perf_counter()
            run(image=image)
            if number:  # the first call warms up
                times[name].append(1000 * (time.perf_counter() - start))
    return times


def precision_of(path, options):
    if options.data is None:
        return "– | –"
    metrics, _ = evaluate(Detector.from_artefact(path, threads=options.threads), options.data)
    return f"{metrics['bbox']['AP']:.3f} | {metrics['segm']['AP']:.3f}"


if __name__ == "__main__":
    main()
