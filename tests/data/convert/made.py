"""Small data sets, made on the spot by the tests of the converters, and what to compare of two."""

import numpy as np
from PIL import Image

from yolact_tf.data.convert import READERS, WRITERS
from yolact_tf.data.convert.data_set import Category, DataSet, Instance, Picture
from yolact_tf.data.convert.regions import mask_of, rle_of

HEIGHT, WIDTH = 30, 40
CATEGORIES = {1: Category("cat"), 2: Category("dog")}


def write_image(path, height=HEIGHT, width=WIDTH):
    """A grey image file; returns its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((height, width, 3), 90, "uint8")).save(path)
    return path


def square(x1, y1, x2, y2, category_id=1, **fields):
    """An instance of the pixels x1..x2, y1..y2, as a polygon."""
    corners = np.array([[x1, y1], [x2, y1], [x2, y2], [x1, y2]], float)
    return Instance(category_id, polygons=(corners,), **fields)


def ring():
    """[H, W] bool: a frame with a hole, in which there is an island with a hole of its own."""
    mask = np.zeros((HEIGHT, WIDTH), bool)
    for inset, value in ((2, True), (5, False), (8, True), (11, False)):
        mask[inset : HEIGHT - inset, inset : WIDTH - inset] = value
    return mask


def apart():
    """[H, W] bool: three parts, two of which meet in a point."""
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[2:6, 2:6] = mask[6:9, 6:12] = mask[20:28, 30:39] = True
    return mask


def instance(mask, category_id=1, **fields):
    """An instance of a mask, as run lengths."""
    return Instance(category_id, rle=rle_of(mask), **fields)


def data_set_of(folder, instances, name="a.png", split="train", categories=None):
    """A DataSet of one image, which is written into `folder`."""
    source = write_image(folder / name)
    picture = Picture(name, source, WIDTH, HEIGHT, tuple(instances))
    return DataSet(categories or CATEGORIES, {split: (picture,)})


def there_and_back(tmp_path, format_name, instances, **options):
    """(DataSet of one image with those instances, as a format gives it back, what its writer reports).

    The format's own folder is tmp_path / format_name; options: those of data_set_of.
    """
    data_set = data_set_of(tmp_path / "source", instances, **options)
    (tmp_path / format_name).mkdir()
    report = WRITERS[format_name](data_set, tmp_path / format_name)
    return data_set, READERS[format_name](tmp_path / format_name), report


def objects_of(data_set):
    """{split/name: [(class name, is crowd, mask)]} of a DataSet."""
    return {
        f"{split}/{picture.name}": [
            (data_set.categories[i.category_id].name, i.is_crowd, mask_of(i, picture.height, picture.width))
            for i in picture.instances
        ]
        for split, pictures in data_set.splits.items()
        for picture in pictures
    }


def assert_same_objects(received, expected):
    """Two DataSets have the same images, and these the same objects in the same order."""
    received, expected = objects_of(received), objects_of(expected)
    assert list(received) == list(expected)
    for name, objects in expected.items():
        assert [o[:2] for o in received[name]] == [o[:2] for o in objects], name
        for (*_, mask), (*_, other) in zip(received[name], objects, strict=True):
            np.testing.assert_array_equal(mask, other, name)


def kinds(losses):
    """{kind: count} of Losses."""
    return {kind: loss.count for kind, loss in losses.items()}


def malformed(data_set):
    """The only thing that a reader left out as malformed: ("object" or "image", its line)."""
    found = data_set.losses.left_out
    ((noun, line),) = [("object", line) for line in found.objects] + [
        ("image", line) for line in found.images
    ]
    return noun, line
