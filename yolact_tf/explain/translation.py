"""Whether prototypes know where things are (YOLACT §5): inputs that are alike everywhere, or differ in place
alone."""

from dataclasses import dataclass

import keras
import numpy as np
from PIL import Image, ImageDraw

from yolact_tf.detect.detections import Detections
from yolact_tf.detect.detector import Detector
from yolact_tf.detect.engines import KerasEngine
from yolact_tf.draw.instances import resize, scaled_size
from yolact_tf.explain.mask_sums import prototypes_of
from yolact_tf.explain.mirrored_padding import without_padding
from yolact_tf.mask_windows import tight
from yolact_tf.preprocess import RGB_MEAN, to_channels

GREY = tuple(round(value) for value in RGB_MEAN)  # what the network takes for 0
COLORS = {"grey": GREY, "red": (220, 30, 30)}
# Where the object's centre is put, as shares of width and height.
PLACES = {
    "left": (0.22, 0.5),
    "middle": (0.5, 0.5),
    "right": (0.78, 0.5),
    "top": (0.5, 0.22),
    "bottom": (0.5, 0.78),
}
_SIDE = 512  # pixels of the inputs
_LARGEST = 0.4  # of the input's side, that the object takes
_BALL = (240, 140, 20)
_IDLE = 1e-3  # share of the largest value of all prototypes
_LOPSIDED = 0.1  # share by which one half outweighs the other at least, to be called the brighter


@dataclass(frozen=True, eq=False)
class Translation:
    """Prototypes of inputs without anything in them, and of one object in several places."""

    images: dict[str, np.ndarray]  # name -> [S, S, 3] uint8: one of COLORS, or one of PLACES
    prototypes: dict[str, np.ndarray]  # name -> [Hp, Wp, K] of each
    control: np.ndarray | None  # [Hp, Wp, K] of grey without padding; None where no Keras model is at hand

    @property
    def unevenness(self) -> np.ndarray:
        """[K] in 0..1: how far each prototype of plain grey goes up and down, as a share of its largest value
        on any of the inputs. Without padding it were 0."""
        return _spread(self.prototypes["grey"]) / self._largest

    @property
    def control_unevenness(self) -> np.ndarray | None:
        """[K] likewise, of the control."""
        return None if self.control is None else _spread(self.control) / self._largest

    @property
    def bright_sides(self) -> list[str]:
        """[K] the half of plain grey on which each prototype is larger, "" where none stands out."""
        return [bright_side(self.prototypes["grey"][..., k]) for k in range(len(self.unevenness))]

    @property
    def is_idle(self) -> np.ndarray:
        """[K] bool: prototypes that none of the inputs lights up."""
        return self._largest < _IDLE * self._largest.max()

    @property
    def _largest(self):
        return np.maximum(np.max([maps.max((0, 1)) for maps in self.prototypes.values()], 0), 1e-6)


def translation_of(detector: Detector, image: np.ndarray | None = None) -> Translation:
    """The Translation of a detector whose Detections have prototypes; ValueError for another.

    image: [H, W, 3] uint8, whose best detection is cut out and moved; where there is none, a drawn ball is.
    """
    cut, mask = _ball() if image is None else _best_object(image, detector(image))
    images = {name: np.full((_SIDE, _SIDE, 3), color, np.uint8) for name, color in COLORS.items()}
    images |= {name: _placed(images["grey"], cut, mask, *place) for name, place in PLACES.items()}
    prototypes = {name: prototypes_of(detector(one))[0] for name, one in images.items()}
    control = None
    if isinstance(detector.engine, KerasEngine):
        control = _control(detector.engine.detection_model.network, images["grey"])
    return Translation(images, prototypes, control)


def bright_side(values: np.ndarray) -> str:
    """The half, left, right, top or bottom, on which a [H, W] map of values at least 0 is larger, "" where
    none stands out."""
    height, width = values.shape
    halves = {
        "left": values[:, : width // 2],
        "right": values[:, -(width // 2) :],
        "top": values[: height // 2],
        "bottom": values[-(height // 2) :],
    }
    means = {name: float(half.mean()) for name, half in halves.items()}
    brightest = max(means, key=lambda name: means[name])
    opposite = {"left": "right", "right": "left", "top": "bottom", "bottom": "top"}[brightest]
    stands_out = means[brightest] - means[opposite] > _LOPSIDED * (means[brightest] + means[opposite])
    return brightest if stands_out else ""


def _spread(maps):
    return maps.max((0, 1)) - maps.min((0, 1))


def _ball():
    side = round(0.3 * _SIDE)
    picture = Image.new("L", (side, side))
    ImageDraw.Draw(picture).ellipse((0, 0, side - 1, side - 1), fill=255)
    return np.full((side, side, 3), _BALL, np.uint8), np.asarray(picture) > 0


def _best_object(image, found: Detections):
    """(pixels [h, w, 3], mask [h, w]) of the best detection with a mask, scaled to _LARGEST of an input."""
    whole = next((mask for mask in found.masks if mask.any()), None)
    if whole is None:
        raise ValueError(
            "IMAGE must show something that the model finds, to be moved about; without IMAGE a drawn ball "
            "is. Received one in which it finds nothing"
        )
    y, x, mask = tight(0, 0, whole)
    cut = image[y : y + mask.shape[0], x : x + mask.shape[1]]
    size = scaled_size(mask.shape, _LARGEST * _SIDE)
    smooth = np.repeat(np.uint8(255) * mask[..., None], 3, 2)
    return resize(cut, size), resize(smooth, size)[..., 0] > 127


def _placed(background, cut, mask, x, y):
    """A copy of `background` with the masked pixels of `cut` centred at (x, y), shares of its sides."""
    picture = background.copy()
    height, width = mask.shape
    top, left = round(y * _SIDE - height / 2), round(x * _SIDE - width / 2)
    picture[top : top + height, left : left + width][mask] = cut[mask]
    return picture


def _control(model, image):
    side = model.input_shape[1]
    batch = to_channels(resize(image, (side, side))[None].astype(np.float32), model.input_shape[3])
    return keras.ops.convert_to_numpy(keras.ops.cast(without_padding(model)(batch), "float32"))[0]
