"""A data folder with everything in it that people's folders have: named in one line each, and training goes
on with the rest, or refuses to start, as the recipe says."""

import copy
import warnings

import numpy as np
import pytest
from PIL import Image

from tests.coco_folder import rectangle, write_annotations, write_folder
from yolact_tf.config import Config, DataConfig, ModelConfig, TrainConfig
from yolact_tf.data.coco.split import load_coco
from yolact_tf.data.pipeline import build_dataset

SIZE, SLOTS = 64, 20
NAN = float("nan")
# name -> (file, what to change in its annotation, what the line must say)
BAD_OBJECTS = {
    "a polygon of two points": ({"segmentation": [[1, 1, 9, 9]]}, "at least three points"),
    "a NaN coordinate": ({"segmentation": [[1, 1, 9, NAN, 5, 2]]}, "NaN or no number"),
    "RLE of another size": ({"segmentation": {"size": [40, 30], "counts": [1200]}}, "expected RLE of size"),
    "a box without width": ({"bbox": [5, 5, 0, 10]}, "positive width and height"),
}
BAD_IMAGES = {
    "empty.jpg": "Received 0 bytes",
    "cut.jpg": "expected a whole JPEG",
    "vast.jpg": "400000000 pixels",
    "gone.jpg": "no such image file",
}


def config_of(**data):
    return Config(
        model=ModelConfig(num_classes=2),
        data=DataConfig(image_size=SIZE, max_objects=SLOTS, photometric=False, **data),
        train=TrainConfig(batch_size=1),
    )


def write_vast_jpeg(path):
    """20 000 x 20 000 pixels, of which only the header is ever read."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        Image.new("L", (20_000, 20_000)).save(path)


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    """Folder of what is unusual but right, and its annotations."""
    folder = tmp_path_factory.mktemp("sound")
    pictures = {
        "plain.png": (40, 60),
        "one_pixel.png": (1, 1),
        "crowded.png": (100, 100),
        "only_crowds.png": (40, 60),
        "größe 大.png": (40, 60),
        "deep/er/nested.png": (40, 60),
    }
    many = [rectangle(3, 3 * (i % 33), 3 * (i // 33), 3, 3, category_id=7) for i in range(1000)]
    annotations = [
        rectangle(1, 5, 5, 30, 20),
        rectangle(2, 0, 0, 1, 1),
        *many,
        rectangle(4, 5, 5, 30, 20, is_crowd=1),
        rectangle(5, 5, 5, 30, 20, category_id=7),
        rectangle(6, 5, 5, 30, 20),
    ]
    # The ids leave a gap, as COCO's do.
    categories = [{"id": 1, "name": "thing"}, {"id": 7, "name": "other"}]
    content = write_folder(folder, pictures, annotations, categories)
    Image.fromarray(np.full((40, 60, 3), 90, "uint8")).save(folder / "images" / "jpeg.png", "JPEG")
    content["images"].append({"id": 7, "file_name": "jpeg.png", "height": 40, "width": 60})
    content["annotations"].append({**rectangle(7, 5, 5, 30, 20), "id": 5000})
    write_annotations(folder, content)
    return folder, content


@pytest.fixture(scope="module")
def spoilt(sound):
    """The same folder; its train.json also names images and objects that are no good."""
    folder, content = sound[0], copy.deepcopy(sound[1])
    whole = folder / "whole.jpg"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (40, 60, 3), "uint8")).save(whole)
    (folder / "images" / "empty.jpg").write_bytes(b"")
    (folder / "images" / "cut.jpg").write_bytes(whole.read_bytes()[:-200])
    write_vast_jpeg(folder / "images" / "vast.jpg")
    for image_id, name in enumerate(BAD_IMAGES, 100):
        side = 20_000 if name == "vast.jpg" else 40
        content["images"].append({"id": image_id, "file_name": name, "height": side, "width": side})
        content["annotations"].append({**rectangle(image_id, 5, 5, 30, 20), "id": 6000 + image_id})
    for number, (change, _) in enumerate(BAD_OBJECTS.values()):
        content["annotations"].append({**rectangle(1, 5, 5, 30, 20), "id": 7000 + number, **change})
    return folder, content


def test_what_is_unusual_but_right_trains(sound, caplog):
    folder, content = sound
    write_annotations(folder, content)
    data = load_coco(folder, "train")
    assert caplog.messages == [] and data.labels == {1: "thing", 7: "other"}
    plain = config_of(mirror=False, expand=1.0, sample_crop=False)
    batches = [
        (i.numpy(), {k: v.numpy() for k, v in t.items()}) for i, t in build_dataset(plain, data, "train")
    ]
    assert len(batches) == len(content["images"])
    counts = sorted(int(truth["num_objects"][0]) for _, truth in batches)
    assert counts == [1, 1, 1, 1, 1, 1, SLOTS]  # of 1 000 objects the largest stay, here any
    for image, truth in batches:
        assert np.isfinite(image).all() and np.isfinite(truth["boxes"]).all()
        assert truth["masks"].any((2, 3)).sum() == truth["num_objects"][0]
    assert sum(int(truth["is_crowd"].sum()) for _, truth in batches) == 1
    whole = [t for _, t in batches if (t["boxes"][0, 0] == [0, 0, 1, 1]).all()]
    assert len(whole) == 1 and whole[0]["masks"][0, 0].all()  # the image of one pixel


@pytest.mark.whole
def test_augmentation_bears_all_of_it(sound):
    folder, content = sound
    write_annotations(folder, content)
    config = config_of(scale_jitter=(0.5, 2.0), flip=True, boxes="refitted")
    for _ in range(2):
        examples = list(build_dataset(config, folder, "train"))
        assert examples
        for image, truth in examples:
            assert np.isfinite(image.numpy()).all()
            assert (truth["boxes"].numpy()[..., 2:] >= truth["boxes"].numpy()[..., :2]).all()


def test_each_fault_is_named_in_one_line_and_the_rest_trains(spoilt, caplog):
    folder, content = spoilt
    write_annotations(folder, content)
    data = load_coco(folder, "train", "skip")
    lines = [line for message in caplog.messages for line in message.splitlines()]
    for name, message in BAD_IMAGES.items():
        assert sum(f"{name}:" in line and message in line for line in lines) == 1, name
    for number, (_, message) in enumerate(BAD_OBJECTS.values()):
        assert sum(f"annotation {7000 + number}:" in line and message in line for line in lines) == 1, message
    assert len(data.records) == len(content["images"]) - len(BAD_IMAGES)
    shown = sum(1 for _ in build_dataset(config_of(), data, "train"))
    assert shown == len(data.records)


@pytest.mark.parametrize("fault", [*BAD_IMAGES, *BAD_OBJECTS])
def test_each_fault_alone_keeps_training_from_starting_where_errors_are_refused(fault, spoilt):
    folder, content = spoilt
    content = copy.deepcopy(content)
    number = 7000 + list(BAD_OBJECTS).index(fault) if fault in BAD_OBJECTS else None
    content["images"] = [
        i for i in content["images"] if i["file_name"] not in BAD_IMAGES or i["file_name"] == fault
    ]
    kept = {image["id"] for image in content["images"]}
    content["annotations"] = [
        a for a in content["annotations"] if a["image_id"] in kept and (a["id"] < 7000 or a["id"] == number)
    ]
    write_annotations(folder, content)
    with pytest.raises(ValueError) as caught:
        build_dataset(config_of(on_error="refuse"), folder, "train")
    message = BAD_IMAGES.get(fault) or BAD_OBJECTS[fault][1]
    assert message in str(caught.value) and (fault in str(caught.value) or f"{number}" in str(caught.value))
