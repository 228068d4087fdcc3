import keras
import numpy as np
import pytest

from yolact_tf.mask_windows import place_window, upsample_to_image
from yolact_tf.masks import crop_masks


@pytest.mark.parametrize("image_size", [(480, 640), (97, 31), (16, 16)])
def test_the_window_holds_what_resizing_the_whole_map_gives(image_size):
    rng = np.random.default_rng(3)
    for _ in range(10):
        box = np.sort(rng.uniform(-0.1, 1.1, (2, 2)), axis=0).reshape(4).clip(0, 1).astype("f")
        soft = rng.uniform(size=(1, 1, 34, 34)).astype("float32")
        cropped = np.asarray(crop_masks(soft, box[None, None]))[0, 0]
        whole = keras.ops.image.resize(
            cropped[..., None], image_size, interpolation="bilinear", antialias=False
        )
        expected = np.asarray(whole)[..., 0]
        placed = place_window(*upsample_to_image(cropped, box, image_size), image_size)
        differs = placed != (expected > 0.5)
        assert (np.abs(expected[differs] - 0.5) < 1e-4).all()


def test_a_pixel_reads_its_neighbours_alone():
    # Were all pixels of the map weighed, most of them by zero, infinity would spoil every one.
    soft = np.ones((8, 8), "float32")
    soft[0, 0] = np.inf
    _, _, window = upsample_to_image(soft, (0, 0, 1, 1), (40, 40))
    assert window[10:].all() and window[:, 10:].all()
