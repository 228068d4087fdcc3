"""Which images are meant, and what they are called."""

import pytest

from yolact_tf.batch.images import Group, find_images, in_groups


def names(found):
    return [address.rpartition("/")[2] for address in found]


def test_a_folder_gives_what_is_called_an_image_in_order(photographs):
    (photographs / "deeper").mkdir()
    (photographs / "deeper" / "a.jpg").touch()
    expected = ["cut.jpg", "text.PNG", *(f"val_0000{i}.jpg" for i in range(4))]
    assert names(find_images(str(photographs))) == expected


def test_a_relative_folder_is_found_from_elsewhere(photographs, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = find_images("photographs")
    assert found == find_images(str(photographs)) and found[0] == f"{photographs}/cut.jpg"


def test_globs_reach_below_and_one_file_is_itself(photographs):
    (photographs / "[1]").mkdir()
    (photographs / "[1]" / "z.jpg").touch()
    assert names(find_images(f"{photographs}/val_*")) == [f"val_0000{i}.jpg" for i in range(4)]
    assert names(find_images(f"{photographs}/**/*.jpg"))[0] == "z.jpg"
    assert names(find_images(f"{photographs}/[1]")) == ["z.jpg"]
    assert names(find_images(f"{photographs}/text.PNG")) == ["text.PNG"]


def test_a_list_is_relative_to_itself_and_keeps_its_order(photographs):
    (photographs / "list.txt").write_text(
        "val_00001.jpg\n\n/elsewhere/b.bin \ngs://there/c.jpg\nval_00001.jpg\n"
    )
    found = find_images(f"{photographs}/list.txt")
    assert found == [f"{photographs}/val_00001.jpg", "/elsewhere/b.bin", "gs://there/c.jpg"]


def test_far_folders_have_no_entry_of_their_own(photographs, far):
    url = far(photographs)
    expected = [f"{url}/{name}" for name in names(find_images(str(photographs)))]
    assert find_images(url) == find_images(f"{url}/") == expected
    assert find_images(f"{url}/val_*2.jpg") == [f"{url}/val_00002.jpg"]


@pytest.mark.parametrize(
    ("place", "error", "message"),
    [
        ("", ValueError, "IMAGES must name images"),
        ("nothing", FileNotFoundError, "which matches nothing"),
        ("*.gif", FileNotFoundError, "which matches nothing"),
        ("empty", ValueError, "with 0 other files"),
        ("notes.md", ValueError, "with 1 other files"),
        ("blank.txt", ValueError, "an address of an image a line"),
        ("bytes.txt", ValueError, "expected a text file"),
    ],
)
def test_what_names_no_image_is_refused_in_a_line(place, error, message, photographs, monkeypatch):
    (photographs / "empty").mkdir()
    (photographs / "blank.txt").write_text("\n \n")
    (photographs / "bytes.txt").write_bytes(b"\xff\xfe\xff")
    monkeypatch.chdir(photographs)
    with pytest.raises(error, match=message) as refused:
        find_images(place)
    assert "\n" not in str(refused.value)


def test_groups_hold_all_images_once_and_few_of_few():
    for count, most in ((1, 1), (256, 1), (257, 2), (9000, 32)):
        groups = in_groups([f"/a/{i}.jpg" for i in range(count)])
        assert [group.number for group in groups] == list(range(len(groups)))
        assert max(len(group.images) for group in groups) == most
        assert [i.image_id for group in groups for i in group.images] == list(range(1, count + 1))


def test_equal_names_are_told_apart_by_their_folders():
    images = [
        image for group in in_groups(["/a/b/x.jpg", "/a/c/x.jpg", "/a/c/y.jpg"]) for image in group.images
    ]
    assert [image.name for image in images] == ["b/x.jpg", "c/x.jpg", "c/y.jpg"]
    assert [image.name for group in in_groups(["/a/b/x.jpg", "/a/c/y.jpg"]) for image in group.images] == [
        "x.jpg",
        "y.jpg",
    ]


def test_a_group_is_a_line_and_back():
    (group,) = in_groups(["/a/line\nbreak é.jpg"])
    assert "\n" not in group.to_line() and Group.of_line(group.to_line()) == group
