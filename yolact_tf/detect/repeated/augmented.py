"""AugmentedDetector: an image mirrored, larger and smaller as well; what is found each time is averaged."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from yolact_tf.detect.detections import Detections
from yolact_tf.detect.repeated.fusion import View, fused
from yolact_tf.detect.repeated.looks import starts
from yolact_tf.detect.repeated.repeating_detector import ImageDetector, RepeatingDetector
from yolact_tf.detect.repeated.sets import in_image, with_windows
from yolact_tf.detect.windows import mirrored, within

SCALES = 0.75, 1.0, 1.5
EDGE = 0.02  # of a view: a box that comes this near to where it is cut off is of an object that may go on


class AugmentedDetector(RepeatingDetector):
    """Finds objects in several views of each image and averages boxes, masks and scores (`fusion.fused`).

    flip: also mirrored.  scales: how large the image is shown, 1 as it is; smaller ones in a gray frame,
    larger ones in overlapping parts.
    """

    def __init__(self, detector: ImageDetector, flip: bool = True, scales: Sequence[float] = (1.0,)):
        if not scales or not all(0.25 <= scale <= 4 for scale in scales):
            raise ValueError(f"`scales` must be numbers from 0.25 to 4. Received: {scales!r}")
        super().__init__(detector)
        self.flip, self.scales = flip, tuple(dict.fromkeys(scales))

    def _detect(self, image: np.ndarray) -> Detections:
        views = [view for scale in self.scales for view in self._views(image, scale)]
        return fused(views)

    def _views(self, image, scale) -> Iterator[View]:
        """What is found at one scale, as View of each picture that is shown."""
        size = image.shape[:2]
        regions = _regions(size, scale)
        pictures = [_framed(image, scale) if scale < 1 else image[y1:y2, x1:x2] for x1, y1, x2, y2 in regions]
        yield from map(_view, self.detector(pictures), regions, [size] * len(regions))
        if self.flip:
            found = self.detector([np.ascontiguousarray(picture[:, ::-1]) for picture in pictures])
            yield from map(_view, map(_unmirrored, found), regions, [size] * len(regions))


def _regions(size, scale):
    """The parts of an image (height, width) that fill a picture each at this scale."""
    height, width = (max(round(side / max(scale, 1)), 1) for side in size)
    return [
        (x, y, x + width, y + height)
        for y in starts(size[0], height, 0.25)
        for x in starts(size[1], width, 0.25)
    ]


def _framed(image, scale):
    """The image in the corner of a larger gray picture, of which it has the share `scale` of each side."""
    height, width = image.shape[:2]
    framed = np.full((round(height / scale), round(width / scale), 3), 127, np.uint8)
    framed[:height, :width] = image
    return framed


def _unmirrored(found):
    width = found.image_size[1]
    x1, y1, x2, y2 = found.boxes.T
    boxes = np.stack([width - x2, y1, width - x1, y2], 1)
    return with_windows(replace(found, boxes=boxes), [mirrored(window, width) for window in found.windows])


def _view(found, region, size):
    """The View of what was found in a picture of `region`, or of it in a frame, of an image of `size`."""
    x1, y1, x2, y2 = region
    found = in_image(found, region, 1, size)
    edge = EDGE * max(x2 - x1, y2 - y1)
    goes_on = np.array([x1 > 0, y1 > 0, x2 < size[1], y2 < size[0]])
    is_cut = ((np.abs(found.boxes - np.array(region)) < edge) & goes_on).any(1)
    # What was seen in the frame is none of the image's.
    boxes = np.clip(found.boxes, 0, np.array([*size[::-1], *size[::-1]], np.float32))
    has_area = (boxes[:, 2] > boxes[:, 0]) & (boxes[:, 3] > boxes[:, 1])
    windows = [within(window, (0, 0, size[1], size[0])) for window in found.windows]
    found = with_windows(replace(found, boxes=boxes), windows)
    return View(found[~is_cut & has_area], region)
