import numpy as np
from numpy.testing import assert_array_equal
from PIL import Image

from tests.detect.sinks.test_data_set_folder import IMAGE, of_video, still
from tests.detect.test_detections import THREE, detections
from yolact_tf.detect.sinks.cutouts import Cutouts


def test_each_object_is_a_file(tmp_path):
    with Cutouts(tmp_path / "out") as sink:
        sink.add(still(tmp_path, "sub/a.png"), THREE)
        sink.add(of_video(7), THREE[:1])
        sink.add(still(tmp_path, "empty.png"), THREE[:0])
    files = {path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out").rglob("*.png")}
    expected = {"sub/a/01_cat.png", "sub/a/02_dog.png", "sub/a/03_cat.png", "clip_000007/01_cat.png"}
    assert files == expected
    assert not (tmp_path / "out" / "empty").exists()
    picture = np.asarray(Image.open(tmp_path / "out/sub/a/02_dog.png"))
    assert_array_equal(picture, THREE.cutouts(IMAGE)[1])


def test_names_cannot_lead_elsewhere(tmp_path):
    found = detections((10, 10, 30, 30), class_names=("../x y/\u00e4",))
    with Cutouts(tmp_path / "out") as sink:
        sink.add(still(tmp_path, "a.png"), found)
    (file,) = (tmp_path / "out" / "a").iterdir()
    assert file.name == "01_.._x_y_\u00e4.png"


def test_what_is_hidden_by_others_has_no_file(tmp_path):
    found = detections((0, 0, 20, 20), (5, 5, 10, 10)).disjoint()
    with Cutouts(tmp_path / "out") as sink:
        sink.add(still(tmp_path, "a.png"), found)
    assert len(list((tmp_path / "out" / "a").iterdir())) == 1
