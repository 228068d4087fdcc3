"""The worst Mistakes as a picture: truth on the left, what was found on the right."""

import numpy as np

from yolact_tf.detect.detections import Detections
from yolact_tf.detect.detector import Detector
from yolact_tf.draw.instances import GAP, color_of, draw_instances, in_rows, resize, titled
from yolact_tf.explain.figures import below_one_another
from yolact_tf.explain.mistakes import Mistake, Mistakes
from yolact_tf.labels import distinct_names
from yolact_tf.mask_windows import place_window

_SIDE = 340  # pixels of a square view
_CONTEXT = 2.2  # how much wider a view is than what it is of
_SMALLEST = 48  # pixels of the image that a view shows at least
_COLUMNS = 2  # pairs beside one another


def draw_mistakes(found: Mistakes, detector: Detector, count: int = 8) -> np.ndarray:
    """[H, W, 3] uint8 picture of the `count` worst of each sort; the detector sees their images once more."""
    wrong, missed = found.counts()
    num_shown = len(found.wrong) + found.num_right
    return below_one_another(
        [
            _section(
                f"Wrong: {len(found.wrong)} of {num_shown} detections above {found.score_threshold:g}"
                f"{_listed(wrong)}",
                "The surest of them on the right of each pair, the truth on the left:",
                [_beside_truth(mistake, detector) for mistake in found.wrong[:count]],
            ),
            _section(
                f"Missed: {len(found.missed)} objects{_listed(missed)}",
                "The largest of them on the left of each pair, on the right what was found there:",
                [_beside_found(m, detector, found.score_threshold) for m in found.missed[:count]],
            ),
        ]
    )


def _listed(counts):
    return ": " + ", ".join(f"{count} {kind}" for kind, count in counts.most_common()) if counts else ""


def _section(title, explanation, pairs):
    sheet = in_rows(pairs, _COLUMNS) if pairs else np.zeros((0, 0, 3), np.uint8)
    # White below the last row keeps the sections apart; beside a lone pair it is room for the titles.
    missing = 2 * _COLUMNS * (_SIDE + GAP) - GAP - sheet.shape[1]
    sheet = np.pad(sheet, ((0, 4 * GAP), (0, missing), (0, 0)), constant_values=255)
    return titled(titled(sheet, explanation) if pairs else sheet, title)


def _beside_truth(mistake: Mistake, detector):
    """A wrong detection and all true objects around it."""
    record, image = mistake.record, mistake.record.read_image()
    wrong = detector(image)[[mistake.index]]
    boxes = _boxes_of(record)
    partner = [] if mistake.fault.partner is None else [boxes[mistake.fault.partner]]
    view = _View(image, np.stack([wrong.boxes[0], *partner]))
    truth = _draw_truth(view, record, range(len(boxes)), detector.labels)
    return _labelled(mistake, _captions(wrong)[0], truth, _draw_found(view, wrong))


def _beside_found(mistake: Mistake, detector, score_threshold):
    """A missed object and all that was found around it."""
    record, image = mistake.record, mistake.record.read_image()
    view = _View(image, _boxes_of(record)[[mistake.index]])
    truth = _draw_truth(view, record, [mistake.index], detector.labels)
    name = distinct_names(detector.labels)[record.classes[mistake.index]]
    return _labelled(mistake, name, truth, _draw_found(view, detector(image).above(score_threshold)))


def _labelled(mistake, what, left, right):
    return titled(in_rows([left, right], 2), f"{what}: {mistake.fault}")


def _boxes_of(record):
    """[n, 4] corners in pixels."""
    return record.boxes * np.array([record.width, record.height] * 2, np.float32)


def _draw_truth(view, record, indices, labels):
    names, ids = distinct_names(labels), list(labels)
    indices = list(indices)
    classes = record.classes[indices]
    captions = [
        f"{names[c]} (crowd)" if is_crowd else names[c]
        for c, is_crowd in zip(classes, record.is_crowd[indices], strict=True)
    ]
    windows = [(0, 0, record.mask(index)) for index in indices]
    return view.draw(_boxes_of(record)[indices], captions, windows, [color_of(ids[c]) for c in classes])


def _draw_found(view, found: Detections):
    colors = [color_of(int(class_id)) for class_id in found.class_ids]
    return view.draw(found.boxes, _captions(found), found.windows, colors)


def _captions(found):
    return [f"{n} {s:.2f}" for n, s in zip(found.class_names, found.mask_scores, strict=True)]


class _View:
    """A square part of an image around some boxes, enlarged to _SIDE pixels.

    boxes: [n, 4] corners in pixels of the image, one or more.
    """

    def __init__(self, image: np.ndarray, boxes: np.ndarray):
        low, high = boxes[:, :2].min(0), boxes[:, 2:].max(0)
        self.size = height, width = image.shape[:2]
        side = max(_SMALLEST, _CONTEXT * float((high - low).max()))
        side = round(min(side, max(height, width)))
        corner = (low + high) / 2 - side / 2
        # Inside the image where it is large enough, else beside white.
        self.x, self.y = (
            round(min(max(float(at), 0), max(whole - side, 0))) for at, whole in zip(corner, (width, height))
        )
        self.side = side
        self.picture = resize(self._cut(image, 255), (_SIDE, _SIDE))

    def draw(self, boxes, captions, windows, colors):
        """[_SIDE, _SIDE, 3] uint8 picture with those objects of the image that it shows."""
        placed = (boxes - np.array([self.x, self.y] * 2, np.float32)) * (_SIDE / self.side)
        inside = np.flatnonzero((placed[:, 2:] > 0).all(1) & (placed[:, :2] < _SIDE).all(1))
        places = ((np.arange(_SIDE) + 0.5) * self.side / _SIDE).astype(int)
        nearest = np.ix_(places, places)
        masks = [self._cut(place_window(*windows[i], self.size), False)[nearest] for i in inside]
        return draw_instances(
            self.picture,
            placed[inside],
            [captions[i] for i in inside],
            [(0, 0, mask) for mask in masks],
            [colors[i] for i in inside],
        )

    def _cut(self, pixels, filling):
        part = pixels[self.y : self.y + self.side, self.x : self.x + self.side]
        missing = [(0, self.side - part.shape[0]), (0, self.side - part.shape[1])]
        return np.pad(part, missing + [(0, 0)] * (pixels.ndim - 2), constant_values=filling)
