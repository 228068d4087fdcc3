"""Averages what several views of an image found: weighted boxes fusion (Solovyev et al. 2021), with masks."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from yolact_tf.box_pairs import paired_iou
from yolact_tf.detect.detections import Detections
from yolact_tf.detect.repeated.sets import one_set, with_windows
from yolact_tf.detect.windows import Region, add_to, extent_of, trimmed

SAME = 0.55  # IoU of two boxes that are of one object; the paper's


class View(NamedTuple):
    """What was found in one picture of an image, in the image's pixels, with given masks."""

    found: Detections
    region: Region  # of the image, that the picture shows


def fused(views: Sequence[View]) -> Detections:
    """One detection of each object that any view shows, best first.

    Of what views show of one object (same class, boxes that overlap), boxes and masks are averaged by
    score. Its score is the mean over the views that show its place: one that did not find it counts 0.
    """
    found = one_set([view.found for view in views])
    view_of = np.repeat(np.arange(len(views)), [len(view.found) for view in views])
    clusters = _clusters(found, view_of)
    boxes = np.array([np.average(found.boxes[c], 0, found.scores[c]) for c in clusters], np.float32)
    result = found[np.array([cluster[0] for cluster in clusters], int)]
    result.boxes[:] = boxes.reshape(-1, 4)
    regions = np.array([view.region for view in views])
    for row, cluster in enumerate(clusters):
        share = len(cluster) / max(_views_of(result.boxes[row], regions), len(cluster))
        result.scores[row] = found.scores[cluster].mean() * share
        if result.rescored is not None and found.rescored is not None:
            result.rescored[row] = found.rescored[cluster].mean() * share
    result = with_windows(result, [_mean_mask(found, cluster) for cluster in clusters])
    return result[np.argsort(-result.scores, kind="stable")]


def _clusters(found, view_of):
    """Indices of detections by object, the surest first; at most one of each view."""
    clusters, boxes = [], np.zeros((0, 4), np.float32)
    classes, views = np.zeros(0, int), []
    for index in np.argsort(-found.scores, kind="stable").tolist():
        overlaps = paired_iou(found.boxes[index], boxes)
        overlaps[classes != found.class_ids[index]] = 0
        overlaps[[view_of[index] in seen for seen in views]] = 0
        if overlaps.size and overlaps.max() > SAME:
            chosen = int(overlaps.argmax())
            clusters[chosen].append(index)
            views[chosen].add(view_of[index])
            members = clusters[chosen]
            boxes[chosen] = np.average(found.boxes[members], 0, found.scores[members])
        else:
            clusters.append([index])
            views.append({view_of[index]})
            boxes = np.concatenate([boxes, found.boxes[index : index + 1]])
            classes = np.append(classes, found.class_ids[index])
    return clusters


def _views_of(box, regions):
    """How many of `regions` [V, 4] hold a box."""
    return int(((box[:2] > regions[:, :2] - 1) & (box[2:] < regions[:, 2:] + 1)).all(1).sum())


def _mean_mask(found, cluster):
    """Where those that see the object outvote, by their scores, those that do not."""
    windows = [found.windows[index] for index in cluster]
    if len(cluster) == 1:
        return windows[0]
    extent = extent_of(windows)
    votes = np.zeros((extent[3] - extent[1], extent[2] - extent[0]), np.float32)
    for index, window in zip(cluster, windows, strict=True):
        add_to(votes, extent, window, float(found.scores[index]))
    return trimmed((extent[1], extent[0], votes > found.scores[cluster].sum() / 2))
