"""Opening a data set as large as COCO: time and memory of the first time, of later ones, of `data stats`.

    python benchmarks/large_data.py DATA [--images 118287] [--annotations 860001] [--keep FOLDER]

Images are hard links to those of DATA, annotations are drawn: polygons of COCO's sizes and lengths, and
crowds. Each opening is a process of its own, with an empty cache folder before the first.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

NUM_CATEGORIES = 80
OPENING = """
import logging, resource, time
logging.basicConfig(level=logging.WARNING, format="    %(message)s")
from yolact_tf.data.load import load_data
wall, cpu = time.monotonic(), time.process_time()
{work}
wall, cpu = time.monotonic() - wall, time.process_time() - cpu
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(f"{name:16} {{wall:7.1f} s  CPU {{cpu:6.1f} s  peak {{peak:6.0f}} MB", flush=True)
"""
OPEN = "load_data({folder!r}, 'train')"
WORKS = {
    "nothing": "pass",
    "first opening": OPEN,
    "second opening": OPEN,
    "with tensors": f"{OPEN}.source(with_empty=False)",
    "statistics": f"""
from yolact_tf import load_config
from yolact_tf.data.inspect.stats import statistics
statistics({OPEN}, load_config("resnet50_550"))""",
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data")
    parser.add_argument("--images", type=int, default=118_287)
    parser.add_argument("--annotations", type=int, default=860_001)
    parser.add_argument("--keep", metavar="FOLDER", help="where the data set is written, or lies already")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(arguments.keep or temporary) / "large"
        if not folder.exists():
            write_large(folder, Path(arguments.data), arguments.images, arguments.annotations)
        print(f"train.json: {(folder / 'train.json').stat().st_size / 1e6:.0f} MB", flush=True)
        environment = {**os.environ, "XDG_CACHE_HOME": f"{temporary}/cache", "TF_CPP_MIN_LOG_LEVEL": "3"}
        for name, work in WORKS.items():
            code = OPENING.format(name=name, work=work.format(folder=str(folder)))
            subprocess.run([sys.executable, "-c", code], env=environment, check=True)
        index = sum(path.stat().st_size for path in Path(temporary, "cache").rglob("*") if path.is_file())
        print(f"index: {index / 1e6:.0f} MB")


def write_large(folder, data, num_images, num_annotations):
    """A data folder of `num_images` links to the images below `data`, with drawn annotations."""
    files = sorted(path for path in data.rglob("*") if re.fullmatch(r"\.jpe?g", path.suffix.lower()))
    sizes = [ImageOps.exif_transpose(Image.open(path)).size for path in files]
    (folder / "images").mkdir(parents=True)
    sources = [_copied(path, folder / "images" / f"source{n:05d}.jpg") for n, path in enumerate(files)]
    images = []
    for number in range(num_images):
        name, (width, height) = f"{number + 1:012d}.jpg", sizes[number % len(files)]
        os.link(sources[number % len(files)], folder / "images" / name)
        more = {"license": number % 8, "coco_url": f"http://images.cocodataset.org/train2017/{name}"}
        images.append({"id": number + 1, "file_name": name, "width": width, "height": height, **more})
    with open(folder / "train.json", "w", encoding="utf-8") as file:
        file.write(f'{{"info": {{}}, "images": {json.dumps(images)}, "annotations": [')
        for number, annotation in enumerate(_annotations(images, num_annotations)):
            file.write((", " if number else "") + json.dumps(annotation, separators=(",", ":")))
        categories = [{"id": n + 1, "name": f"category {n + 1}"} for n in range(NUM_CATEGORIES)]
        file.write(f'], "categories": {json.dumps(categories)}}}')


def _copied(source, path):
    path.write_bytes(source.read_bytes())
    return path


def _annotations(images, count):
    """Objects of COCO's sizes, in no order of images: polygons of 4 to 80 corners, one in 80 a crowd."""
    rng = np.random.default_rng(0)
    of_image, places = rng.integers(len(images), size=count), rng.uniform(size=(count, 2))
    sides, lengths = rng.lognormal(size=(2, count))
    categories = rng.integers(NUM_CATEGORIES, size=count).tolist()
    outlines = [_outline(corners, rng) for corners in range(4, 81) for _ in range(20)]
    for number in range(count):
        image = images[of_image[number]]
        size = image["width"], image["height"]
        side = min(42 * sides[number] ** 1.1, 0.95 * min(size)) + 2
        corners = int(np.clip((9 + 0.2 * side) * lengths[number] ** 0.5, 4, 80))
        start = places[number] * (np.array(size) - side - 1)
        points = (start + side * outlines[20 * (corners - 4) + number % 20]).round(2)
        (left, top), (right, bottom) = points.min(0).tolist(), points.max(0).tolist()
        box = [left, top, round(right - left + 0.01, 2), round(bottom - top + 0.01, 2)]
        is_crowd = number % 80 == 79
        yield {
            "segmentation": _runs(*size) if is_crowd else [points.ravel().tolist()],
            "area": round(box[2] * box[3] / 2, 4),
            "iscrowd": int(is_crowd),
            "image_id": image["id"],
            "bbox": box,
            "category_id": categories[number] + 1,
            "id": number + 1,
        }


def _outline(corners, rng):
    """[corners, 2] around the middle of 0..1."""
    angles, reach = np.sort(rng.uniform(0, 2 * np.pi, corners)), rng.uniform(0.3, 0.5, corners)
    return 0.5 + reach[:, None] * np.stack([np.cos(angles), np.sin(angles)], 1)


def _runs(width, height):
    before = width // 2 * height
    return {"counts": [before, height, width * height - before - height], "size": [height, width]}


if __name__ == "__main__":
    main()
