"""A sound COCO folder, and the ways in which other tools say the same."""

import json
import unicodedata

import numpy as np

from tests.coco_folder import rectangle, write_annotations, write_folder

SIZE = HEIGHT, WIDTH = 30, 40
COUNTS = [305, 20, 10, 20, 845]  # rows 5..24 of columns 10 and 11
NAMES = ("a.png", "sub/é 1.png")


def write_plain(folder):
    """Writes two images with three objects, the last of run lengths; returns the content of train.json."""
    noise = np.random.default_rng(0)
    pictures = {name: noise.integers(0, 256, (*SIZE, 3), dtype="uint8") for name in NAMES}
    of_runs = {"segmentation": {"size": list(SIZE), "counts": COUNTS}, "area": 40}
    objects = [
        rectangle(1, 5, 6, 20, 12),
        rectangle(2, 1, 1, 9, 9),
        {**rectangle(2, 10, 5, 2, 20), **of_runs},
    ]
    return write_folder(folder, pictures, objects)


def name_images(rename):
    """An accent of all file names."""
    return lambda content: [image.update(file_name=rename(image["file_name"])) for image in content["images"]]


def change(number, **fields):
    """An accent of fields of one annotation; None takes one away."""

    def spoil(content):
        annotation = content["annotations"][number]
        annotation.update(fields)
        for field in [field for field, value in fields.items() if value is ABSENT]:
            del annotation[field]

    return spoil


ABSENT = object()
NAN = float("nan")


def without_sizes(content):
    content["images"][0].update(width=None, height=0)
    del content["images"][1]["width"]


def nothing_but_nan(content):
    content["images"][0].update(width=NAN, height=NAN)
    content["annotations"][0].update(id=NAN, iscrowd=NAN, bbox=NAN, area=NAN)


def text_ids(content):
    for image in content["images"]:
        image["id"] = f"image-{image['id']}"
    for annotation in content["annotations"]:
        annotation.update(image_id=f"image-{annotation['image_id']}", id=f"{annotation['id']}-4f2a")


def padded_ids(content):
    for image in content["images"]:
        image["id"] = f"{image['id']:012}"


def numbers_as_text(content):
    content["images"][1].update(id="2", width="40.0")
    content["categories"][0]["id"] = "01"
    content["annotations"][0].update(bbox=["5", "6.0", "20", 12], area="240", image_id=1.0)


