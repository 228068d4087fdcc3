"""Masks enlarged as probabilities and as logits: mask AP, IoU along the border, and a picture of both.

    python benchmarks/mask_edges.py runs/demo/run --data runs/demo/shapes --output mask_edges.png

The picture shows true objects beside the best detection of each, both ways, enlarged; the red line is the
true outline. Border IoU: that of the pixels of both masks within 2 % of the image's diagonal of their
borders, or within one pixel (Cheng et al. 2021), averaged over detections of an IoU over 0.5.
"""

import argparse
import os
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
from scipy import ndimage

from yolact_tf import Detector, load_run
from yolact_tf.data.load import load_data
from yolact_tf.draw.instances import in_rows, titled
from yolact_tf.draw.picture_files import save_picture
from yolact_tf.evaluate import evaluate

WAYS = ("probabilities", "logits")
TITLES = {"truth": "image and true outline", **{way: f"{way} enlarged" for way in WAYS}}
SHOWN, SIDE, MARGIN = 4, 380, 6


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run")
    parser.add_argument("--data", required=True)
    parser.add_argument("--output", type=Path, help="where the picture goes")
    options = parser.parse_args()
    data = load_data(options.data, "val")
    seen = {}
    print("| masks | mask AP | AP75 | border IoU, 2 % | border IoU, 1 pixel |\n|---|---|---|---|---|")
    for way in WAYS:
        detector = Detector(load_run(options.run, [f"detect.mask_upsampling={way}"]))
        segm, seen[way] = measured(detector, data)
        wide, narrow = (
            np.mean([border_iou(truth, mask, share) for _, truth, mask in seen[way].values()])
            for share in (0.02, 0)
        )
        print(f"| {way} | {segm['AP']:.4f} | {segm['AP75']:.4f} | {wide:.4f} | {narrow:.4f} |")
    if options.output:
        save_picture(picture_of(seen), options.output)


def measured(detector, data):
    """(mask AP and the like, {object: (image, true mask, mask)} of true objects that a detection covers)."""
    pairs = {}

    def observe(record, image, found):
        found = found.above(0.3)
        for row, runs in enumerate(record.runs):
            flat = np.repeat(np.arange(len(runs)) % 2 == 1, runs)
            truth = flat.reshape(record.width, record.height).T
            overlaps = [iou(truth, mask) for mask in found.masks]
            if overlaps and max(overlaps) > 0.5:
                pairs[record.image_id, row] = image, truth, found.masks[int(np.argmax(overlaps))]

    metrics, _ = evaluate(detector, data, observe=observe)
    return metrics["segm"], pairs


def iou(first, second):
    return (first & second).sum() / max((first | second).sum(), 1)


def border_iou(first, second, share):
    """IoU of what of two masks lies within a share of the diagonal of their borders, or within a pixel."""
    distance = max(1, round(share * np.hypot(*first.shape)))
    return iou(*(mask & ~eroded(mask, distance) for mask in (first, second)))


def eroded(mask, distance):
    return ndimage.binary_erosion(mask, ndimage.generate_binary_structure(2, 2), distance, border_value=0)


def picture_of(seen):
    """Rows of one object each, from small to large: the image, then each way."""
    common = seen[WAYS[0]].keys() & seen[WAYS[1]].keys()
    by_area = sorted(common, key=lambda name: (seen[WAYS[0]][name][1].sum(), name))
    tiles = []
    for name in by_area[len(by_area) // SHOWN - 1 :: max(1, len(by_area) // SHOWN)][:SHOWN]:
        image, truth, _ = seen[WAYS[0]][name]
        masks = {"truth": np.zeros_like(truth), **{way: seen[way][name][2] for way in WAYS}}
        tiles += [titled(tile(image, truth, mask), TITLES[way]) for way, mask in masks.items()]
    return in_rows(tiles, 3)


def tile(image, truth, mask):
    """The part of an image around an object, enlarged, with a mask and the true outline over it."""
    rows, columns = np.flatnonzero(truth.any(1)), np.flatnonzero(truth.any(0))
    window = tuple(slice(max(0, i[0] - MARGIN), i[-1] + 1 + MARGIN) for i in (rows, columns))
    times = max(1, SIDE // max(truth[window].shape))
    part, truth, mask = (
        x[window].repeat(times, 0).repeat(times, 1) for x in (image.astype(np.float32), truth, mask)
    )
    part[mask] = 0.45 * part[mask] + 0.55 * np.array([40, 110, 255])
    part[truth & ~eroded(truth, 1)] = [255, 30, 30]
    return part.astype(np.uint8)


if __name__ == "__main__":
    main()
