"""A small data set with all that annotations may hold, as COCO JSON and as TFRecord shards."""

import numpy as np
import pytest
from PIL import Image

from tests.coco_folder import rectangle, write_annotations, write_folder
from yolact_tf.images.orientation import TAG

CATEGORIES = ({"id": 7, "name": "seven"}, {"id": 3, "name": "drei ü"}, {"id": 90, "name": "unused"})
NUM_PICTURES = 24


@pytest.fixture(scope="session")
def mixed_data(build_once):
    """Folder of 24 images of noise with an object each, but that

    image 1 has several objects: at the border, beyond it, overlapping, a crowd, and one without a width;
    image 2 is a JPEG that is stored on its side; image 3 has no objects.
    """
    return build_once("mixed", _write_mixed)


def _write_mixed(folder):
    noise = np.random.default_rng(0)
    pictures = {
        f"{i:02}.png": noise.integers(0, 256, (40, 60, 3), dtype="uint8") for i in range(NUM_PICTURES)
    }
    annotations = [
        rectangle(1, 0, 0, 60, 40, 3),
        rectangle(1, 48.5, 7, 12.25, 20.125, 7),
        {**rectangle(1, 5, 5, 11, 12, 7), "area": 77.7},
        {
            **rectangle(1, 10, 0, 2, 40, 3, is_crowd=1),
            "segmentation": {"size": [40, 60], "counts": [400, 80, 1920]},
        },
        {**rectangle(1, 5, 5, 20, 12, 7), "bbox": [5, 5, 0, 12]},
        rectangle(2, 4, 6, 20, 30, 7),
    ]
    annotations += [rectangle(i + 1, 3 + i, 4, 9 + i, 20, 3 if i % 2 else 7) for i in range(3, NUM_PICTURES)]
    content = write_folder(folder, pictures, annotations, CATEGORIES, splits=())
    content["images"][1].update(file_name="on its side.jpg", height=60, width=40)
    exif = Image.Exif()
    exif[TAG] = 6
    Image.fromarray(pictures["01.png"]).save(folder / "images" / "on its side.jpg", exif=exif)
    for split in ("train", "val"):
        write_annotations(folder, content, split)


@pytest.fixture(scope="session")
def mixed_shards(mixed_data, build_once):
    """Folder of `mixed_data` in shards: 20 of train, 3 of val."""
    from yolact_tf.data.shards.writer import write_records

    def write(folder):
        write_records(mixed_data, folder, ["train"], shards=20)
        write_records(mixed_data, folder, ["val"], shards=3)

    return build_once("mixed_shards", write)
