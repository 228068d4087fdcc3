"""All that is asked of an artefact on one accelerator, and what it must pass before it gets its name."""

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from yolact_tf.detect.detector import Detector
from yolact_tf.detect.engines import MissingGpu, read_metadata
from yolact_tf.export.verify.artefact import differences
from yolact_tf.export.verify.average_precision import AveragePrecision, compare_precision
from yolact_tf.export.verify.difference import Difference, Limit
from yolact_tf.export.verify.operations import FOREIGN, count_operations
from yolact_tf.export.verify.reference import Reference
from yolact_tf.files import PathLike
from yolact_tf.runs import Run
from yolact_tf.structures import Progress

_IMAGES_ON_GPU = 2  # of an export: a software GPU takes seconds for each


class BeyondTolerance(ArithmeticError):
    """An artefact strays from its run."""


@dataclass(frozen=True)
class Verification:
    """What came of comparing an artefact with its run."""

    accelerator: str
    differences: Sequence[Difference]
    num_images: int
    num_detections: int  # that were compared one by one
    operations: dict[str, int]  # by where they run
    average_precision: AveragePrecision | None = None

    @property
    def passes(self) -> bool:
        """Whether no difference is beyond its tolerance."""
        return all(row.passes for row in self.differences)


def verification(
    artefact: PathLike,
    reference: Reference,
    images: Sequence[np.ndarray],
    accelerator: str = "cpu",
    data: PathLike | None = None,
    progress: Progress | None = None,
) -> Verification:
    """The artefact on `accelerator`, as `Detector.from_artefact` has it, against its run.

    data: whose validation split the AP is taken of, where given and where nothing fails that must be equal;
    `progress` is told of each image of it.
    """
    detector = Detector.from_artefact(artefact, accelerator=accelerator)
    rows, count = differences(reference, detector, images)
    operations = count_operations(artefact, accelerator)
    rows.append(
        Difference.of("operations of Flex and custom ones", [operations[name] for name in FOREIGN], Limit(0))
    )
    precision = None
    # What answers with ids that the data lack has no AP.
    if data is not None and all(row.passes for row in rows if row.limit == Limit(0)):
        precision, lost = compare_precision(reference.detector, detector, data, progress)
        rows += lost
    return Verification(accelerator, rows, len(images), count, operations, precision)


def require_verified(
    artefact: Path, run: Run, images: Sequence[np.ndarray], tell: Callable[[Verification], None]
) -> None:
    """BeyondTolerance unless the artefact answers `images` as the run does, on a GPU too where one is.

    tell: gets each verification, also the one that fails.
    """
    for found in _of_release(artefact, Reference(run), images):
        tell(found)
        if not found.passes:
            failed = ", ".join(row.output for row in found.differences if not row.passes)
            raise BeyondTolerance(
                f"Expected an artefact that answers as the run does. Beyond tolerance ({found.accelerator}): "
                f"{failed}. Nothing was written"
            )


def _of_release(artefact, reference, images) -> Iterator[Verification]:
    yield verification(artefact, reference, images)
    if artefact.suffix != ".tflite" or read_metadata(artefact).get("cpu_only_because"):
        return
    # Without detections nothing shows what a GPU computes.
    shown = list(itertools.islice((x for x in images if len(reference.found(x))), _IMAGES_ON_GPU))
    if not shown:
        return
    try:
        yield verification(artefact, reference, shown, "gpu")
    except MissingGpu:
        return
    except ValueError as refusal:
        yield Verification("gpu", [Difference.failed(str(refusal))], 0, 0, {})
