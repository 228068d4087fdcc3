"""Pictures whose annotations are of the pixels as stored, turned to those of the upright image."""

from dataclasses import replace

import numpy as np

from yolact_tf.data.coco.turning import turn_points, turn_rle
from yolact_tf.data.convert.conversion_losses import Losses
from yolact_tf.data.convert.data_set import Picture
from yolact_tf.images.orientation import turned_size

TURNED = "stored pixels annotated, now upright ones, by image"


def upright(picture: Picture, orientation: int, losses: Losses) -> Picture:
    """A Picture of annotated pixels turned by `orientation` with its objects; what is turned is counted."""
    if orientation == 1:
        return picture
    losses.add(TURNED, picture.name)
    size = picture.width, picture.height
    width, height = turned_size(size, orientation)
    instances = tuple(_turned(instance, size, orientation) for instance in picture.instances)
    return replace(picture, width=width, height=height, instances=instances)


def _turned(instance, size, orientation):
    box = instance.box
    if box is not None:
        corners = turn_points(np.array(box, float).reshape(2, 2), size, orientation)
        box = (*corners.min(0).tolist(), *corners.max(0).tolist())
    # Rounded: the last digits of a difference are noise.
    polygons = tuple(turn_points(p, size, orientation).round(6) for p in instance.polygons)
    rle = instance.rle and turn_rle(instance.rle, orientation)
    return replace(instance, box=box, polygons=polygons, rle=rle)
