"""Pixels to network input: the square resize, and grey, that training, detection and export share."""

from keras import ops

from yolact_tf.structures import Tensor

# ImageNet statistics that the reference divides by, here in RGB order on a 0..255 scale.
RGB_MEAN = (123.68, 116.78, 103.94)
RGB_STD = (58.40, 57.12, 57.38)
# How much of a grey pixel is red, green and blue (ITU-R BT.601, as Pillow and OpenCV have it).
GREY_WEIGHTS = (0.299, 0.587, 0.114)


def resize_images(images: Tensor, image_size: int, channels: int = 3) -> Tensor:
    """[B, H, W, 3] RGB 0..255 of any dtype to [B, S, S, channels] float32, aspect ratio not kept.

    Bilinear with half-pixel centres and no antialiasing, as the reference resizes; boxes in 0..1
    are the same before and after.  channels: as `to_channels` has them.
    """
    images = ops.cast(images, "float32")
    images = ops.image.resize(images, (image_size, image_size), interpolation="bilinear", antialias=False)
    return to_channels(images, channels)


def to_channels(images: Tensor, channels: int) -> Tensor:
    """Float RGB [..., 3] as [..., channels]: 3 is RGB itself, 1 is grey. Of any library's tensors."""
    if images.shape[-1] == channels:
        return images
    return sum(weight * images[..., i : i + 1] for i, weight in enumerate(GREY_WEIGHTS))


def as_rgb(images: Tensor) -> Tensor:
    """RGB [..., 3] as it is, grey [..., 1] as RGB [..., 3]."""
    return images if images.shape[-1] == 3 else ops.concatenate([images] * 3, axis=-1)
