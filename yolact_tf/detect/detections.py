"""Detections of one image in its own pixels; masks are worked out when asked for."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Self

import contourpy
import numpy as np
from pycocotools import mask as coco_mask

from yolact_tf.detect.thresholds import threshold_of_each
from yolact_tf.draw.instances import draw_instances
from yolact_tf.mask_windows import place_window, upsample_to_image


@dataclass(frozen=True, eq=False)
class Detections:
    """Objects found in one image, best first.

    Unclipped slots, padding and network coordinates are gone: everything is in pixels of the image
    that was given. `len(detections)` is n; indexing by a slice, index array or bool mask selects.
    """

    image_size: tuple[int, int]  # height, width
    boxes: np.ndarray  # [n, 4] float32 corners in pixels, inside the image
    scores: np.ndarray  # [n] float32
    class_ids: np.ndarray  # [n] int, category ids of the data set
    class_names: tuple[str, ...]
    mask_probabilities: np.ndarray  # [n, Hp, Wp] float32, cropped to the boxes
    prototypes: np.ndarray | None = None  # [Hp, Wp, K]; None where an artefact does not tell
    coefficients: np.ndarray | None = None  # [n, K]
    rescored: np.ndarray | None = None  # [n] score times estimated mask IoU; YOLACT++ only
    # n masks as (y, x, [h, w] bool array) where they are known in pixels; `mask_probabilities` then is empty
    given_windows: tuple[tuple[int, int, np.ndarray], ...] | None = None
    track_ids: np.ndarray | None = None  # [n] int, the same for one object in all frames; -1: of no track yet

    def __len__(self) -> int:
        return len(self.scores)

    def __getitem__(self, index: int | slice | np.ndarray) -> Self:
        indices = np.atleast_1d(np.arange(len(self))[index])
        return replace(
            self,
            boxes=self.boxes[indices],
            scores=self.scores[indices],
            class_ids=self.class_ids[indices],
            class_names=tuple(self.class_names[i] for i in indices),
            mask_probabilities=self.mask_probabilities[indices],
            coefficients=None if self.coefficients is None else self.coefficients[indices],
            rescored=None if self.rescored is None else self.rescored[indices],
            given_windows=None
            if self.given_windows is None
            else tuple(self.given_windows[i] for i in indices),
            track_ids=None if self.track_ids is None else self.track_ids[indices],
        )

    @property
    def mask_scores(self) -> np.ndarray:
        """[n] float32: what mask AP ranks by. The scores, rescored where the model is a YOLACT++."""
        return self.scores if self.rescored is None else self.rescored

    def above(
        self,
        score_threshold: float | Mapping[int, float] | Mapping[str, float],
        top_k: int | None = None,
    ) -> Self:
        """What scores more than `score_threshold` as box and as mask: the `top_k` best masks.

        score_threshold: a number, or one by category id or class name, such as `read_thresholds` reads.
        """
        thresholds = threshold_of_each(score_threshold, self.class_ids, self.class_names)
        best_first = np.argsort(-self.mask_scores, kind="stable")
        is_shown = np.minimum(self.scores, self.mask_scores) > thresholds
        return self[best_first[is_shown[best_first]][:top_k]]

    @cached_property
    def windows(self) -> list[tuple[int, int, np.ndarray]]:
        """Masks as n (y, x, [h, w] bool array): the part of the image that can hold each."""
        if self.given_windows is not None:
            return list(self.given_windows)
        height, width = self.image_size
        relative = self.boxes / np.array([width, height, width, height], np.float32)
        return [
            upsample_to_image(mask, box, self.image_size)
            for mask, box in zip(self.mask_probabilities, relative, strict=True)
        ]

    @cached_property
    def masks(self) -> np.ndarray:
        """[n, H, W] bool at the size of the image."""
        masks = np.empty((len(self), *self.image_size), bool)
        for mask, window in zip(masks, self.windows, strict=True):
            mask[:] = place_window(*window, self.image_size)
        return masks

    @cached_property
    def rle(self) -> list[dict[str, Any]]:
        """n COCO compressed RLE dicts, `size` [H, W] and ASCII `counts`."""
        encoded = []
        for window in self.windows:
            rle = coco_mask.encode(place_window(*window, self.image_size, order="F"))
            encoded.append({"size": list(self.image_size), "counts": rle["counts"].decode("ascii")})
        return encoded

    @cached_property
    def polygons(self) -> list[list[np.ndarray]]:
        """n lists of outlines, each [m, 2] float x, y in pixels; holes are outlines of their own."""
        outlines = []
        for y, x, window in self.windows:
            padded = np.pad(window, 1).astype(np.float32)
            lines = contourpy.contour_generator(z=padded).lines(0.5)
            outlines.append([line[:-1] + np.array([x - 0.5, y - 0.5]) for line in lines])
        return outlines

    def to_coco(self, image_id: int | str) -> list[dict[str, Any]]:
        """COCO results: one dict a detection, boxes as xywh pixels; `mask_score` where rescored."""
        x1, y1, x2, y2 = self.boxes.T.astype(float)
        boxes = np.stack([x1, y1, x2 - x1, y2 - y1], 1).round(3).tolist()
        rows = [
            {
                "image_id": image_id,
                "category_id": int(class_id),
                "bbox": box,
                "score": round(float(score), 6),
                "segmentation": rle,
            }
            for class_id, box, score, rle in zip(self.class_ids, boxes, self.scores, self.rle, strict=True)
        ]
        return self._with_mask_scores(rows)

    def to_json(self) -> str:
        """JSON text: a list of {class, class_id, score, box [x1, y1, x2, y2], mask (RLE)}, and
        `mask_score` where rescored."""
        rows = [
            {
                "class": name,
                "class_id": int(class_id),
                "score": round(float(score), 6),
                "box": [round(float(v), 3) for v in box],
                "mask": rle,
            }
            for name, class_id, score, box, rle in zip(
                self.class_names, self.class_ids, self.scores, self.boxes, self.rle, strict=True
            )
        ]
        return json.dumps(self._with_mask_scores(rows))

    def to_supervision(self) -> Any:
        """The same as `supervision.Detections`. ImportError where that package is missing."""
        try:
            import supervision
        except ImportError:
            raise ImportError(
                "to_supervision needs the package supervision: pip install supervision"
            ) from None
        return supervision.Detections(
            xyxy=self.boxes.astype(np.float32),
            mask=self.masks,
            confidence=self.scores,
            class_id=self.class_ids.astype(int),
            data={"class_name": np.array(self.class_names)},
        )

    def draw(self, image: np.ndarray) -> np.ndarray:
        """A copy of `image` [H, W, 3] uint8 with masks, boxes, names and scores."""
        captions = [f"{n} {s:.2f}" for n, s in zip(self.class_names, self.mask_scores, strict=True)]
        return draw_instances(image, self.boxes, captions, self.windows)

    def _with_mask_scores(self, rows):
        """`rows`, each with its `mask_score` where a YOLACT++ rescored it."""
        if self.rescored is None:
            return rows
        return [
            {**row, "mask_score": round(float(score), 6)}
            for row, score in zip(rows, self.rescored, strict=True)
        ]