CORNERS = [[5, 6], [25, 6], [25, 18], [5, 18]]
FLAT = [value for corner in CORNERS for value in corner]
# What was done: (how, {kind: how often}).
ACCENTS = {
    "backslashes": (
        name_images(lambda name: name.replace("/", "\\")),
        {"file name with backslashes": 1},
    ),
    "the image folder": (
        name_images(lambda name: f"images/{name}"),
        {"file name with folders too many": 2},
    ),
    "the image folder on Windows": (
        name_images(lambda name: f"images\\{name}".replace("/", "\\")),
        {"file name with backslashes": 2, "file name with folders too many": 2},
    ),
    "folders above, as of Label Studio": (
        name_images(lambda name: f"../../label-studio/data/media/upload/1/{name}"),
        {"file name with folders too many": 2},
    ),
    "a path of another machine": (
        name_images(lambda name: f"/mnt/someone/set/images/{name}"),
        {"file name of another machine": 2},
    ),
    "a path of another Windows": (
        name_images(lambda name: f"C:\\Users\\someone\\{name}"),
        {"file name with backslashes": 2, "file name of another machine": 2},
    ),
    "an address": (
        name_images(lambda name: f"https://host/bucket/{name}"),
        {"file name of another machine": 2},
    ),
    "a path of Label Studio's local files": (
        name_images(lambda name: f"/data/local-files/?d={name}"),
        {"file name of another machine": 2},
    ),
    "a dot in front": (name_images(lambda name: f"./{name}"), {}),
    "no folder": (
        name_images(lambda name: name.removeprefix("sub/")),
        {"file name without its folder": 1},
    ),
    "upper case and an accent that is a letter of its own": (
        name_images(lambda name: unicodedata.normalize("NFD", name).upper()),
        {"file name in other letters": 2},
    ),
    "percent signs": (
        name_images(lambda name: name.replace("é 1", "%C3%A9%201")),
        {"file name in other letters": 1},
    ),
    "addresses alone, as in LVIS": (
        lambda content: [
            image.update(coco_url=f"http://host/train2017/{image.pop('file_name')}")
            for image in content["images"]
        ],
        {"file name of another machine": 2},
    ),
    "a name with a blank": (name_images(lambda name: f"{name} "), {"file name in other letters": 2}),
    "an address with a signature": (
        name_images(lambda name: f"https://host/bucket/{name}?Signature=a%2F/b&Expires=1"),
        {"file name of another machine": 2},
    ),
    "no ending": (
        name_images(lambda name: name.removesuffix(".png")),
        {"file name without its ending": 2},
    ),
    "NaN, with which tables fill what is not there": (
        nothing_but_nan,
        {
            "image without a size": 1,
            **{f"annotation without `{field}`": 1 for field in ("id", "iscrowd", "bbox", "area")},
        },
    ),
    "no sizes": (without_sizes, {"image without a size": 2}),
    "ids that are text": (text_ids, {"id that is text": 5}),
    "ids of twelve digits": (padded_ids, {"id that is text": 2, "number in another form": 3}),
    "numbers as text": (numbers_as_text, {"number in another form": 6}),
    "no id": (change(1, id=ABSENT), {"annotation without `id`": 1}),
    "no box": (change(0, bbox=ABSENT), {"annotation without `bbox`": 1}),
    "no box of run lengths": (change(2, bbox=[]), {"annotation without `bbox`": 1}),
    "a box of nothing": (change(0, bbox=[0, 0, 0.0, 0.0]), {"annotation without `bbox`": 1}),
    "no area": (change(2, area=None), {"annotation without `area`": 1}),
    "no flag of crowds": (change(0, iscrowd=ABSENT), {"annotation without `iscrowd`": 1}),
    "a flag in words": (change(0, iscrowd="False"), {"number in another form": 1}),
    "a flag that is text": (change(0, iscrowd="0"), {"number in another form": 1}),
    "a flat polygon": (change(0, segmentation=FLAT), {"polygon as one flat list": 1}),
    "a flat polygon of text": (
        change(0, segmentation=[str(v) for v in FLAT]),
        {"mask in another form": 1},
    ),
    "a polygon of points": (change(0, segmentation=CORNERS), {"mask in another form": 1}),
    "a list too many": (change(0, segmentation=[[FLAT]]), {"mask in another form": 1}),
    "an empty polygon beside another": (
        change(0, segmentation=[FLAT, []]),
        {"mask in another form": 1},
    ),
    "polygons of points": (change(0, segmentation=[CORNERS]), {"mask in another form": 1}),
    "points with names": (
        change(0, segmentation=[[{"x": x, "y": y} for x, y in CORNERS]]),
        {"mask in another form": 1},
    ),
    "a mask and a box as text": (
        change(0, segmentation=json.dumps([FLAT]), bbox="[5, 6, 20, 12]"),
        {"number in another form": 1, "mask in another form": 1},
    ),
    "run lengths without a size": (change(2, segmentation={"counts": COUNTS}), {"mask in another form": 1}),
    "run lengths as text": (
        change(2, segmentation={"size": ["30", 40.0], "counts": " ".join(map(str, COUNTS))}),
        {"mask in another form": 1},
    ),
    "run lengths that are no ints": (
        change(2, segmentation={"size": list(SIZE), "counts": [float(count) for count in COUNTS]}),
        {"mask in another form": 1},
    ),
    "run lengths in a list": (
        change(2, segmentation=[{"size": list(SIZE), "counts": COUNTS}]),
        {"mask in another form": 1},
    ),
}


def write_accent(folder, name):
    """Writes the sound folder in an accent; returns {kind: how often}."""
    content = write_plain(folder)
    spoil, kinds = ACCENTS[name]
    spoil(content)
    write_annotations(folder, content)
    return kinds
