"""Time and memory of a report: the metrics of many detections, and the page.

    python benchmarks/evaluation.py [--images 5000] [--detections 36] [--objects 7]

Masks are blobs of 640x480 images: each object is found several times, more or less well, and the rest is
noise. Prints seconds by part, also those that the CPUs worked, and the peak of memory. Take two cores with
`taskset -c 0,1`.
"""

import argparse
import os
import resource
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
from PIL import Image
from pycocotools import mask as coco_mask

from yolact_tf.data.record import Record, corners_of
from yolact_tf.evaluate import coco_metrics
from yolact_tf.evaluate.analysis import analyse
from yolact_tf.evaluate.report import write_report

HEIGHT, WIDTH, CLASSES, BLOBS = 480, 640, 80, 300


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=5000)
    parser.add_argument("--detections", type=int, default=36)
    parser.add_argument("--objects", type=int, default=7)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        picture = Path(folder) / "grey.jpg"
        Image.fromarray(np.full((HEIGHT, WIDTH, 3), 127, np.uint8)).save(picture)
        data, results = synthetic(arguments, str(picture))
        before = _peak()
        print(
            f"{data.num_images} images, {len(results)} detections: {before:.1f} GB before the metrics",
            flush=True,
        )
        metrics = _timed("COCO AP of boxes and masks", coco_metrics, data, results)
        analysis = _timed("all metrics of a report, with boundary AP", analyse, data, results)
        _timed("charts and page", write_report, Path(folder) / "report", data, {"synthetic": analysis})
    print(f"mask AP {metrics['segm']['AP']:.3f}, boundary AP {analysis.boundary.stats['AP']:.3f}")
    print(f"peak memory {_peak():.1f} GB")


def synthetic(arguments, picture):
    """(split, COCO results)."""
    rng = np.random.default_rng(0)
    blobs = [_blob(rng) for _ in range(BLOBS)]
    records, results = [], []
    for image_id in range(1, arguments.images + 1):
        count = int(rng.integers(0, 2 * arguments.objects + 1))
        objects = [_placed(rng, blobs) for _ in range(count)]
        classes = rng.integers(0, CLASSES, count)
        records.append(_record(image_id, picture, objects, classes))
        results += _detections(rng, arguments.detections, image_id, objects, classes, blobs)
    labels = {number: f"class {number}" for number in range(1, CLASSES + 1)}
    split = SimpleNamespace(
        records=records, labels=labels, origin="synthetic", num_images=len(records), is_in_memory=True
    )
    return split, results


def _detections(rng, count, image_id, objects, classes, blobs):
    """COCO results: objects that are moved a little, more the less they score, then blobs anywhere."""
    rows = []
    for number in range(count):
        if objects and number < 3 * len(objects):
            target = number % len(objects)
            score = float(rng.uniform(0.05, 1))
            blob, x, y = objects[target]
            reach = int(2 + 30 * (1 - score))
            move = rng.integers(-reach, reach + 1, 2)
            place = blob, *np.clip((x + move[0], y + move[1]), 0, _room(blob))
            rank = classes[target] if rng.uniform() < 0.85 else rng.integers(0, CLASSES)
        else:
            score, place, rank = float(rng.uniform(0, 0.3)), _placed(rng, blobs), rng.integers(0, CLASSES)
        runs = _runs(*place)
        rle = coco_mask.frPyObjects({"size": [HEIGHT, WIDTH], "counts": runs.tolist()}, HEIGHT, WIDTH)
        rows.append(
            {
                "image_id": image_id,
                "category_id": int(rank) + 1,
                "score": score,
                "bbox": _xywh(*place),
                "segmentation": {"size": [HEIGHT, WIDTH], "counts": rle["counts"].decode("ascii")},
            }
        )
    return rows


def _blob(rng):
    """An ellipse with a wavy edge, [h, w] bool."""
    height, width = np.exp(rng.uniform(np.log(12), np.log(300), 2)).astype(int)
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    edge = 0.85 + 0.1 * np.sin(rng.integers(3, 9) * np.arctan2(y, x) + rng.uniform(0, 6))
    return np.hypot(y, x) < edge


def _placed(rng, blobs):
    blob = blobs[rng.integers(len(blobs))]
    width, height = _room(blob)
    return blob, int(rng.integers(0, width + 1)), int(rng.integers(0, height + 1))


def _room(blob):
    return WIDTH - blob.shape[1], HEIGHT - blob.shape[0]


def _xywh(blob, x, y):
    return [float(x), float(y), float(blob.shape[1]), float(blob.shape[0])]


def _runs(blob, x, y):
    """Run lengths of a blob in an image, column-major."""
    strip = np.zeros((blob.shape[1], HEIGHT), bool)
    strip[:, y : y + blob.shape[0]] = blob.T
    edges = np.flatnonzero(np.diff(strip.ravel(), prepend=False, append=False))
    return np.diff(edges + x * HEIGHT, prepend=0, append=WIDTH * HEIGHT)


def _record(image_id, picture, objects, classes):
    xywh = np.array([_xywh(*place) for place in objects], float).reshape(-1, 4)
    return Record(
        image_id=image_id,
        path=picture,
        height=HEIGHT,
        width=WIDTH,
        boxes=corners_of(xywh, HEIGHT, WIDTH),
        classes=classes.astype(np.int32),
        is_crowd=np.zeros(len(objects), bool),
        areas=np.array([blob.sum() for blob, _, _ in objects], float),
        runs=tuple(_runs(*place).astype(np.int32) for place in objects),
        xywh=xywh,
    )


def _timed(what, call, *arguments):
    started, busy = time.perf_counter(), time.process_time()
    found = call(*arguments)
    taken, busy = time.perf_counter() - started, time.process_time() - busy
    print(f"{taken:6.1f} s, {busy:6.1f} s of the CPUs: {what}", flush=True)
    return found


def _peak():
    """The most memory that this process has had, in GB (Linux)."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


if __name__ == "__main__":
    main()
