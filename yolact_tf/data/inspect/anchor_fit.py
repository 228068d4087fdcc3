"""How well anchors cover the boxes of a data set, and sizes that would cover them better."""

from dataclasses import asdict, dataclass, replace

import numpy as np

from yolact_tf.anchors import NUM_LEVELS, anchors_per_cell, build_anchors, level_starts, pyramid_sizes
from yolact_tf.box_pairs import paired_iou
from yolact_tf.config import AnchorConfig

RECALL_IOU = 0.5  # as `loss.positive_iou`: from there on an anchor learns the box
# Sides in pixels of the network's input. COCO's AP draws the same lines, but in the files' pixels.
SIZE_BINS = {"small": (0.0, 32.0), "medium": (32.0, 96.0), "large": (96.0, np.inf)}
_STEP = 1.4  # least factor between the sizes of neighbouring levels
_SMALLEST = 4.0  # pixels
_NUM_CANDIDATES = 72  # sizes that the search tries a level, about 8 % apart
_MOST_BOXES = 10_000  # that the search looks at; recall itself counts all
_CHUNK = 50_000  # boxes compared at a time


@dataclass(frozen=True)
class AnchorFit:
    """Anchor sizes and the share of boxes that they find."""

    sizes: tuple[float, ...]  # pixels, P3..P7
    recall: dict[str, float]  # "all" and each of SIZE_BINS: share in 0..1; -1 where there is no box

    @property
    def setting(self) -> str:
        """The sizes as `--set` takes them."""
        return "anchors.sizes=" + ",".join(f"{size:g}" for size in self.sizes)


def fit_of(boxes: np.ndarray, image_size: int, anchors: AnchorConfig) -> AnchorFit:
    """The AnchorFit of an AnchorConfig on boxes, [n, 4] corners in 0..1 of the input."""
    best = level_ious(boxes, image_size, anchors).max(1)
    recall = {"all": _share(best >= RECALL_IOU)}
    for name, inside in bins_of(box_sides(boxes) * image_size).items():
        recall[name] = _share(best[inside] >= RECALL_IOU)
    return AnchorFit(tuple(anchors.sizes), recall)


def better_fit(boxes: np.ndarray, image_size: int, anchors: AnchorConfig) -> AnchorFit:
    """The AnchorFit of sizes that find more boxes, with the scales and ratios of `anchors`, an AnchorConfig;
    that of its own sizes where none are found.

    A search that changes one level at a time, from three starts, in whole pixels. Sizes rise from level
    to level by a factor of at least 1.4: coarse levels see further, and random crops show objects in more
    sizes than the files hold. The order of the boxes does not matter.
    """
    own = fit_of(boxes, image_size, anchors)
    if not len(boxes):
        return own
    found = fit_of(boxes, image_size, replace(anchors, sizes=_search(boxes, image_size, anchors)))
    return found if found.recall["all"] > own.recall["all"] else own


def level_ious(boxes: np.ndarray, image_size: int, anchors: AnchorConfig) -> np.ndarray:
    """IoU of each box with the best anchor of each level: [n, 4] corners in 0..1 to [n, levels].

    Exact for all positions, though only one cell a level is compared: among anchors of one shape,
    the nearest to the box in x and in y overlaps it most.
    """
    grid = build_anchors(image_size, **asdict(anchors))
    per_cell = anchors_per_cell(anchors.scales, anchors.ratios)
    boxes = np.asarray(boxes, np.float32).reshape(-1, 4)
    centers = (boxes[:, :2] + boxes[:, 2:]) / 2
    best = []
    for side, start in zip(pyramid_sizes(image_size), level_starts(image_size, per_cell), strict=True):
        cells = grid[start : start + side * side * per_cell].reshape(side, side, per_cell, 4)
        x, y = (centers * side).astype(int).clip(0, side - 1).T
        best.append(_best_iou(boxes, cells, y, x))
    return np.stack(best, 1)


