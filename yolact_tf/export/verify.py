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
from yolact_tf.mask_windows import place_window
from yolact_tf.preprocess import resize_images
from yolact_tf.runs import Run

# Detections scoring less need not all be there: which of near-ties at the end of the list stay says
# nothing about the artefact. A run that is less sure is compared one by one on its better half.
COMPARED_SCORE = 0.1
SCORE_TOLERANCE = BOX_TOLERANCE = 1e-3
MASK_TOLERANCE = 0.02
FAINT_SHARE = 0.1  # of the detections below, how many may differ


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
        detect = run.config.detect
        expected = expected[expected.scores > detect.score_threshold]
        # A full list ends where its slots do.
        is_full = len(expected) == detect.max_detections
        floor = expected.scores.min() if is_full else detect.score_threshold
        if getattr(detector.engine, "ends_with_heads", False):
            expected = replace(expected, rescored=None)  # what follows the heads is the caller's
        compared += len(_compared(expected.scores))
        rows = [
            replace(row, output=f"{name}: {row.output}")
            for name, received in answers(detector.engine, image).items()
            for row in compare(expected, received, floor)
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


def compare(expected: Detections, received: Detections, floor: float = 0) -> list[Difference]:
    """Differences of two Detections of one image: missing ones, then what they say of the others.

    floor: the score down to which `expected` lists all that was found.
    """
    mine, theirs, unmatched = _match(expected, received)
    size = expected.image_size
    first, second = expected[mine], received[theirs]
    boxes = (first.boxes - second.boxes) / np.tile(size[::-1], 2)
    ious = [_mask_iou(*windows, size) for windows in zip(first.windows, second.windows, strict=True)]
    names = [a != b for a, b in zip(first.class_names, second.class_names, strict=True)]
    strays = _faint_share(expected, received, theirs, floor)
    rows = [
        Difference("missing or extra detections", float(unmatched), 0),
        Difference("detections that are not finite", float((~_is_finite(received)).sum()), 0),
        Difference("fainter detections (share)", strays, FAINT_SHARE),
        Difference("scores", _largest(first.scores - second.scores), SCORE_TOLERANCE),
        Difference("boxes (of image size)", _largest(boxes), BOX_TOLERANCE),
        Difference("masks (1 - IoU)", _largest(1 - np.array(ious)), MASK_TOLERANCE),
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


def _is_finite(found):
    """[n] bool: whether all numbers of a detection are finite."""
    values = (found.boxes, found.scores, found.mask_scores, found.mask_probabilities)
    return np.all([np.isfinite(x).all(axis=tuple(range(1, x.ndim))) for x in values], axis=0)


def _faint_share(expected, received, theirs, floor):
    """The share of detections too faint for `_match`, `theirs` of `received`, that only one side has."""
    mine = expected[np.setdiff1d(np.arange(len(expected)), _compared(expected.scores))]
    others = received[np.setdiff1d(np.flatnonzero(_is_finite(received)), theirs)]
    # Whether those at the floor are there is left to rounding.
    is_missing, is_extra = (scores > floor + SCORE_TOLERANCE for scores in (mine.scores, others.scores))
    is_extra &= others.scores <= max(mine.scores, default=0) + SCORE_TOLERANCE
    for i, j in _twins(mine, others):
        is_missing[i] = is_extra[j] = False
    # One in a short list says as little.
    return float(max(is_missing.sum(), is_extra.sum())) / max(len(mine), 1 / FAINT_SHARE)


def _twins(first, second):
    """Yields the indices of pairs that are the same within the tolerances, each index once."""
    is_free = np.ones(len(second), bool)
    for i in range(len(first)):
        gaps = np.abs((second.boxes - first.boxes[i]) / np.tile(first.image_size[::-1], 2)).max(1)
        is_twin = is_free & (second.class_ids == first.class_ids[i]) & (gaps <= BOX_TOLERANCE)
        is_twin &= np.abs(second.scores - first.scores[i]) <= SCORE_TOLERANCE
        if is_twin.any():
            j = int(is_twin.argmax())
            iou = _mask_iou(first.windows[i], second.windows[j], first.image_size)
            if 1 - iou <= MASK_TOLERANCE:
                is_free[j] = False
                yield i, j


def _compared(scores):
    """Indices of the scores that are compared one by one."""
    return np.flatnonzero(scores > min(COMPARED_SCORE, 0.5 * max(scores, default=0)))


def _mask_iou(first, second, size):
    first, second = place_window(*first, size), place_window(*second, size)
    union = (first | second).sum()
    return (first & second).sum() / union if union else 1.0
