"""AP that a small data set reaches in a given time, from random weights.

    python benchmarks/small_data.py ../shared/data/fruitnuts3 --time 262s --time 1007s

Trains once for each time and seed, with a schedule made for the time, each in a process of its own, and
prints box and mask AP of the last weights with their medians. Nothing else should run meanwhile.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from yolact_tf.train.watch.run_log import read_log


def main():
    arguments = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    arguments.add_argument("data", type=Path)
    arguments.add_argument("--recipe", default="small_data_320")
    arguments.add_argument("--time", action="append", required=True, help="such as 262s or 20m; repeatable")
    arguments.add_argument("--seeds", type=int, default=3)
    options = arguments.parse_args()
    for time in options.time:
        aps = [reached(options.recipe, options.data, time, seed) for seed in range(options.seeds)]
        for name, values in zip(("box", "mask"), zip(*aps, strict=True), strict=True):
            median, each = statistics.median(values), ", ".join(f"{value:.3f}" for value in values)
            print(f"{options.data.name}, {time}: {name} AP {median:.3f} ({each})", flush=True)


def reached(recipe, data, time, seed):
    """(box AP, mask AP) after one training."""
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / "run"
        yolact = Path(sys.executable).with_name("yolact")
        command = [yolact, "train", recipe, "--data", data, "--run", run, "--time", time]
        subprocess.run([*command, "--set", f"train.seed={seed}"], check=True, stdout=subprocess.DEVNULL)
        log = read_log(run / "log.csv")
    return log["val_box_AP"][-1], log["val_mask_AP"][-1]


if __name__ == "__main__":
    main()
