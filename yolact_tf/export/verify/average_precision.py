"""The AP that a run loses as an artefact."""

from yolact_tf.detect.detector import Detector
from yolact_tf.evaluate import evaluate
from yolact_tf.export.verify.difference import Difference
from yolact_tf.export.verify.tolerances import tolerances_of
from yolact_tf.files import PathLike
from yolact_tf.structures import Progress

_NAMES = {"bbox": "box", "segm": "mask"}
AveragePrecision = dict[str, tuple[float, float]]  # "box", "mask" -> AP of the run, AP of the artefact


def compare_precision(
    reference: Detector, detector: Detector, data: PathLike, progress: Progress | None = None
) -> tuple[AveragePrecision, list[Difference]]:
    """The AP of both on the validation split of `data`, and what of it the artefact loses.

    Where an artefact does better by chance, that is no fault.
    """
    of_run, of_artefact = (evaluate(of, data, progress=progress)[0] for of in (reference, detector))
    found = {name: (of_run[kind]["AP"], of_artefact[kind]["AP"]) for kind, name in _NAMES.items()}
    limit = tolerances_of(detector.engine.precision, detector.engine.accelerator).lost_ap
    lost = [Difference.of(f"{name} AP lost", max(0.0, a - b), limit) for name, (a, b) in found.items()]
    return found, lost
