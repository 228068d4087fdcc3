"""The pictures of a run: how the losses fell, what the batches and the detections look like."""

import csv
import itertools

import matplotlib
import numpy as np

matplotlib.use("Agg")
from matplotlib import pyplot as plt

from yolact_tf.data.pipeline import build_dataset
from yolact_tf.detect.detector import Detector
from yolact_tf.masks import upsample_to_image
from yolact_tf.overlays import save_picture
from yolact_tf.runs import atomic_path
from yolact_tf.visualise import color_of, draw_instances, side_by_side

SHOWN_SCORE = 0.3  # detections below are left out of overlays


def draw_plots(run, train_data, val_data):
    """Fills plots/: results.png, train_batch.png, and val_*.png with truth beside detections."""
    folder = run.path / "plots"
    folder.mkdir(exist_ok=True)
    draw_results(run.path / "log.csv", folder / "results.png")
    save_picture(train_batch(run.config, train_data, run.labels), folder / "train_batch.png")
    detector = Detector(run)
    for number, record in enumerate(itertools.islice(val_data.records, 6)):
        save_picture(val_picture(detector, record, run.labels), folder / f"val_{number}.png")


def draw_results(log, target):
    """Losses, AP and learning rate of log.csv, an axis each, as one PNG."""
    with open(log, encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    names = [name for name in rows[0] if name != "epoch"]
    columns = 4
    figure, axes = plt.subplots(
        -(-len(names) // columns), columns, figsize=(13, 6), layout="constrained", squeeze=False
    )
    epochs = [int(row["epoch"]) + 1 for row in rows]
    for axis, name in zip(axes.flat, names, strict=False):
        values = np.array([float(row[name] or "nan") for row in rows])
        known = np.isfinite(values)
        axis.plot(np.array(epochs)[known], values[known], marker=".", color="#1f5fa8")
        axis.set_title(name.replace("_", " "), fontsize=10)
        axis.grid(alpha=0.3)
    for axis in axes.flat[len(names) :]:
        axis.remove()
    with atomic_path(target, suffix=".png") as temporary:
        figure.savefig(temporary, dpi=110)
    plt.close(figure)


def train_batch(config, data, labels, columns=4):
    """The first augmented batch as the model sees it: one picture of up to eight examples."""
    images, truth = next(iter(build_dataset(config, data, "train")))
    names = list(labels.values())
    pictures = []
    for b in range(min(len(images), 2 * columns)):
        count = int(truth["num_objects"][b])
        image = images[b].numpy().clip(0, 255).astype(np.uint8)
        size = image.shape[0]
        boxes = truth["boxes"][b, :count].numpy()
        masks = truth["masks"][b, :count].numpy()
        windows = [upsample_to_image(m, x, (size, size)) for m, x in zip(masks, boxes, strict=True)]
        captions = [names[c] for c in truth["classes"][b, :count].numpy()]
        pictures.append(draw_instances(image, boxes * size, captions, windows))
    rows = [side_by_side(pictures[i : i + columns]) for i in range(0, len(pictures), columns)]
    width = max(row.shape[1] for row in rows)
    padded = [np.pad(r, ((0, 6), (0, width - r.shape[1]), (0, 0)), constant_values=255) for r in rows]
    return np.concatenate(padded)


def val_picture(detector, record, labels):
    """Ground truth on the left, detections on the right."""
    image = record.read_image()
    names = list(labels.values())
    height, width = image.shape[:2]
    windows = [(0, 0, np.repeat(np.arange(len(r)) % 2 == 1, r).reshape(width, height).T) for r in record.runs]
    captions = [names[c] for c in record.classes]
    boxes = record.boxes * np.array([width, height, width, height])
    colors = [color_of(i) for i in range(len(boxes))]
    truth = draw_instances(image, boxes, captions, windows, colors)
    return side_by_side([truth, detector(image).above(SHOWN_SCORE).draw(image)])