def box_sides(boxes: np.ndarray) -> np.ndarray:
    """Geometric mean of width and height, in the unit of the boxes. [n, 4] to [n]."""
    return np.sqrt(np.prod(boxes[:, 2:] - boxes[:, :2], axis=1))


def bins_of(sides: np.ndarray) -> dict[str, np.ndarray]:
    """{name of SIZE_BINS: [n] bool, which sides lie in it}. Sides in pixels of the input."""
    return {name: (sides >= low) & (sides < high) for name, (low, high) in SIZE_BINS.items()}


def _best_iou(boxes, cells, y, x):
    parts = [np.zeros(0, np.float32)]
    for start in range(0, len(boxes), _CHUNK):
        part = slice(start, start + _CHUNK)
        parts.append(paired_iou(boxes[part, None], cells[y[part], x[part]]).max(1))
    return np.concatenate(parts)


def _search(boxes, image_size, anchors):
    """The five sizes that find the most of, at most, _MOST_BOXES of the boxes."""
    boxes = boxes[np.lexsort(boxes.T)]
    boxes = boxes[np.linspace(0, len(boxes) - 1, min(len(boxes), _MOST_BOXES)).round().astype(int)]
    candidates = np.geomspace(_SMALLEST, 1.25 * image_size, _NUM_CANDIDATES).round()
    candidates = np.unique(np.concatenate([candidates, anchors.sizes]))
    ious = np.stack(
        [level_ious(boxes, image_size, replace(anchors, sizes=(size,) * NUM_LEVELS)) for size in candidates]
    )  # [candidates, boxes, levels]
    starts = _starts(box_sides(boxes) * image_size, anchors.sizes, candidates)
    return max(_climb(ious, candidates, start) for start in starts)[-1]


def _starts(sides, own, candidates):
    """[levels] rising indices into `candidates`: near the own sizes, quantiles and a geometric row."""
    quantiles = np.quantile(sides, (np.arange(NUM_LEVELS) + 0.5) / NUM_LEVELS)
    row = np.geomspace(max(sides.min(), _SMALLEST), sides.max(), NUM_LEVELS)
    steps = np.log(_STEP) * np.arange(NUM_LEVELS)
    top = np.log(candidates[-1]) - steps[::-1]
    for sizes in (np.sort(own), quantiles, row):
        # Pushed up to keep their distance, then down to stay among the candidates.
        apart = np.maximum.accumulate(np.log(sizes) - steps) + steps
        yield [int(i) for i in np.searchsorted(candidates, np.exp(np.minimum(apart, top)) - 1e-6)]


def _climb(ious, candidates, levels):
    """(boxes found, their mean IoU, sizes) when no single level can be bettered any more.

    ious: [candidates, boxes, levels].  levels: [levels] candidates to start from, rising.
    """
    levels, last = list(levels), None
    while levels != last:
        last = list(levels)
        for level in range(len(levels)):
            others = np.max([ious[c, :, i] for i, c in enumerate(levels) if i != level], axis=0)
            lowest = candidates[levels[level - 1]] * _STEP if level else 0
            highest = candidates[levels[level + 1]] / _STEP if level + 1 < len(levels) else np.inf
            free = [c for c, size in enumerate(candidates) if lowest <= size <= highest]
            scores = {c: _score(np.maximum(others, ious[c, :, level])) for c in {*free, levels[level]}}
            levels[level] = max(scores, key=lambda c: (scores[c], c == levels[level], -c))
    best = np.max([ious[c, :, i] for i, c in enumerate(levels)], axis=0)
    return *_score(best), tuple(candidates[levels].tolist())


def _score(best):
    """What the search maximises: boxes found, then how well all are covered on average."""
    return int((best >= RECALL_IOU).sum()), float(best.mean(dtype=np.float64))


def _share(found):
    return float(found.mean()) if len(found) else -1.0
