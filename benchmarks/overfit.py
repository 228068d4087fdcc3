"""Whether losses, targets and masks can represent the truth: four images by heart.

    python benchmarks/overfit.py ../shared/data/coco100 [--recipe tiny_256] [--steps 2000]
    python benchmarks/overfit.py ../shared/data/coco100 --set data.mask_scale=2 \\
        --set detect.mask_upsampling=logits

Of the training images with at least three objects and no crowd, those whose smallest object is largest,
since a prototype holds nothing smaller than its pixels. The network sees them as they are, without
augmentation, and is evaluated on them. Prints mask and box AP after every tenth of the steps and the
first of these at which mask AP is .9.
"""

import argparse
import json
import os
import tempfile
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from yolact_tf import load_config
from yolact_tf.train.trainer import train
from yolact_tf.train.watch.run_log import read_log

IMAGES, AT_LEAST = 4, 3
PLAIN = (
    "data.photometric=false",
    "data.expand=1",
    "data.sample_crop=false",
    "data.mirror=false",
    "train.batch_size=4",
    "train.validate_every=1",
    "train.weight_decay=0",
    "train.epochs=10",
)


def main():
    arguments = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    arguments.add_argument("data", type=Path)
    arguments.add_argument("--recipe", default="tiny_256")
    arguments.add_argument("--steps", type=int, default=2000)
    arguments.add_argument("--set", action="append", default=[], help="a field, such as data.mask_scale=2")
    options = arguments.parse_args()
    length = f"train.images_per_epoch={options.steps // 10 * IMAGES}"
    config = load_config(options.recipe, [*PLAIN, length, *options.set])
    with tempfile.TemporaryDirectory() as folder:
        chosen = write_four(options.data, Path(folder) / "data")
        print(f"{' '.join([options.recipe, *options.set])}: images {', '.join(chosen)}")
        train(config, Path(folder) / "data", Path(folder) / "run")
        show(read_log(Path(folder) / "run" / "log.csv"), options.steps // 10)


def write_four(data, folder):
    """Writes a data set whose train and val are the four images; returns their file names."""
    content = json.loads((data / "train.json").read_text(encoding="utf-8"))
    of_image = {}
    for annotation in content["annotations"]:
        of_image.setdefault(annotation["image_id"], []).append(annotation)
    fitting = {
        key: min(a["bbox"][2] * a["bbox"][3] for a in annotations)
        for key, annotations in of_image.items()
        if len(annotations) >= AT_LEAST and not any(a.get("iscrowd") for a in annotations)
    }
    keys = sorted(fitting, key=fitting.get)[-IMAGES:]
    images = [image for image in content["images"] if image["id"] in keys]
    annotations = [annotation for key in keys for annotation in of_image[key]]
    folder.mkdir()
    (folder / "images").symlink_to((data / "images").resolve())
    text = json.dumps({**content, "images": images, "annotations": annotations})
    for split in ("train", "val"):
        (folder / f"{split}.json").write_text(text, encoding="utf-8")
    return [image["file_name"] for image in images]


def show(log, steps):
    reached = None
    for number, (mask, box) in enumerate(zip(log["val_mask_AP"], log["val_box_AP"], strict=True), start=1):
        print(f"  step {number * steps:6d}: mask AP {mask:.3f}, box AP {box:.3f}")
        if reached is None and mask >= 0.9:
            reached = number * steps
    print(f"  mask AP .9 after {reached} steps" if reached else "  mask AP .9 not reached")


if __name__ == "__main__":
    main()
