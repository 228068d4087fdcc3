"""Image files: links and copies, names that must not clash or lead astray, sizes."""

import os

import pytest

from tests.data.convert.made import HEIGHT, WIDTH, write_image
from yolact_tf.data.convert.conversion_losses import Losses
from yolact_tf.data.convert.data_set import DataSet, Picture
from yolact_tf.data.convert.image_files import (
    annotation_names,
    check_size,
    checked_name,
    find_picture,
    find_pictures,
    listed_pictures,
    names_in_one_folder,
    picture_headers,
    place_picture,
)
from yolact_tf.data.convert.left_out import LeftOut
from yolact_tf.images.inspection import ImageHeader


def pictures(*names):
    return tuple(Picture(name, name, 4, 3) for name in names)


def test_an_image_is_linked(tmp_path):
    source = write_image(tmp_path / "a.png")
    place_picture(Picture("a.png", source, WIDTH, HEIGHT), tmp_path / "new" / "b.png")
    assert os.path.samefile(source, tmp_path / "new" / "b.png")


def test_or_copied_where_that_is_wanted_or_links_are_impossible(tmp_path, monkeypatch):
    source = write_image(tmp_path / "a.png")
    picture = Picture("a.png", source, WIDTH, HEIGHT)
    place_picture(picture, tmp_path / "b.png", link=False)

    def refuse(*_):
        raise OSError("not on this disk")

    monkeypatch.setattr(os, "link", refuse)
    place_picture(picture, tmp_path / "c.png")
    for name in ("b.png", "c.png"):
        assert (tmp_path / name).read_bytes() == source.read_bytes()
        assert not os.path.samefile(source, tmp_path / name)


def test_what_a_symbolic_link_names_is_linked_not_the_link(tmp_path):
    source = write_image(tmp_path / "a.png")
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "link.png").symlink_to("../a.png")
    place_picture(Picture("a.png", tmp_path / "here" / "link.png", WIDTH, HEIGHT), tmp_path / "b.png")
    assert not (tmp_path / "b.png").is_symlink() and os.path.samefile(source, tmp_path / "b.png")


def test_a_second_image_of_the_same_name_never_overwrites_the_first(tmp_path):
    first, second = (write_image(tmp_path / f"{n}.png", n, n) for n in (4, 5))
    before = first.read_bytes()
    place_picture(Picture("a.png", first, 4, 4), tmp_path / "a.png")
    with pytest.raises(ValueError, match="5.png: expected image names that differ. Received 'a.png' twice"):
        place_picture(Picture("a.png", second, 5, 5), tmp_path / "a.png")
    assert first.read_bytes() == (tmp_path / "a.png").read_bytes() == before


def test_sizes_come_in_order_and_a_missing_image_is_named(tmp_path):
    paths = [write_image(tmp_path / f"{i}.png", 3 + i, 9) for i in range(5)]
    *headers, of_none = picture_headers([*paths, tmp_path / "none.png"])
    assert [header().size for header in headers] == [(9, 3 + i) for i in range(5)]
    with pytest.raises(FileNotFoundError, match=r"none\.png: no such image file"):
        of_none()


def test_listed_images_are_found_and_the_others_named(tmp_path):
    source = write_image(tmp_path / "a.png")
    (tmp_path / "train.txt").write_text("a \r\nnone\n../a\n")
    left_out = LeftOut()
    assert listed_pictures(tmp_path / "train.txt", tmp_path, left_out) == [("a", source)]
    missing, outside = left_out.images
    assert "none.jpg: no such image file" in missing and "train.txt: expected image names below" in outside


def test_another_size_than_the_annotations_say_is_refused():
    assert check_size("a.png", ImageHeader((4, 3)), (4, 3)) == 1
    assert check_size("a.jpg", ImageHeader((3, 4), orientation=8), (4, 3)) == 8
    with pytest.raises(ValueError, match="a.png: expected 4x3 pixels, as its annotations say. Received: 3x4"):
        check_size("a.png", ImageHeader((3, 4)), (4, 3))


def test_images_are_found_in_sub_folders_by_their_endings(tmp_path):
    for name in ("b.png", "sub/ä.JPG", "sub/deep/c.webp"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "notes.txt").write_bytes(b"")
    assert [p.relative_to(tmp_path).as_posix() for p in find_pictures(tmp_path)] == [
        *("b.png", "sub/deep/c.webp", "sub/ä.JPG")
    ]
    assert find_picture(tmp_path, "sub/ä").name == "ä.JPG"
    with pytest.raises(FileNotFoundError, match="no such image file"):
        find_picture(tmp_path, "notes")


@pytest.mark.parametrize("name", ["../a.png", "/etc/a.png", "sub/../../a.png", "", None, 3])
def test_names_that_lead_out_of_the_folder_are_refused(name):
    with pytest.raises(ValueError, match="train.json: expected image names below the image folder"):
        checked_name(name, "train.json")


def test_names_in_sub_folders_and_any_script_are_fine():
    assert checked_name("sub/猫 1.jpg", "train.json") == "sub/猫 1.jpg"


def test_annotation_files_are_called_like_images_and_may_not_clash():
    assert annotation_names(["a.b.jpg", "sub/a.png"], "train") == ["a.b", "sub/a"]
    with pytest.raises(ValueError, match=r"train: expected image names.*'a.jpg' and 'a.png'"):
        annotation_names(["a.jpg", "a.png"], "train")


def test_one_folder_for_all_splits_keeps_names_unless_they_clash():
    losses = Losses()
    data_set = DataSet({}, {"train": pictures("a.jpg", "b.jpg"), "val": pictures("c.jpg")})
    assert names_in_one_folder(data_set, losses) == {"train": ["a.jpg", "b.jpg"], "val": ["c.jpg"]}
    assert not losses
    data_set = DataSet({}, {"train": pictures("a.jpg", "b.jpg"), "val": pictures("a.png")})
    assert names_in_one_folder(data_set, losses) == {
        "train": ["train/a.jpg", "train/b.jpg"],
        "val": ["val/a.png"],
    }
    assert losses == {"image names, now below a folder of their split": (3, "a")}
