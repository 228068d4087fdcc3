"""AP that a small data set reaches in a given time, or from so many images; reruns a row of
docs/experiments.md.

    python benchmarks/small_data.py ../shared/data/fruitnuts3 --time 262s --time 1007s
    python benchmarks/small_data.py ../shared/data/animals4 --epochs 12 --set data.mosaic=0.5

Trains once for each time and seed, with a schedule made for the time, each in a process of its own, and
prints box and mask AP of the last weights with their medians. Nothing else should run meanwhile; of a number
of epochs, which also compares settings on a busy machine, the time is printed too.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from yolact_tf.train.watch.run_log import read_log


def main():
    arguments = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    arguments.add_argument("data", type=Path)
    arguments.add_argument("--recipe", default="small_data_320")
    length = arguments.add_mutually_exclusive_group(required=True)
    length.add_argument("--time", action="append", default=[], help="such as 262s or 20m; repeatable")
    length.add_argument("--epochs", action="append", default=[], help="of the recipe's length; repeatable")
    arguments.add_argument("--seeds", type=int, default=3)
    arguments.add_argument("--set", action="append", default=[], help="a field, such as loss.box_loss=giou")
    options = arguments.parse_args()
    lengths = [(limit, ["--time", limit]) for limit in options.time]
    lengths += [(f"{n} epochs", ["--set", f"train.epochs={n}"]) for n in options.epochs]
    settings = [argument for setting in options.set for argument in ("--set", setting)]
    command = ["train", options.recipe, "--data", options.data, *settings]
    for name, asked in lengths:
        seeds = range(options.seeds)
        *aps, seconds = zip(*(reached([*command, *asked], seed) for seed in seeds), strict=True)
        for kind, values in zip(("box", "mask"), aps, strict=True):
            each = ", ".join(f"{value:.3f}" for value in values)
            print(f"{options.data.name}, {name}: {kind} AP {statistics.median(values):.3f} ({each})")
        print(f"    {statistics.median(seconds):.0f} s", flush=True)


def reached(command, seed):
    """(box AP, mask AP, seconds) of one training."""
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / "run"
        yolact = Path(sys.executable).with_name("yolact")
        command = [yolact, *command, "--run", run, "--set", f"train.seed={seed}"]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        log = read_log(run / "log.csv")
    return log["val_box_AP"][-1], log["val_mask_AP"][-1], time.perf_counter() - start


if __name__ == "__main__":
    main()
