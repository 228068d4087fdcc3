"""Small COCO data folders, made on the spot by the tests that read them."""

import json

import numpy as np
from PIL import Image

THING = ({"id": 1, "name": "thing"},)


def write_folder(folder, pictures, annotations=(), categories=THING, splits=("train",)):
    """Writes images and the same annotations for every split; returns the annotations' content.

    pictures: file name -> [H, W, 3] uint8, or (height, width) of a grey one.  Image ids count from 1
    in their order; annotations without an id get one likewise.
    """
    images = []
    for image_id, (name, picture) in enumerate(pictures.items(), 1):
        pixels = np.full((*picture, 3), 90, "uint8") if isinstance(picture, tuple) else picture
        path = folder / "images" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(path)
        height, width = pixels.shape[:2]
        images.append({"id": image_id, "file_name": name, "height": height, "width": width})
    content = {
        "images": images,
        "annotations": [{"id": i, **annotation} for i, annotation in enumerate(annotations, 1)],
        "categories": [dict(category) for category in categories],
    }
    for split in splits:
        write_annotations(folder, content, split)
    return content


def write_annotations(folder, content, split="train"):
    (folder / f"{split}.json").write_text(json.dumps(content), encoding="utf-8")


def rectangle(image_id, x, y, width, height, category_id=1, is_crowd=0):
    """An annotation of the pixels x..x + width, y..y + height."""
    corners = [x, y, x + width, y, x + width, y + height, x, y + height]
    return {
        "image_id": image_id,
        "category_id": category_id,
        "bbox": [x, y, width, height],
        "segmentation": [corners],
        "area": width * height,
        "iscrowd": is_crowd,
    }
