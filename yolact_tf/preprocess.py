"""Pixels to network input: the square resize that training, detection and export share."""

from keras import ops

from yolact_tf.structures import Tensor

# ImageNet statistics that the reference divides by, here in RGB order on a 0..255 scale.
RGB_MEAN = (123.68, 116.78, 103.94)
RGB_STD = (58.40, 57.12, 57.38)


def resize_images(images: Tensor, image_size: int) -> Tensor:
    """[B, H, W, 3] RGB 0..255 of any dtype to [B, S, S, 3] float32, aspect ratio not kept.

    Bilinear with half-pixel centres and no antialiasing, as the reference resizes; boxes in 0..1
    are the same before and after.
    """
    images = ops.cast(images, "float32")
    return ops.image.resize(images, (image_size, image_size), interpolation="bilinear", antialias=False)
