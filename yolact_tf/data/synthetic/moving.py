"""Scenes whose shapes move: they pass behind others and come back, and who is who is known.

H W is the picture, G the number of objects; points are y, x in pixels.
"""

from typing import NamedTuple

import numpy as np

from yolact_tf.data.synthetic.paint import Painting
from yolact_tf.data.synthetic.scenes import MARGIN, MIN_SIDE, Stamp, draw_stamp

SPEEDS = 0.1, 0.35  # shorter sides of the picture a second
STANDING_SHARE = 1 / 3  # of the objects stand still in front
STANDING_SIDE, MOVING_SIDE = 0.4, 0.22  # of the shorter side, at most: most of those that move can be hidden


class Moment(NamedTuple):
    """One frame of a moving scene."""

    image: np.ndarray  # [H, W, 3] uint8
    owner: np.ndarray  # [H, W] int16: 0 where background is visible, k + 1 where object k is


class Path(NamedTuple):
    """A way to and fro, of the corner of an object's outline."""

    start: np.ndarray  # y, x
    direction: np.ndarray  # of length 1
    length: float
    speed: float  # pixels a frame
    phase: float  # pixels along the way, in frame 0

    def at(self, number: int) -> np.ndarray:
        """Where it is in a frame."""
        along = (self.phase + self.speed * number) % (2 * self.length)
        return self.start + self.direction * min(along, 2 * self.length - along)


class MovingScene:
    """Shapes that go to and fro behind others, a third of them, which stand in front.

    Any frame may be asked for, in any order; the same seed draws the same scene.
    """

    def __init__(
        self,
        height: int = 256,
        width: int = 256,
        num_objects: int = 6,
        frames_per_second: float = 30,
        seed: int = 0,
    ):
        rng = np.random.default_rng([seed, height, width, num_objects])
        size, shorter = np.array((height, width)), min(height, width)
        num_standing = max(round(num_objects * STANDING_SHARE), 1)
        num_moving = num_objects - num_standing
        sides = [MOVING_SIDE] * num_moving + [STANDING_SIDE] * num_standing
        self._stamps = [draw_stamp(rng, max(MIN_SIDE, shorter * side)) for side in sides]
        centers = rng.uniform(0.25, 0.75, (num_standing, 2)) * size
        speeds = [*rng.uniform(*SPEEDS, num_moving) * shorter / frames_per_second, *[0.0] * num_standing]
        self._paths = [
            # Those that move are behind one that stands, and one that stands is where it is.
            _path_through(rng, centers[(k - num_moving) % num_standing], size - _outline(stamp), stamp, speed)
            for k, (stamp, speed) in enumerate(zip(self._stamps, speeds, strict=True))
        ]
        self._painting = Painting(seed, self._stamps, (height, width))
        self._shape = height, width

    @property
    def classes(self) -> list[int]:
        """The class index of each object from back to front [G]."""
        return [stamp.class_index for stamp in self._stamps]

    def frame(self, number: int) -> Moment:
        """Frame `number`, from 0."""
        return Moment(self._painting.picture(self.stamps(number)), self.owner(number))

    def owner(self, number: int) -> np.ndarray:
        """The `owner` of frame `number`, of which no picture is painted."""
        owner = np.zeros(self._shape, np.int16)
        for k, stamp in enumerate(self.stamps(number), 1):
            image_window, patch_window = stamp.windows(*owner.shape)
            owner[image_window][stamp.coverage[patch_window] >= 0.5] = k
        return owner

    def stamps(self, number: int) -> list[Stamp]:
        """The objects from back to front, where they are in frame `number`."""
        corners = [path.at(number).round().astype(int) - MARGIN for path in self._paths]
        return [
            stamp._replace(top=int(top), left=int(left))
            for stamp, (top, left) in zip(self._stamps, corners, strict=True)
        ]


def _outline(stamp):
    """Height and width of an object without its margin."""
    return np.array(stamp.coverage.shape) - 2 * MARGIN


def _path_through(rng, center, room, stamp, speed):
    """A Path on which the object passes over `center`, as long as it stays in the picture.

    room: [2] how far its corner may go.
    """
    corner = np.clip(center - _outline(stamp) / 2, 0, np.maximum(room, 0))
    if not speed:
        return Path(corner, np.zeros(2), 1.0, 0.0, 0.0)
    angle = rng.uniform(0, 2 * np.pi)
    direction = np.array([np.sin(angle), np.cos(angle)])
    ahead, back = (
        float(np.min(np.where(way > 0, room - corner, corner) / np.maximum(np.abs(way), 1e-9)))
        for way in (direction, -direction)
    )
    length = max(ahead + back, 1.0)
    return Path(corner - back * direction, direction, length, speed, rng.uniform(0, 2 * length))
