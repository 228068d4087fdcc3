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
    malformed,
    objects_of,
    ring,
    square,
    there_and_back,
    write_image,
)
from yolact_tf.data.convert.data_set import Category
from yolact_tf.data.convert.voc import VOC_CLASSES, read_voc, write_voc


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
    data_set, again, report = there_and_back(tmp_path, "voc", [instance(mask, 2)])
    assert_same_objects(again, data_set)
    assert report.objects == {"train": 1} and not report.losses


def test_fields_names_and_classes_survive(tmp_path):
    categories = {1: Category("a: b"), 2: Category("猫"), 3: Category("unused")}
    extra = {"pose": "Left", "truncated": 1}
    options = {"name": "sub/é 1.png", "split": "val", "categories": categories}
    data_set, again, report = there_and_back(tmp_path, "voc", [square(1, 1, 5, 5, 2, extra=extra)], **options)
    assert_same_objects(again, data_set)
    assert again.categories == categories
    assert again.splits["val"][0].instances[0].extra == extra
    assert kinds(report.losses) == {"polygons, now pixels": 1}


def test_overlaps_go_to_the_smaller_object_and_crowds_are_left_out(tmp_path):
    objects = [square(2, 2, 6, 6), square(2, 2, 20, 20, 2), square(1, 1, 30, 30, is_crowd=True)]
    _, again, report = there_and_back(tmp_path, "voc", objects)
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
        there_and_back(tmp_path, "voc", [], categories=categories)


def test_files_are_as_voc_has_them(tmp_path):
    there_and_back(tmp_path, "voc", [square(5, 6, 15, 9, 2)])
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
    data_set = read_voc(tmp_path)
    kind = "maps with colours of no class, now void there"
    assert data_set.losses[kind].example.endswith("SegmentationClass/a.png: 1, such as #0a141e")
    noun, line = malformed(data_set)
    assert noun == "object" and "object 1: expected a class from 1 to 1 at its pixels. Received: 0" in line


def paint_colors(file, colors):
    """An RGB map of 6 x 6 blocks in those colours, one beside the other on black."""
    image = Image.new("RGB", (WIDTH, HEIGHT))
    for number, color in enumerate(colors):
        image.paste(color, (1 + 8 * number, 2, 7 + 8 * number, 8))
    image.save(file)


VOC_COLORS = [(128, 0, 0), (0, 128, 0), (128, 128, 0), (0, 0, 128)]  # of values 1, 2, 3, 4, by the devkit


def write_colored_objects(folder, order, colors=VOC_COLORS):
    """Blocks left to right are objects `order`, of which the XML calls the third difficult."""
    write_folder(folder, one_object(), one_object())
    paint_colors(folder / "SegmentationObject" / "a.png", [colors[k - 1] for k in order])
    paint_colors(folder / "SegmentationClass" / "a.png", [(64, 0, 0)] * 4)  # class 8
    entries = ["<object/>", "<object/>", "<object><difficult>1</difficult></object>", "<object/>"]
    (folder / "Annotations").mkdir()
    (folder / "Annotations" / "a.xml").write_text(f"<annotation>{''.join(entries)}</annotation>")
    return read_voc(folder)


