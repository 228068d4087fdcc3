"""The latencies in README: a recipe with random weights as run, SavedModel and LiteRT file, side by side.

    python benchmarks/latency.py [RECIPE…]    (resnet50_550 without one)

Of the tables that `yolact benchmark` prints, README has the SavedModel's one number from "preprocess" to
"masks". Weights are random; graphs have static shapes: what is found does not change their work.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

from yolact_tf import build_yolact, load_config, save_run
from yolact_tf.export import to_litert, to_saved_model
from yolact_tf.runs import Run, untrained


def main(recipes):
    for recipe in recipes:
        with tempfile.TemporaryDirectory() as folder:
            models = export(recipe, Path(folder) / recipe)
            command = [sys.executable, "-m", "yolact_tf", "benchmark", *models, "--threads", "2", "--no-gpu"]
            subprocess.run([*command, "--repeats", "9"], check=True)


def export(recipe, folder):
    """The run of a recipe, its SavedModel and its LiteRT file."""
    config = untrained(load_config(recipe))
    labels = {i: f"class {i}" for i in range(config.model.num_classes)}
    run = Run(build_yolact(config), config, labels)
    save_run(folder / "run", run.model, config, labels)
    saved_model = to_saved_model(run, folder / "saved_model")
    return folder / "run", saved_model, to_litert(run, folder / "model.tflite")


if __name__ == "__main__":
    main(sys.argv[1:] or ["resnet50_550"])
