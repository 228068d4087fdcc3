"""What becomes of images, some of which cannot be read."""

import io
import json
import tarfile

import pytest
from numpy.testing import assert_array_equal
from PIL import Image

import yolact_tf
from yolact_tf.batch.images import Look, find_images, in_groups
from yolact_tf.batch.looking import look_at


@pytest.fixture(scope="module")
def detector(saved_model):
    return yolact_tf.Detector.from_artefact(saved_model)


@pytest.mark.parametrize("batch", [1, 2, 4])
def test_each_image_has_its_own_in_any_batch(batch, photographs, detector):
    (photographs / "list.txt").write_text("val_00000.jpg\ntext.PNG\nval_00001.jpg\nval_00002.jpg\ncut.jpg\n")
    images = [i for group in in_groups(find_images(f"{photographs}/list.txt")) for i in group.images]
    seen = list(look_at(detector, images, Look(0.05, batch)))
    assert [bool(one.failed) for one in seen] == [False, True, False, False, True]
    assert json.loads(seen[1].failed)["image_id"] == 2 and not seen[1].results
    for image, one in zip(images, seen, strict=True):
        rows = json.loads(b"[" + one.results + b"]")
        assert len(rows) == one.objects and {row["image_id"] for row in rows} <= {image.image_id}
        if not one.failed:
            found = detector(image.address).above(0.05)
            assert [row["category_id"] for row in rows] == found.class_ids.tolist()


def test_above_the_highest_threshold_there_is_nothing(photographs, detector):
    (group, *_) = in_groups([f"{photographs}/val_00000.jpg"])
    (seen,) = look_at(detector, group.images, Look(1.0))
    assert seen == (b"", b"", b"", 0, ())


def test_a_picture_of_any_name_is_a_member_of_a_tar(tmp_path, detector):
    name = "ü" * 60 + "/" + "a" * 120 + ".png"
    (tmp_path / name).parent.mkdir()
    Image.new("RGB", (40, 30), (9, 8, 7)).save(tmp_path / name)
    Image.new("RGB", (40, 30)).save(tmp_path / name.rpartition("/")[2])
    places = [str(tmp_path / name), str(tmp_path / name.rpartition("/")[2])]
    images = [image for group in in_groups(places) for image in group.images]
    members = b"".join(seen.overlays for seen in look_at(detector, images, Look(1.0, has_overlays=True)))
    with tarfile.open(fileobj=io.BytesIO(members + bytes(1024))) as tar:
        assert tar.getnames() == [f"{name}.png", f"{name.rpartition('/')[2]}.png"]
        drawn = Image.open(io.BytesIO(tar.extractfile(f"{name}.png").read()))
        assert_array_equal(drawn.getpixel((5, 5)), (9, 8, 7))