def difficult_blocks(data_set):
    """Number from the left, of four, of each object that is difficult; and how many objects there are."""
    (picture,) = data_set.splits["train"]
    columns = [int(np.argmax(mask.any(0))) // 8 for *_, mask in objects_of(data_set)["train/a.jpg"]]
    found = zip(columns, picture.instances, strict=True)
    return [column for column, i in found if i.extra.get("difficult")], len(columns)


def test_colours_of_voc_are_its_values_whatever_their_order(tmp_path):
    data_set = write_colored_objects(tmp_path, [4, 3, 2, 1])
    # Sorted, the colours would be those of 4, 2, 1 and 3: the third would be the last block.
    assert difficult_blocks(data_set) == ([1], 4)
    assert not data_set.losses
    assert {o[0] for o in objects_of(data_set)["train/a.jpg"]} == {"cat"}


def test_void_in_colours_is_void(tmp_path):
    write_colored_objects(tmp_path, [1, 2, 3, 4], [(224, 224, 192), *VOC_COLORS[1:]])
    assert difficult_blocks(read_voc(tmp_path)) == ([2], 3)
    assert kinds(read_voc(tmp_path).losses) == {
        "void pixels (borders, regions to ignore), by image": 1,
        "boxes without pixels": 1,
    }


def test_objects_in_colours_of_their_own_have_no_number_in_the_xml(tmp_path):
    data_set = write_colored_objects(
        tmp_path, [4, 3, 2, 1], [(9, 9, 9), (200, 1, 1), (3, 99, 3), (255, 0, 0)]
    )
    assert difficult_blocks(data_set) == ([], 4)
    assert kinds(data_set.losses) == {"what the XML says of objects in colours other than VOC's": 4}


@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_smooth_edges_are_void_and_no_objects(tmp_path, mode):
    write_colored_objects(tmp_path, [4, 3, 2, 1])
    for name in ("SegmentationObject", "SegmentationClass"):
        file = tmp_path / name / "a.png"
        with Image.open(file) as image:
            large = image.resize((8 * WIDTH, 8 * HEIGHT), Image.Resampling.NEAREST).rotate(9)
            smooth = large.resize((WIDTH, HEIGHT), Image.Resampling.BILINEAR)
        (smooth if mode == "RGB" or name == "SegmentationClass" else smooth.convert("L")).save(file)
    data_set = read_voc(tmp_path)
    assert len(objects_of(data_set)["train/a.jpg"]) == 4
    assert {
        "maps with smooth edges, now void there",
        "maps with colours of no class, now void there",
    } <= set(data_set.losses)
    assert not data_set.losses.left_out


def test_of_a_label_map_background_black_and_void_are_no_classes(tmp_path):
    colors = np.zeros((256, 3), int)
    colors[7], colors[8], colors[255] = (10, 20, 30), (1, 2, 3), (224, 224, 192)
    classes = one_object(7)
    classes[20:25] = 8
    write_folder(tmp_path, one_object(1), classes, colors)
    rows = "background:1,2,3::\ncat:10,20,30::\nnothing:0,0,0::\nignored:224,224,192::\n"
    (tmp_path / "labelmap.txt").write_text(rows)
    data_set = read_voc(tmp_path)
    assert data_set.categories == {1: Category("cat")}
    assert [o[0] for o in objects_of(data_set)["train/a.jpg"]] == ["cat"]
    assert data_set.losses["classes in the colour of background or void"].count == 2
    (tmp_path / "labelmap.txt").write_text("cat:10,20,30::\ndog:10,20,30::\n")
    with pytest.raises(ValueError, match=r"labelmap.txt: row 2: expected colours that differ"):
        read_voc(tmp_path)


def test_a_class_that_is_called_like_none_is_counted(tmp_path):
    categories = {1: Category("cat"), 2: Category("background")}
    *_, report = there_and_back(tmp_path, "voc", [], categories=categories)
    assert report.losses == {"classes of a name that means none": (1, "background")}


def test_an_image_that_is_all_void_has_no_objects(tmp_path):
    void = np.full((HEIGHT, WIDTH), 255)
    write_folder(tmp_path, void, void)
    assert objects_of(read_voc(tmp_path)) == {"train/a.jpg": []}


def test_boxes_without_pixels_are_counted(tmp_path):
    there_and_back(tmp_path, "voc", [square(1, 1, 5, 5)])
    xml = tmp_path / "voc" / "Annotations" / "a.xml"
    xml.write_text(xml.read_text().replace("</annotation>", "<object><name>dog</name></object></annotation>"))
    assert kinds(read_voc(tmp_path / "voc").losses) == {"boxes without pixels": 1}


@pytest.mark.parametrize("name", ["trainval", "default", "Train", "kitchen"])
def test_one_list_for_all_is_training(tmp_path, name):
    sets = write_folder(tmp_path, one_object(), one_object(8)) / "ImageSets" / "Segmentation"
    (sets / "train.txt").rename(sets / f"{name}.txt")
    assert list(read_voc(tmp_path).splits) == ["train"]
    (sets / "garden.txt").write_text("a\n")
    others = ["garden", "kitchen"] if name == "kitchen" else ["train"]
    assert list(read_voc(tmp_path).splits) == others
    (sets / "garden.txt").unlink()
    (sets / f"{name}.txt").unlink()
    with pytest.raises(FileNotFoundError, match=r"Segmentation: expected train.txt or val.txt"):
        read_voc(tmp_path)


@pytest.mark.parametrize("value", [0, 21])
def test_an_object_without_a_class_is_named_and_left_out(tmp_path, value):
    ids, classes = one_object(3), one_object(value)
    ids[20:23, 20:23], classes[20:23, 20:23] = 1, 8
    write_folder(tmp_path, ids, classes)
    data_set = read_voc(tmp_path)
    assert [o[0] for o in objects_of(data_set)["train/a.jpg"]] == ["cat"]
    noun, line = malformed(data_set)
    message = (
        f"SegmentationClass/a.png: object 3: expected a class from 1 to 20 at its pixels. Received: {value}"
    )
    assert noun == "object" and line.endswith(message)


def test_what_does_not_fit_is_named_and_left_out(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"expected ImageSets/Segmentation/"):
        read_voc(tmp_path)
    write_folder(tmp_path, one_object(3), one_object(8))
    classes = tmp_path / "SegmentationClass" / "a.png"

    def line():
        data_set = read_voc(tmp_path)
        assert data_set.splits == {"train": ()}
        return malformed(data_set)[1]

    write_map(classes, np.zeros((5, 6)))
    assert "SegmentationClass/a.png: expected 40x30 pixels" in line()
    classes.write_bytes(b"none")
    assert "SegmentationClass/a.png: expected a mask PNG" in line()
    classes.unlink()
    assert "SegmentationClass/a.png: no such mask file" in line()
    (tmp_path / "JPEGImages" / "a.jpg").unlink()
    assert "JPEGImages/a.jpg: no such image file" in line()
    for row in ("cat", "cat:1,2::", "cat:r,g,b::"):
        (tmp_path / "labelmap.txt").write_text(f"{row}\n")
        with pytest.raises(ValueError, match=r"labelmap.txt: row 1: expected `name:r,g,b::`. Received: 'cat"):
            read_voc(tmp_path)
