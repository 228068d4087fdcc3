"""The same images through a run and its artefact: what each output of each signature strays."""

import itertools
from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from yolact_tf.data.load import load_data
from yolact_tf.data.synthetic.shapes import Options, draw_scene
from yolact_tf.detect.detections import Detections
from yolact_tf.detect.detector import Detector
from yolact_tf.export.signature_outputs import answers
from yolact_tf.export.verify.difference import Difference, Limit
from yolact_tf.export.verify.inside import open_inside
from yolact_tf.export.verify.matching import (
    FAINT_SHARE,
    compared,
    faint_share,
    is_finite,
    mask_changes,
    match,
)
from yolact_tf.export.verify.network import compare_network
from yolact_tf.export.verify.reference import Reference
from yolact_tf.export.verify.tolerances import FLOAT32, Tolerances, tolerances_of
from yolact_tf.files import PathLike
from yolact_tf.runs import Run

_EXACT = Limit(0)


def verify(
    artefact: PathLike, run: Run, images: Iterable[np.ndarray], accelerator: str = "cpu"
) -> tuple[list[Difference], int]:
    """(differences, count): the `Difference` of each output of each signature over `images`
    ([H, W, 3] uint8 RGB each), and how many detections were compared.

    accelerator: of a `.tflite`, as `Detector.from_artefact` has it.
    Detections are matched by class and box, so that near-ties may change places. Images in which the run
    finds nothing prove nothing of what follows the network. Where it finds nothing in any, and what the
    network inside the artefact says cannot be read either, that is a difference that fails.
    """
    return differences(Reference(run), Detector.from_artefact(artefact, accelerator=accelerator), images)


def differences(
    reference: Reference, detector: Detector, images: Iterable[np.ndarray]
) -> tuple[list[Difference], int]:
    """`verify` of a detector on an artefact against its run."""
    engine, run = detector.engine, reference.run
    tolerances = tolerances_of(engine.precision, engine.accelerator)
    look_inside = open_inside(engine)
    found = {"labels": Difference.of("labels", detector.labels != run.labels, _EXACT)}
    count = 0
    for image in images:
        expected, floor = _expected(reference, engine, image)
        count += len(compared(expected.scores))
        rows = [
            row.named(f"{name}: {row.output}")
            for name, received in answers(engine, image).items()
            for row in compare(_as_told(expected, received), received, floor, tolerances)
        ]
        if look_inside:
            rows += compare_network(run, image, look_inside(image), look_inside.has_detections, tolerances)
        for row in rows:
            found[row.output] = found[row.output] + row if row.output in found else row
    if not count and not any(name.startswith("raw: ") for name in found):
        found["nothing"] = Difference.failed("nothing to compare: the run finds no objects")
    return list(found.values()), count


def sample_images(data: PathLike | None, count: int) -> list[np.ndarray]:
    """Images to verify on: of the validation split of folder `data`, or drawn where that is None."""
    if data is None:
        options = Options(height=256, width=256, min_objects=3, max_objects=8, seed=0)
        return [draw_scene(np.random.default_rng(number), options)[0] for number in range(count)]
    return [record.read_image() for record in itertools.islice(load_data(data, "val").records, count)]


def compare(
    expected: Detections, received: Detections, floor: float = 0, tolerances: Tolerances = FLOAT32
) -> list[Difference]:
    """Differences of two Detections of one image: missing ones, then what they say of the others.

    floor: the score down to which `expected` lists all that was found.
    """
    mine, theirs, unmatched = match(expected, received, tolerances.slack)
    first, second = expected[mine], received[theirs]
    boxes = (first.boxes - second.boxes) / np.tile(expected.image_size[::-1], 2)
    names = [a != b for a, b in zip(first.class_names, second.class_names, strict=True)]
    sizes = np.subtract(expected.image_size, received.image_size)
    rows = [
        Difference.of(
            "missing or extra detections", [*[0.0] * len(mine), *[1.0] * unmatched], tolerances.detections
        ),
        Difference.of("detections that are not finite", ~is_finite(received), _EXACT),
        Difference.of("scores", first.scores - second.scores, tolerances.scores),
        Difference.of("boxes (of image size)", boxes, tolerances.boxes),
        _of_masks(first, second, tolerances),
        Difference.of("class names", names, _EXACT),
        Difference.of("image size", sizes, _EXACT),
    ]
    if tolerances.ranks_alike:
        within = (tolerances.scores.largest, tolerances.boxes.largest, tolerances.masks.largest)
        strays = faint_share(expected, received, theirs, floor, within)
        rows.insert(2, Difference.of("fainter detections (share)", strays, Limit(FAINT_SHARE)))
    if expected.rescored is not None:
        rows.append(Difference.of("mask scores", first.mask_scores - second.mask_scores, tolerances.scores))
    return rows


def _expected(reference, engine, image):
    """What the run finds, and the score down to which that is all there is."""
    expected, detect = reference.found(image), reference.run.config.detect
    # A full list ends where its slots do.
    is_full = len(expected) == detect.max_detections
    floor = expected.scores.min() if is_full else detect.score_threshold
    if getattr(engine, "ends_with_heads", False):
        expected = replace(expected, rescored=None)  # what follows the heads is the caller's
    return expected, floor


def _as_told(expected, received):
    """`expected` with masks of probabilities alone, where `received` has no more to enlarge."""
    if received.given_windows is None and received.prototypes is None:
        return replace(expected, prototypes=None)
    return expected


def _of_masks(first, second, tolerances):
    changes, pixels = mask_changes(first, second)
    return Difference.of("masks (1 - IoU; mean: pixels changed)", changes, tolerances.masks, pixels)
