"""An artefact against the run that it came from: the largest difference of each output."""

import itertools
from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
import tensorflow as tf

from yolact_tf.data.load import load_data
from yolact_tf.data.synthetic.shapes import Options, draw_scene
from yolact_tf.detect.detections import Detections
from yolact_tf.detect.detector import Detector
from yolact_tf.export.signature_outputs import answers
from yolact_tf.files import PathLike
from yolact_tf.masks import place_window
from yolact_tf.preprocess import resize_images
from yolact_tf.runs import Run

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
    def passes(self) -> bool:
        """Whether the difference is within its tolerance; NaN is not."""
        return self.largest <= self.tolerance


def verify(artefact: PathLike, run: Run, images: Iterable[np.ndarray]) -> tuple[list[Difference], int]:
    """(differences, count): the `Difference` of each output of each signature, worst over `images`
    ([H, W, 3] uint8 RGB each), and how many detections were compared.

    Detections are matched by class and box, so that near-ties may change places. Images in which the
    run finds nothing prove nothing: where it finds nothing in any, that is a difference that fails.
    """
    return differences(Detector(run), Detector.from_artefact(artefact), run, images)


def differences(
    reference: Detector, detector: Detector, run: Run, images: Iterable[np.ndarray]
) -> tuple[list[Difference], int]:
    """`verify` of a detector on an artefact against the detector on its run."""
    signatures = getattr(detector.engine, "signatures", None)
    worst: dict[str, Difference] = {}
    compared = 0
    for image in images:
        expected = reference(image)
        # Below it, encoded answers end; slots that the threshold did not fill are for AP alone.
        expected = expected[expected.scores > run.config.detect.score_threshold]
        if getattr(detector.engine, "ends_with_heads", False):
            expected = replace(expected, rescored=None)  # what follows the heads is the caller's
        compared += len(_compared(expected.scores))
        rows = [
            replace(row, output=f"{name}: {row.output}")
            for name, received in answers(detector.engine, image).items()
            for row in compare(expected, received)
        ]
        if signatures:
            rows += _compare_raw(run, signatures, image)
        for row in rows:
            worst[row.output] = max(worst.get(row.output, row), row, key=_gravity)
    if not compared:
        worst["nothing"] = Difference("nothing to compare: the run finds no objects", np.nan, 0)
    return list(worst.values()), compared


def sample_images(data: PathLike | None, count: int) -> list[np.ndarray]:
    """Images to verify on: of the validation split of folder `data`, or drawn where that is None."""
    if data is None:
        options = Options(height=256, width=256, min_objects=3, max_objects=8, seed=0)
        return [draw_scene(np.random.default_rng(number), options)[0] for number in range(count)]
    return [record.read_image() for record in itertools.islice(load_data(data, "val").records, count)]


def compare(expected: Detections, received: Detections) -> list[Difference]:
    """Differences of two Detections of one image: missing ones, then what they say of the others."""
    mine, theirs, unmatched = _match(expected, received)
    size = expected.image_size
    first, second = expected[mine], received[theirs]
    boxes = (first.boxes - second.boxes) / np.tile(size[::-1], 2)
    ious = [_mask_iou(*windows, size) for windows in zip(first.windows, second.windows, strict=True)]
    names = [a != b for a, b in zip(first.class_names, second.class_names, strict=True)]
    rows = [
        Difference("missing or extra detections", float(unmatched), 0),
        Difference("scores", _largest(first.scores - second.scores), 1e-3),
        Difference("boxes (of image size)", _largest(boxes), 1e-3),
        Difference("masks (1 - IoU)", _largest(1 - np.array(ious)), 0.02),
        Difference("class names", float(sum(names)), 0),
        Difference("image size", _largest(np.subtract(size, received.image_size)), 0),
    ]
    if expected.rescored is not None:
        rows.append(Difference("mask scores", _largest(first.mask_scores - second.mask_scores), 1e-3))
    return rows


def _compare_raw(run, signatures, image):
    expected = run.model(resize_images(image[None], run.config.data.image_size), training=False)
    received = {name: x.numpy() for name, x in signatures["raw"](images=tf.constant(image[None])).items()}
    return [
        Difference(f"raw: {name} (relative)", _relative(np.asarray(value), received.get(name)), 1e-3)
        for name, value in expected.items()
    ]


def _relative(expected, received):
    """The largest difference as a share of the largest value; infinite where shapes differ."""
    if received is None or received.shape != expected.shape:
        return np.inf
    return _largest(expected - received) / max(_largest(expected), 1e-6)


def _largest(values):
    """The largest magnitude, NaN where one is NaN, 0 where there are none."""
    return float(np.max(np.abs(values), initial=0))


def _gravity(row):
    return np.inf if np.isnan(row.largest) else row.largest


def _match(expected, received):
    """Indices of pairs of the same class and nearly the same box, and how many had no partner."""
    mine = _compared(expected.scores)
    line = float(expected.scores[mine].min()) if len(mine) else COMPARED_SCORE
    is_free = received.scores > line * 0.98
    pairs = []
    for i in mine:
        gaps = np.abs(received.boxes - expected.boxes[i]).max(1)
        is_partner = is_free & (received.class_ids == expected.class_ids[i])
        is_partner &= gaps < 0.02 * max(expected.image_size)  # NaN is not
        if is_partner.any():
            j = int(np.where(is_partner, gaps, np.inf).argmin())
            is_free[j] = False
            pairs.append((int(i), j))
    # What only the artefact found, clearly above the line that the run's own scores were cut at, or
    # without a score.
    is_extra = is_free & (received.scores > line * 1.02) | ~(received.scores > 0)
    pairs = np.array(pairs, int).reshape(-1, 2)
    return pairs[:, 0], pairs[:, 1], len(mine) - len(pairs) + int(is_extra.sum())


def _compared(scores):
    """Indices of the scores that are compared one by one."""
    return np.flatnonzero(scores > min(COMPARED_SCORE, 0.5 * max(scores, default=0)))


def _mask_iou(first, second, size):
    first, second = place_window(*first, size), place_window(*second, size)
    union = (first | second).sum()
    return (first & second).sum() / union if union else 1.0
