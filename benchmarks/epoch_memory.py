"""Memory of the input pipeline over an epoch of many images: a data set of references to the same files.

    python benchmarks/epoch_memory.py DATA [--images 100000] [--set data.image_size=128 ...]

Prints resident memory while an epoch goes by; it should stay flat after the first few thousand images.
"""

import argparse
import json
import os
import tempfile
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from yolact_tf import build_dataset, load_config
from yolact_tf.data.coco.split import find_split

ROWS = 20


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data")
    parser.add_argument("--images", type=int, default=100_000)
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    arguments = parser.parse_args()
    config = load_config("resnet50_550", arguments.set)
    with tempfile.TemporaryDirectory() as folder:
        _write_references(Path(folder), arguments.data, arguments.images)
        started = time.monotonic()
        dataset = build_dataset(config, folder, "train")
        print(f"{arguments.images} images opened in {time.monotonic() - started:.0f} s: {_resident():.0f} MB")
        every = max(1, len(dataset) // ROWS)
        for number, _ in enumerate(dataset, 1):
            if number % every == 0:
                images = number * config.train.batch_size
                print(
                    f"{images:8d} images  {_resident():6.0f} MB  {time.monotonic() - started:6.0f} s",
                    flush=True,
                )


def _write_references(folder, data, count):
    """A data folder of `count` entries that repeat the training images of `data` and their objects."""
    annotation_file, images = find_split(data, "train")
    content = json.loads(annotation_file.read_text(encoding="utf-8"))
    objects = {}
    for annotation in content["annotations"]:
        objects.setdefault(annotation["image_id"], []).append(annotation)
    entries, annotations = [], []
    for number in range(1, count + 1):
        entry = content["images"][number % len(content["images"])]
        entries.append({**entry, "id": number})
        for annotation in objects.get(entry["id"], ()):
            annotations.append({**annotation, "id": len(annotations) + 1, "image_id": number})
    (folder / "images").symlink_to(Path(images).resolve())
    text = json.dumps({**content, "images": entries, "annotations": annotations})
    (folder / "train.json").write_text(text, encoding="utf-8")


def _resident():
    """Resident memory of this process in MB (Linux)."""
    fields = Path("/proc/self/statm").read_text().split()
    return int(fields[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


if __name__ == "__main__":
    main()
