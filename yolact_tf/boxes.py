"""Boxes: corners and centres, areas, overlaps, and SSD's box coding.

A box is corners [x1, y1, x2, y2] in 0..1 of the image, unless the name says `centers`
([cx, cy, w, h], same units). All functions take and return tensors of the Keras backend, broadcast
over leading axes, and never use a rank above 4 (LiteRT's GPU backends stop there).
"""

from keras import ops

from yolact_tf.structures import Tensor

# SSD's scaling of box deltas (Liu et al. 2016, released code); released YOLACT weights assume it.
CENTER_VARIANCE, SIZE_VARIANCE = 0.1, 0.2
MAX_LOG_SIZE = 10.0  # no box is e^10 anchors long; keeps a diverged network from making infinities

SMALLEST_AREA = 1e-12  # a millionth of the image's side, squared: what an area is divided by at least


def corners_to_centers(boxes: Tensor) -> Tensor:
    """[..., 4] corners to [..., 4] centres and sizes."""
    x1, y1, x2, y2 = ops.split(boxes, 4, axis=-1)
    return ops.concatenate([(x1 + x2) / 2, (y1 + y2) / 2, x2 - x1, y2 - y1], axis=-1)


def centers_to_corners(centers: Tensor) -> Tensor:
    """[..., 4] centres and sizes to [..., 4] corners."""
    cx, cy, w, h = ops.split(centers, 4, axis=-1)
    return ops.concatenate([cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2], axis=-1)


def area(boxes: Tensor) -> Tensor:
    """[..., 4] corners to [...] areas; negative extents are not repaired."""
    x1, y1, x2, y2 = ops.split(boxes, 4, axis=-1)
    return ops.squeeze((x2 - x1) * (y2 - y1), axis=-1)


def intersection(first: Tensor, second: Tensor) -> Tensor:
    """Overlap area of every pair: [..., M, 4] and [..., N, 4] to [..., M, N]."""
    ax1, ay1, ax2, ay2 = ops.split(first, 4, axis=-1)  # [..., M, 1] each
    bx1, by1, bx2, by2 = (ops.swapaxes(side, -1, -2) for side in ops.split(second, 4, axis=-1))
    width = ops.relu(ops.minimum(ax2, bx2) - ops.maximum(ax1, bx1))
    height = ops.relu(ops.minimum(ay2, by2) - ops.maximum(ay1, by1))
    return width * height


def iou(first: Tensor, second: Tensor) -> Tensor:
    """Intersection over union of every pair: [..., M, 4] and [..., N, 4] to [..., M, N].

    Two boxes without area give NaN, as in the reference: NaN passes no `<=`, so they never survive
    NMS.
    """
    shared = intersection(first, second)
    union = ops.expand_dims(area(first), -1) + ops.expand_dims(area(second), -2) - shared
    return shared / union


def paired_iou(first: Tensor, second: Tensor) -> Tensor:
    """IoU of each box with its partner: [..., 4] and [..., 4] to [...]; 0 of two without area."""
    shared, union, _ = _shared_union_hull(first, second)
    return ops.squeeze(shared / ops.maximum(union, SMALLEST_AREA), axis=-1)


def paired_giou(first: Tensor, second: Tensor) -> Tensor:
    """Generalised IoU of each box with its partner: [..., 4] and [..., 4] to [...].

    IoU less the share of the smallest enclosing box that neither covers (Rezatofighi et al. 2019): -1
    where they are infinitely far apart, 1 where they are equal; two equal boxes without area give -1.
    """
    shared, union, hull = _shared_union_hull(first, second)
    giou = shared / ops.maximum(union, SMALLEST_AREA) - 1 + union / ops.maximum(hull, SMALLEST_AREA)
    return ops.squeeze(giou, axis=-1)


def encode(boxes: Tensor, anchors: Tensor) -> Tensor:
    """Box deltas that `decode` turns back into `boxes`. [..., A, 4], [A, 4] to [..., A, 4]."""
    box_centers, box_sizes = ops.split(corners_to_centers(boxes), 2, axis=-1)
    anchor_centers, anchor_sizes = ops.split(corners_to_centers(anchors), 2, axis=-1)
    centers = (box_centers - anchor_centers) / (CENTER_VARIANCE * anchor_sizes)
    return ops.concatenate([centers, ops.log(box_sizes / anchor_sizes) / SIZE_VARIANCE], axis=-1)


def decode(box_deltas: Tensor, anchors: Tensor) -> Tensor:
    """Corners of the boxes that `box_deltas` say. [..., A, 4], [A, 4] to [..., A, 4]."""
    center_deltas, size_deltas = ops.split(box_deltas, 2, axis=-1)
    anchor_centers, anchor_sizes = ops.split(corners_to_centers(anchors), 2, axis=-1)
    centers = anchor_centers + center_deltas * CENTER_VARIANCE * anchor_sizes
    sizes = anchor_sizes * ops.exp(ops.minimum(size_deltas * SIZE_VARIANCE, MAX_LOG_SIZE))
    top_left = centers - sizes / 2
    return ops.concatenate([top_left, top_left + sizes], axis=-1)


def clip(boxes: Tensor) -> Tensor:
    """Corners in rising order and inside the image: [..., 4] to [..., 4]."""
    x1, y1, x2, y2 = ops.split(boxes, 4, axis=-1)
    ordered = ops.concatenate(
        [ops.minimum(x1, x2), ops.minimum(y1, y2), ops.maximum(x1, x2), ops.maximum(y1, y2)],
        axis=-1,
    )
    return ops.minimum(ops.maximum(ordered, 0.0), 1.0)


def _shared_union_hull(first, second):
    """Of each pair the areas of overlap, of union and of the enclosing box: three [..., 1]."""
    ax1, ay1, ax2, ay2 = ops.split(first, 4, axis=-1)
    bx1, by1, bx2, by2 = ops.split(second, 4, axis=-1)
    width = ops.relu(ops.minimum(ax2, bx2) - ops.maximum(ax1, bx1))
    height = ops.relu(ops.minimum(ay2, by2) - ops.maximum(ay1, by1))
    shared = width * height
    union = (ax2 - ax1) * (ay2 - ay1) + (bx2 - bx1) * (by2 - by1) - shared
    hull_width = ops.maximum(ax2, bx2) - ops.minimum(ax1, bx1)
    hull_height = ops.maximum(ay2, by2) - ops.minimum(ay1, by1)
    return shared, union, hull_width * hull_height
