"""An artefact against the run that it came from: the largest difference of each output."""

import itertools
from dataclasses import dataclass, replace

import numpy as np
from pycocotools import mask as coco_mask

from yolact_tf.data.load import load_data
from yolact_tf.data.shapes import Options, draw_scene
from yolact_tf.detect.detections import Detections
from yolact_tf.detect.detector import Detector
from yolact_tf.masks import place_window

# Detections scoring less are not compared one by one: the order among near-ties at the end of the
# list says nothing about the artefact. A run that is less sure is compared on its better half.
COMPARED_SCORE = 0.1


@dataclass(frozen=True)
class Difference:
    """One row of the verification: how far an output strays and how far it may."""

    output: str
    largest: float
    tolerance: float

    @property
    def passes(self):
        """Whether the difference is within its tolerance; NaN is not."""
        return self.largest <= self.tolerance


def verify(artefact, run, images):
    """(differences, count): a list of `Difference`, worst over `images` ([H, W, 3] uint8 RGB each),
    for every signature, and how many detections were compared.

    Detections are matched by class and box, so that near-ties may change places.
    """
    reference = Detector(run)
    other = Detector.from_artefact(artefact)
    signatures = getattr(other.engine, "signatures", None)
    worst, compared = {}, 0
    for image in images:
        expected = reference(image)
        if getattr(other.engine, "ends_with_heads", False):
            expected = replace(expected, rescored=None)  # what follows the heads is the caller's
        compared += len(_compared(expected.scores))
        rows = compare(expected, other(image))
        if signatures:
            rows += _compare_bytes(expected, signatures, image)
            rows += _compare_raw(run, signatures, image)
        for row in rows:
            if row.output not in worst or not row.largest <= worst[row.output].largest:
                worst[row.output] = row
    return list(worst.values()), compared


def sample_images(data, count):
    """Images to verify on: of the validation split of folder `data`, or drawn where that is None."""
    if data is None:
        options = Options(height=256, width=256, min_objects=3, max_objects=8, seed=0)
        return [draw_scene(np.random.default_rng(number), options)[0] for number in range(count)]
    return [record.read_image() for record in itertools.islice(load_data(data, "val").records, count)]


def compare(expected: Detections, received: Detections):
    """Differences of two Detections of one image: missing ones, then scores, boxes and masks."""
    pairs, unmatched = _match(expected, received)
    height, width = expected.image_size
    scale = np.array([width, height, width, height])
    score = mask_score = box = mask = 0.0
    for i, j in pairs:
        score = max(score, abs(float(expected.scores[i] - received.scores[j])))
        mask_score = max(mask_score, abs(float(expected.mask_scores[i] - received.mask_scores[j])))
        box = max(box, float(np.abs((expected.boxes[i] - received.boxes[j]) / scale).max()))
        mask = max(mask, 1 - _mask_iou(expected.windows[i], received.windows[j], (height, width)))
    rows = [
        Difference("missing or extra detections", float(unmatched), 0),
        Difference("scores", score, 1e-3),
        Difference("boxes (of image size)", box, 1e-3),
        Difference("masks (1 - IoU)", mask, 0.02),
    ]
    if expected.rescored is not None:
        rows.append(Difference("mask scores", mask_score, 1e-3))
    return rows


def _compare_bytes(expected, signatures, image):
    """The signatures that take encoded images, given a PNG, which loses nothing."""
    import tensorflow as tf

    encoded = tf.io.encode_png(image)[None]
    rows = []
    for name, masks_name in (("serving_default", "masks_rle"), ("png", "masks_png_bytes")):
        found = {k: v.numpy()[0] for k, v in signatures[name](image_bytes=encoded).items()}
        count = int(found["num_detections"])
        size = expected.image_size
        masks = [_decode_mask(code, masks_name, size) for code in found[masks_name][:count]]
        worst = 0.0
        for i, j in _match(expected, _Plain(found, count))[0]:
            worst = max(worst, 1 - _mask_iou(expected.windows[i], (0, 0, masks[j]), size))
        rows.append(Difference(f"{name}: {masks_name} (1 - IoU)", worst, 0.02))
        unequal = float(not np.array_equal(found["image_size"], size))
        rows.append(Difference(f"{name}: image_size", unequal, 0))
    return rows


class _Plain:
    """The part of a Detections that matching looks at, from a signature's outputs."""

    def __init__(self, found, count):
        self.boxes, self.scores = found["boxes"][:count], found["scores"][:count]
        self.class_ids = found["classes"][:count]


def _decode_mask(code, name, size):
    if name == "masks_rle":
        return coco_mask.decode({"size": list(size), "counts": code}).astype(bool)
    import tensorflow as tf

    return tf.io.decode_png(code).numpy()[..., 0] > 0


def _compare_raw(run, signatures, image):
    import tensorflow as tf

    from yolact_tf.preprocess import resize_images

    expected = run.model(resize_images(image[None], run.config.data.image_size), training=False)
    received = signatures["raw"](images=tf.constant(image[None]))
    return [
        Difference(
            f"raw: {name} (relative)",
            float(np.abs(value - received[name]).max() / max(np.abs(value).max(), 1e-6)),
            1e-3,
        )
        for name, value in expected.items()
    ]


def _match(expected, received):
    """Pairs of detections of the same class and nearly the same box, and how many had no partner."""
    mine = _compared(expected.scores)
    line = float(expected.scores[mine].min()) if len(mine) else COMPARED_SCORE
    theirs = list(np.flatnonzero(received.scores > line * 0.98))
    pairs, unmatched = [], 0
    for i in mine:
        gaps = [
            np.abs(expected.boxes[i] - received.boxes[j]).max()
            if expected.class_ids[i] == received.class_ids[j]
            else np.inf
            for j in theirs
        ]
        if gaps and min(gaps) < 0.02 * max(expected.image_size):
            pairs.append((int(i), int(theirs.pop(int(np.argmin(gaps))))))
        else:
            unmatched += 1
    # What only the artefact found, clearly above the line that the run's own scores were cut at.
    extra = [j for j in theirs if received.scores[j] > line * 1.02]
    return pairs, unmatched + len(extra)


def _compared(scores):
    """Indices of the scores that are compared one by one."""
    return np.flatnonzero(scores > min(COMPARED_SCORE, 0.5 * max(scores, default=0)))


def _mask_iou(first, second, size):
    first, second = place_window(*first, size), place_window(*second, size)
    union = (first | second).sum()
    return (first & second).sum() / union if union else 1.0
