"""Masks: prototypes times coefficients, cropped to a box; used by the losses and by detection."""

from keras import ops

from yolact_tf.structures import Tensor


def mask_logits(prototypes: Tensor, coefficients: Tensor) -> Tensor:
    """P·Cᵀ of YOLACT eq. 1 before the sigmoid. [B, Hp, Wp, K], [B, N, K] to [B, N, Hp, Wp]."""
    _, height, width, channels = prototypes.shape
    flat = ops.reshape(prototypes, (-1, height * width, channels))
    logits = ops.matmul(coefficients, ops.transpose(flat, (0, 2, 1)))
    return ops.reshape(logits, (-1, coefficients.shape[1], height, width))


def assemble_masks(prototypes: Tensor, coefficients: Tensor, boxes: Tensor) -> Tensor:
    """Mask probabilities, zero outside their box. [B, Hp, Wp, K], [B, N, K], [B, N, 4] to
    [B, N, Hp, Wp]."""
    return crop_masks(ops.sigmoid(mask_logits(prototypes, coefficients)), boxes)


def enlarge_prototypes(prototypes: Tensor, scale: int) -> Tensor:
    """Prototypes whose mask logits are the given ones' logits, enlarged (bilinear, half-pixel).

    [B, Hp, Wp, K] to [B, scale·Hp, scale·Wp, K]. Sum and resize change places since both are linear, and
    there are fewer prototypes than masks.
    """
    if scale == 1:
        return prototypes
    size = tuple(scale * side for side in prototypes.shape[1:3])
    return ops.image.resize(prototypes, size, interpolation="bilinear", antialias=False)


def crop_masks(masks: Tensor, boxes: Tensor) -> Tensor:
    """`masks` with every pixel outside its box set to zero. [B, N, H, W], [B, N, 4], same shape.

    A pixel stays when its *index* lies in [x1·W - 1, x2·W + 1): one pixel of padding, unrounded
    edges, as in the reference, whose weights were trained with this crop. Corners may come in any
    order.
    """
    height, width = masks.shape[-2:]
    x1, y1, x2, y2 = (ops.expand_dims(side, -1) for side in ops.split(boxes, 4, axis=-1))
    inside_x = _inside(x1, x2, width, (1, 1, 1, width))
    inside_y = _inside(y1, y2, height, (1, 1, height, 1))
    return masks * ops.cast(inside_x, masks.dtype) * ops.cast(inside_y, masks.dtype)


def resize_binary_masks(masks: Tensor, size: tuple[int, int]) -> Tensor:
    """Bilinear (half-pixel, no antialias) resize of [B, G, H, W] 0/1 masks, over 0.5, as float32."""
    batch, _, height, width = masks.shape
    masks = ops.cast(masks, "float32")
    if (height, width) == tuple(size):
        return masks
    maps = ops.reshape(masks, (-1, height, width, 1))
    maps = ops.image.resize(maps, size, interpolation="bilinear", antialias=False)
    maps = ops.reshape(maps, (-1 if batch is None else batch, masks.shape[1], *size))
    return ops.cast(maps > 0.5, "float32")


def _inside(low, high, size, shape):
    index = ops.reshape(ops.arange(size, dtype="float32"), shape)
    start = ops.minimum(low, high) * size - 1
    stop = ops.maximum(low, high) * size + 1
    return ops.logical_and(index >= start, index < stop)
