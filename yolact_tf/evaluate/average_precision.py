"""A detector over a split, image by image: its results and their COCO average precision."""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from yolact_tf.config import DataConfig
from yolact_tf.data.coco.turning import turn_annotation
from yolact_tf.data.load import load_data
from yolact_tf.data.record import Record
from yolact_tf.data.split import Split
from yolact_tf.data.unreadable import most_lost
from yolact_tf.detect.detections import Detections
from yolact_tf.evaluate.coco_numbers import Truth
from yolact_tf.evaluate.reference_ap import ReferenceAP
from yolact_tf.files import PathLike
from yolact_tf.images.orientation import undoing
from yolact_tf.structures import Progress

logger = logging.getLogger(__name__)
Observer = Callable[[Record, np.ndarray, Detections], None]
_LONGEST = 160  # characters of categories in a message


class ImageDetector(Protocol):
    """What finds objects in an image: a Detector, or one in a wrapper."""

    @property
    def labels(self) -> dict[int, str]:
        """Category id -> name."""

    def __call__(self, image: np.ndarray) -> Detections:
        """The Detections of [H, W, 3] uint8 RGB."""


def evaluate(
    detector: ImageDetector,
    data: PathLike | Split,
    split: str = "val",
    progress: Progress | None = None,
    reference_protocol: bool = False,
    observe: Observer | None = None,
    settings: DataConfig | None = None,
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """(metrics, results) of a detector on one split.

    data: a data folder, or what `load_data` made of one.  metrics: `bbox` and `segm` dicts of the twelve
    COCO numbers (fractions, -1 where COCO has none), `per_class` and `images`; masks are ranked by
    `mask_score` where results have it (YOLACT++).  results: COCO results, one dict a detection, in the
    pixels of the annotation file: where these are of an image as it is stored, results are as well.
    progress: called as progress(done, total) after each image, lost ones too.  reference_protocol: adds
    `reference` to the metrics, the numbers of the original's own evaluator (`ReferenceAP`).  observe:
    called for each image in turn as observe(record, image, detections).
    settings: as `load_data` has them. By `on_error`, an image that cannot be read by now is left out of all
    numbers, which a line of the log says ("skip"), or raises ("refuse"); `max_unreadable` is the share that
    may be left out so.
    The truth is what loading made of the annotations: what it leaves out does not count.
    """
    data = load_data(data, split, settings)
    truth = Truth(data.labels)
    reference = ReferenceAP(data.labels) if reference_protocol else None

    def collect(record: Record, image: np.ndarray, detections: Detections) -> None:
        truth.add(record)
        if reference:
            reference.add(detections, record)
        if observe:
            observe(record, image, detections)

    results = detect_split(detector, data, collect, progress, settings)
    metrics = truth.metrics(results)
    if reference:
        metrics["reference"] = reference.result()
    return metrics, results


def detect_split(
    detector: ImageDetector,
    data: Split,
    observe: Observer,
    progress: Progress | None = None,
    settings: DataConfig | None = None,
) -> list[dict[str, Any]]:
    """The results of a detector on a split, and all else as `evaluate` has it, but for metrics."""
    require_labels(detector.labels, data)
    results = []
    for record, image in _readable(data, settings or DataConfig(), progress):
        detections = detector(image)
        results += results_as_annotated(detections.to_coco(record.image_id), record)
        observe(record, image, detections)
    return results


def coco_metrics(data: Split, results: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """metrics.json of COCO `results` against the objects of `data`, as `load_data` gives it."""
    truth = Truth(data.labels)
    for record in data.records:
        truth.add(record)
    return truth.metrics(results)


def require_labels(labels: dict[int, str], data: Split) -> None:
    """ValueError unless `labels` of a model, category id -> name, are those of `data`."""
    if labels != data.labels:
        raise ValueError(
            f"{data.origin}: expected the model's categories {_short(labels, data.labels)}. "
            f"Received: {_short(data.labels, labels)}"
        )


def results_as_annotated(results: list[dict[str, Any]], record: Record) -> list[dict[str, Any]]:
    """COCO results of an upright image in the pixels of its annotation file."""
    if record.turned == 1:
        return results
    size = record.width, record.height
    return [turn_annotation(row, size, undoing(record.turned)) for row in results]


def _readable(
    data: Split, settings: DataConfig, progress: Progress | None
) -> Iterator[tuple[Record, np.ndarray]]:
    """(record, image) of each image that can be read, in turn; tells how many cannot, and the first."""
    num_lost, first = 0, None
    allowed = most_lost(settings.max_unreadable, data.num_images)
    for done, record in enumerate(data.records, 1):
        try:
            image = record.read_image()
        except (ValueError, OSError) as error:
            num_lost, first = num_lost + 1, first or error
            if settings.on_error == "refuse":
                raise
            if num_lost > allowed:
                raise type(error)(
                    f"{data.origin}: expected at most {allowed} of {data.num_images} images to be "
                    f"unreadable (`data.max_unreadable`). Received: {num_lost}, the first {first}"
                ) from None
        else:
            yield record, image
        if progress:
            progress(done, data.num_images)
    if first:
        logger.warning(
            "%s: left out %d of %d images, the first %s", data.origin, num_lost, data.num_images, first
        )


def _short(labels, others):
    """`labels` as text; of many, those that are none of `others`."""
    text = str(labels)
    if len(text) <= _LONGEST:
        return text
    differing = str({key: name for key, name in labels.items() if others.get(key) != name})
    shown = differing if len(differing) <= _LONGEST else f"{differing[:_LONGEST]}…"
    return f"{len(labels)}, among them {shown}"
