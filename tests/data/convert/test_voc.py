"""Pascal VOC: palettes, void, label maps, what lies on top, and what does not fit."""

import numpy as np
import pytest
from PIL import Image

from tests.data.convert.made import (
    HEIGHT,
    WIDTH,
    apart,
    assert_same_objects,
    data_set_of,
    instance,
    kinds,
    objects_of,
    ring,
    square,
    write_image,
)
from yolact_tf.data.convert.data_set import Category
from yolact_tf.data.convert.voc import VOC_CLASSES, read_voc, write_voc


def there_and_back(tmp_path, objects, **options):
    data_set = data_set_of(tmp_path / "source", objects, **options)
    (tmp_path / "voc").mkdir()
    report = write_voc(data_set, tmp_path / "voc")
    return data_set, read_voc(tmp_path / "voc"), report


def write_map(file, values, colors=None):
    """A palette PNG; colors: (r, g, b) by value."""
    file.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(np.asarray(values, "uint8"))
    image.putpalette(np.asarray(np.zeros((256, 3)) if colors is None else colors, "uint8").tobytes())
    image.save(file)


def write_folder(folder, objects, classes, colors=None):
    """A VOC folder of one image a.jpg, with maps [H, W]."""
    write_image(folder / "JPEGImages" / "a.jpg")
    write_map(folder / "SegmentationObject" / "a.png", objects)
    write_map(folder / "SegmentationClass" / "a.png", classes, colors)
    (folder / "ImageSets" / "Segmentation").mkdir(parents=True)
    (folder / "ImageSets" / "Segmentation" / "train.txt").write_text("a \r\n")
    return folder


def one_object(value=1):
    """[H, W] with one object inside a void border."""
    values = np.zeros((HEIGHT, WIDTH), int)
    values[4:12, 4:12], values[5:11, 5:11] = 255, value
    return values


@pytest.mark.parametrize("mask", [ring(), apart()])
def test_holes_and_parts_survive(tmp_path, mask):
    data_set, again, report = there_and_back(tmp_path, [instance(mask, 2)])
    assert_same_objects(again, data_set)
    assert report.objects == {"train": 1} and not report.losses


def test_fields_names_and_classes_survive(tmp_path):
    categories = {1: Category("a: b"), 2: Category("猫"), 3: Category("unused")}
    extra = {"pose": "Left", "truncated": 1}
    options = {"name": "sub/é 1.png", "split": "val", "categories": categories}
    data_set, again, report = there_and_back(tmp_path, [square(1, 1, 5, 5, 2, extra=extra)], **options)
    assert_same_objects(again, data_set)
    assert again.categories == categories
    assert again.splits["val"][0].instances[0].extra == extra
    assert kinds(report.losses) == {"polygons, now pixels": 1}


def test_overlaps_go_to_the_smaller_object_and_crowds_are_left_out(tmp_path):
    objects = [square(2, 2, 6, 6), square(2, 2, 20, 20, 2), square(1, 1, 30, 30, is_crowd=True)]
    _, again, report = there_and_back(tmp_path, objects)
    areas = [(name, int(mask.sum())) for name, _, mask in objects_of(again)["train/a.png"]]
    assert areas == [("cat", 16), ("dog", 18 * 18 - 16)]
    assert report.losses["objects covered in part by others"].count == 1
    assert report.losses["crowd regions left out"].count == 1


def test_an_empty_image_and_the_same_name_in_two_splits(tmp_path):
    data_set = data_set_of(tmp_path / "source", [])
    data_set.splits["val"] = data_set.splits["train"]
    report = write_voc(data_set, tmp_path)
    assert set(objects_of(read_voc(tmp_path))) == {"train/train/a.png", "val/val/a.png"}
    assert kinds(report.losses) == {"image names, now below a folder of their split": 2}


def test_more_classes_than_values_are_refused(tmp_path):
    categories = {i: Category(str(i)) for i in range(1, 256)}
    with pytest.raises(ValueError, match="VOC holds at most 254 classes. Received: 255"):
        there_and_back(tmp_path, [], categories=categories)


def test_files_are_as_voc_has_them(tmp_path):
    there_and_back(tmp_path, [square(5, 6, 15, 9, 2)])
    with Image.open(tmp_path / "voc" / "SegmentationClass" / "a.png") as image:
        assert image.mode == "P" and image.getpalette()[:9] == [0, 0, 0, 128, 0, 0, 0, 128, 0]
        assert image.getpalette()[765:] == [224, 224, 192]
        assert np.unique(np.asarray(image)).tolist() == [0, 2]
    xml = (tmp_path / "voc" / "Annotations" / "a.xml").read_text()
    # Counted from 1, the last pixel inside: columns 5..14 are 6..15.
    for text in ("<xmin>6</xmin>", "<ymin>7</ymin>", "<xmax>15</xmax>", "<ymax>9</ymax>", "<name>dog</name>"):
        assert text in xml
    assert "dog:0,128,0::\n" in (tmp_path / "voc" / "labelmap.txt").read_text()


