"""Detections of one image in its own pixels; masks are worked out when asked for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from numbers import Integral
from typing import Any, Self

import numpy as np

from yolact_tf import mask_windows
from yolact_tf.detect.one_class_each import best_of_each
from yolact_tf.detect.polygons import Polygon, polygons_of
from yolact_tf.detect.result_formats import coco_results, json_text, supervision_detections
from yolact_tf.detect.thresholds import threshold_of_each
from yolact_tf.draw.instances import color_of, draw_instances
from yolact_tf.mask_windows import Window
from yolact_tf.rle import compressed_rle

# Arrays with a row for each detection, as far as they are known.
_ROWS = ("boxes", "scores", "class_ids", "mask_probabilities", "coefficients", "rescored", "track_ids")


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
    # n masks as (y, x, [h, w] bool array), where pixels are known; `mask_probabilities` then says nothing
    given_windows: tuple[Window, ...] | None = None
    track_ids: np.ndarray | None = None  # [n] int, the same for one object in all frames; -1: of no track yet
    mask_upsampling: str = "probabilities"  # what is enlarged to the image: these, or "logits"

    def __len__(self) -> int:
        return len(self.scores)

    def __getitem__(self, index: int | slice | np.ndarray) -> Self:
        indices = np.atleast_1d(np.arange(len(self))[index])
        rows = {name: getattr(self, name) for name in _ROWS}
        chosen = {name: values[indices] for name, values in rows.items() if values is not None}
        names = tuple(self.class_names[i] for i in indices)
        given = None if self.given_windows is None else tuple(self.given_windows[i] for i in indices)
        return replace(self, **chosen, class_names=names, given_windows=given)

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
        best_first = self._best_first()
        is_shown = np.minimum(self.scores, self.mask_scores) > thresholds
        return self[best_first[is_shown[best_first]][:top_k]]

    def of_classes(self, *classes: int | str) -> Self:
        """What is of one of `classes`, each a category id or a name."""
        for wanted in classes:
            if not isinstance(wanted, (Integral, str)):
                raise ValueError(f"Expected classes as category ids or names. Received: {wanted!r}")
        pairs = zip(self.class_ids.tolist(), self.class_names, strict=True)
        return self[np.array([bool({*pair}.intersection(classes)) for pair in pairs], bool)]

    def of_area(self, least: float = 0, most: float = np.inf) -> Self:
        """What covers `least` to `most` pixels of the image, both included."""
        return self._with_windows(self.windows)[(self.areas >= least) & (self.areas <= most)]

    def one_class_each(self) -> Self:
        """The best of detections that are of one object: boxes and masks overlap by an IoU above 0.5.

        Fast NMS compares within classes alone, so that a model which hesitates between two tells both.
        """
        best_first = self._best_first().tolist()
        return self[np.array(best_of_each(self.boxes, lambda: self.windows, best_first), int)]

    def disjoint(self) -> Self:
        """The same with each pixel in one mask at most: of several that hold it, the best keeps it.

        Boxes stay as they are, and so do rows of masks of which nothing is left.
        """
        return self._with_windows(mask_windows.disjoint(self.windows, self._best_first(), self.image_size))

    def resized(self, image_size: tuple[int, int]) -> Self:
        """The same in pixels of the image at another size (height, width)."""
        factor = np.divide(image_size[::-1], self.image_size[::-1])
        boxes = (self.boxes * np.tile(factor, 2)).astype(np.float32)
        given = self.given_windows
        if given is not None:
            given = tuple(mask_windows.scaled(*window, self.image_size, image_size) for window in given)
        return replace(self, image_size=image_size, boxes=boxes, given_windows=given)

    @cached_property
    def windows(self) -> list[Window]:
        """Masks as n (y, x, [h, w] bool array): the part of the image that can hold each."""
        if self.given_windows is not None:
            return list(self.given_windows)
        height, width = size = self.image_size
        boxes = self.boxes / np.array([width, height, width, height], np.float32)
        if self.mask_upsampling == "logits":
            logits, is_cropped = self._mask_logits()
            return [mask_windows.upsample_logits(x, box, size, is_cropped) for x, box in zip(logits, boxes)]
        return [
            mask_windows.upsample_to_image(mask, box, size)
            for mask, box in zip(self.mask_probabilities, boxes, strict=True)
        ]

    @cached_property
    def masks(self) -> np.ndarray:
        """[n, H, W] bool at the size of the image."""
        masks = np.empty((len(self), *self.image_size), bool)
        for mask, window in zip(masks, self.windows, strict=True):
            mask[:] = mask_windows.place_window(*window, self.image_size)
        return masks

    @cached_property
    def areas(self) -> np.ndarray:
        """[n] int: pixels of each mask."""
        return np.array([np.count_nonzero(window) for _, _, window in self.windows], int)

    @cached_property
    def rle(self) -> list[dict[str, Any]]:
        """n COCO compressed RLE dicts, `size` [H, W] and ASCII `counts`."""
        size = self.image_size
        return [compressed_rle(mask_windows.run_lengths(*window, size), size) for window in self.windows]

    @cached_property
    def polygons(self) -> list[list[Polygon]]:
        """n lists of the connected parts of each mask, as Polygon(outline, holes), [m, 2] x, y in pixels."""
        return [polygons_of(window) for window in self.windows]

    def to_coco(self, image_id: int | str) -> list[dict[str, Any]]:
        """COCO results: one dict a detection, boxes as xywh pixels; `mask_score` where rescored, `track_id`
        where tracked."""
        return coco_results(self, image_id)

    def to_json(self) -> str:
        """JSON text: a list of {class, class_id, score, box [x1, y1, x2, y2], mask (RLE)}, and
        `mask_score` where rescored, `track_id` where tracked."""
        return json_text(self)

    def to_supervision(self, compact: bool = False) -> Any:
        """The same as `supervision.Detections`. ImportError where that package is missing.

        compact: masks as its CompactMask, for large images of many objects.
        """
        return supervision_detections(self, compact)

    def to_yolo(self, labels: Mapping[int, str]) -> str:
        """The text of a YOLO-seg label file: a line `class x1 y1 x2 y2 …` an object, in shares of the image.

        labels: category id -> name of all classes, such as `detector.labels`; a class's place among them is
        its number.  Parts and holes of a mask are tied into one outline by seams of no width.
        """
        from yolact_tf.detect.annotations import yolo_text  # which imports TensorFlow

        return yolo_text(self, labels)

    def to_labelme(self, image_name: str) -> str:
        """The text of a labelme JSON file: polygons, those of one object in a group, for a file beside the
        image of that name. Holes hang on their outline by seams of no width."""
        from yolact_tf.detect.annotations import labelme_text

        return labelme_text(self, image_name)

    def cutouts(self, image: np.ndarray) -> list[np.ndarray]:
        """n pictures [h, w, 4] uint8 RGBA of the objects in `image` [H, W, 3], transparent around them.

        Each is as large as its mask, and has no pixels where that has none.
        """
        self._require_same_size(image)
        pictures = []
        for y, x, window in (mask_windows.tight(*window) for window in self.windows):
            pixels = image[y : y + window.shape[0], x : x + window.shape[1]]
            pictures.append(np.dstack([pixels, np.uint8(255) * window]))
        return pictures

    def draw(self, image: np.ndarray, keep_free: Sequence[Sequence[float]] = ()) -> np.ndarray:
        """A copy of `image` [H, W, 3] uint8 with masks, boxes, names and scores, the best on top.

        A class has the same colour in all pictures, or a track where objects are tracked.
        keep_free: corners x1, y1, x2, y2 of areas where no name may lie.
        """
        self._require_same_size(image)
        ids = self.class_ids if self.track_ids is None else self.track_ids
        captions = [f"{n} {s:.2f}" for n, s in zip(self.class_names, self.mask_scores, strict=True)]
        if self.track_ids is not None:
            captions = [f"#{i} {text}" if i >= 0 else text for i, text in zip(ids.tolist(), captions)]
        best = self._best_first()
        colors = [color_of(i) for i in ids[best].tolist()]
        return draw_instances(
            image,
            self.boxes[best],
            [captions[i] for i in best],
            [self.windows[i] for i in best],
            colors,
            keep_free,
        )

    def _require_same_size(self, image):
        if image.shape[:2] != tuple(self.image_size):
            raise ValueError(f"Expected the image of {self.image_size} pixels. Received: {image.shape[:2]}")

    def _best_first(self):
        return np.argsort(-self.mask_scores, kind="stable")

    def _with_windows(self, windows):
        return replace(self, given_windows=tuple(windows))

    def _mask_logits(self):
        """[n, Hp, Wp] logits of the masks, and whether they tell nothing outside the crop."""
        if self.prototypes is None or self.coefficients is None:
            return mask_windows.logits_of(self.mask_probabilities), True
        flat = self.prototypes.reshape(-1, self.prototypes.shape[-1])
        return (self.coefficients @ flat.T).reshape(len(self), *self.prototypes.shape[:2]), False
