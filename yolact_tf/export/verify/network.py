"""The network inside an artefact, its anchors and its category ids against those of the run."""

import numpy as np

from yolact_tf.boxes import decode
from yolact_tf.export.verify.difference import Difference, Limit
from yolact_tf.export.verify.inside import Candidates
from yolact_tf.export.verify.tolerances import Tolerances
from yolact_tf.preprocess import resize_images
from yolact_tf.runs import Run


def compare_network(
    run: Run, image: np.ndarray, candidates: Candidates, has_detections: bool, tolerances: Tolerances
) -> list[Difference]:
    """Differences of the Predictions for `image`, as shares of the largest value of each.

    has_detections: whether the boxes of all anchors and the category ids are there as well, of which
    detections show but a few.
    """
    resized = resize_images(image[None], *run.model.input_shape[2:])
    expected = {name: np.asarray(x) for name, x in run.model(resized, training=False).items()}
    if has_detections:
        expected.pop("semantic_logits", None)  # detections do not need them
    rows = [_closest(name, value, candidates, tolerances.network) for name, value in expected.items()]
    if has_detections:
        boxes = np.asarray(decode(expected["box_deltas"], run.model.anchors))
        # The last is for slots without a detection.
        category_ids = np.array([*run.labels, -1], "int32")
        rows += [
            _closest("boxes of all anchors", boxes, candidates, tolerances.anchors),
            _closest("category ids", category_ids, candidates, Limit(0)),
        ]
    return rows


def _closest(name, expected, candidates, limit):
    """The row of the candidate that is most like the expected value."""
    is_exact = expected.dtype.kind == "i"
    output = f"raw: {name}" if is_exact else f"raw: {name} (relative)"
    scale = 1 if is_exact else max(np.max(np.abs(expected), initial=0), 1e-6)
    rows = [
        Difference.of(output, (expected - found) / scale, limit)
        for found in candidates(name, expected)
        if found.shape == expected.shape
    ]
    return min(rows, key=lambda row: np.nan_to_num(row.mean, nan=np.inf), default=Difference.failed(output))