def test_without_a_label_map_the_classes_are_vocs(tmp_path):
    write_folder(tmp_path / "VOCdevkit" / "VOC2012", one_object(1), one_object(8))
    data_set = read_voc(tmp_path)
    ((name, _, mask),) = objects_of(data_set)["train/a.jpg"]
    assert name == "cat" and mask.sum() == 36
    assert [c.name for c in data_set.categories.values()] == list(VOC_CLASSES)
    assert kinds(data_set.losses) == {"void pixels (borders, regions to ignore), by image": 1}


def test_a_label_map_may_have_colours_of_its_own(tmp_path):
    colors = np.zeros((256, 3), int)
    colors[7], colors[255] = (10, 20, 30), (224, 224, 192)
    write_folder(tmp_path, one_object(1), one_object(7), colors)
    rows = "# label:color_rgb:parts:actions\nbackground:0,0,0::\nbird:1,2,3::\ncat:10,20,30::\n"
    (tmp_path / "labelmap.txt").write_text(rows)
    assert [o[0] for o in objects_of(read_voc(tmp_path))["train/a.jpg"]] == ["cat"]
    for name in ("SegmentationClass", "SegmentationObject"):  # the same as colours, not indices
        file = tmp_path / name / "a.png"
        rgb = (
            Image.open(file).convert("RGB")
            if name == "SegmentationClass"
            else Image.new("RGB", (WIDTH, HEIGHT))
        )
        if name == "SegmentationObject":
            rgb.paste((9, 9, 9), (5, 5, 11, 11))
        rgb.save(file)
    ((found, _, mask),) = objects_of(read_voc(tmp_path))["train/a.jpg"]
    assert found == "cat" and mask.sum() == 36
    (tmp_path / "labelmap.txt").write_text("bird:1,2,3::\n")
    with pytest.raises(ValueError, match=r"a.png: expected the colours of labelmap.txt. Received: #0a141e"):
        read_voc(tmp_path)


def test_an_image_that_is_all_void_has_no_objects(tmp_path):
    void = np.full((HEIGHT, WIDTH), 255)
    write_folder(tmp_path, void, void)
    assert objects_of(read_voc(tmp_path)) == {"train/a.jpg": []}


def test_boxes_without_pixels_are_counted(tmp_path):
    there_and_back(tmp_path, [square(1, 1, 5, 5)])
    xml = tmp_path / "voc" / "Annotations" / "a.xml"
    xml.write_text(xml.read_text().replace("</annotation>", "<object><name>dog</name></object></annotation>"))
    assert kinds(read_voc(tmp_path / "voc").losses) == {"boxes without pixels": 1}


@pytest.mark.parametrize("name", ["trainval", "default"])
def test_one_list_for_all_is_training(tmp_path, name):
    sets = write_folder(tmp_path, one_object(), one_object(8)) / "ImageSets" / "Segmentation"
    (sets / "train.txt").rename(sets / f"{name}.txt")
    assert list(read_voc(tmp_path).splits) == ["train"]
    (sets / f"{name}.txt").unlink()
    with pytest.raises(FileNotFoundError, match=r"Segmentation: expected train.txt or val.txt"):
        read_voc(tmp_path)


def test_what_does_not_fit_is_refused_in_one_line(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"expected ImageSets/Segmentation/"):
        read_voc(tmp_path)
    write_folder(tmp_path, one_object(3), one_object(21))
    classes = tmp_path / "SegmentationClass" / "a.png"
    message = (
        r"SegmentationClass/a.png: expected a class from 1 to 20 at the pixels of object 3.* Received: 21"
    )
    with pytest.raises(ValueError, match=message):
        read_voc(tmp_path)
    write_map(classes, np.zeros((HEIGHT, WIDTH)))
    with pytest.raises(ValueError, match=r"of object 3\. Received: 0"):
        read_voc(tmp_path)
    write_map(classes, np.zeros((5, 6)))
    with pytest.raises(ValueError, match=r"SegmentationClass/a.png: expected 40x30 pixels"):
        read_voc(tmp_path)
    classes.write_bytes(b"none")
    with pytest.raises(ValueError, match=r"SegmentationClass/a.png: expected a mask PNG"):
        read_voc(tmp_path)
    classes.unlink()
    with pytest.raises(FileNotFoundError, match=r"SegmentationClass/a.png: no such mask file"):
        read_voc(tmp_path)
    (tmp_path / "labelmap.txt").write_text("cat\n")
    with pytest.raises(ValueError, match=r"labelmap.txt: row 1: expected `name:r,g,b::`. Received: 'cat'"):
        read_voc(tmp_path)
    (tmp_path / "labelmap.txt").unlink()
    (tmp_path / "JPEGImages" / "a.jpg").unlink()
    with pytest.raises(FileNotFoundError, match=r"JPEGImages/a.jpg: no such image file"):
        read_voc(tmp_path)
