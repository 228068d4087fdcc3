"""SBD: MATLAB files of instances, and what is missing."""

import sys

import numpy as np
import pytest

from tests.data.convert.made import HEIGHT, WIDTH, malformed, objects_of, write_image
from yolact_tf.data.convert.sbd import read_sbd


@pytest.fixture
def savemat():
    return pytest.importorskip("scipy.io").savemat


def write_folder(folder, savemat, ids, categories):
    """dataset/ of one image a."""
    write_image(folder / "dataset" / "img" / "a.jpg")
    (folder / "dataset" / "inst").mkdir(exist_ok=True)
    truth = {"Segmentation": np.asarray(ids, "uint8"), "Categories": np.array(categories, "uint8")[:, None]}
    savemat(folder / "dataset" / "inst" / "a.mat", {"GTinst": truth})
    (folder / "dataset" / "val.txt").write_text("a\n")
    return folder


def scene():
    ids = np.zeros((HEIGHT, WIDTH), int)
    ids[2:5, 2:6], ids[10:20, 10:20] = 1, 2
    return ids


@pytest.mark.parametrize("inner", ["", "dataset"])
def test_instances_have_the_classes_of_voc(tmp_path, savemat, inner):
    write_folder(tmp_path, savemat, scene(), [8, 15])
    data_set = read_sbd(tmp_path / inner)
    assert len(data_set.categories) == 20 and data_set.categories[15].name == "person"
    (cat, person) = objects_of(data_set)["val/a.jpg"]
    assert (cat[0], person[0]) == ("cat", "person")
    np.testing.assert_array_equal(person[2], scene() == 2)


def test_one_object_and_none(tmp_path, savemat):
    write_folder(tmp_path, savemat, scene() == 1, [8])
    assert [o[0] for o in objects_of(read_sbd(tmp_path))["val/a.jpg"]] == ["cat"]
    write_folder(tmp_path, savemat, scene() * 0, [])
    assert objects_of(read_sbd(tmp_path)) == {"val/a.jpg": []}


@pytest.mark.parametrize("categories", [[8], [8, 21], [8, 0]])
def test_an_object_without_a_class_is_named_and_left_out(tmp_path, savemat, categories):
    write_folder(tmp_path, savemat, scene(), categories)
    data_set = read_sbd(tmp_path)
    assert [o[0] for o in objects_of(data_set)["val/a.jpg"]] == ["cat"]
    noun, line = malformed(data_set)
    assert noun == "object" and "a.mat: object 2: expected a class from 1 to 20. Received: " in line


def test_what_does_not_fit_is_named_and_left_out(tmp_path, savemat):
    with pytest.raises(FileNotFoundError, match=r"expected train.txt or val.txt and inst/"):
        read_sbd(tmp_path)
    write_folder(tmp_path, savemat, scene()[:, :-1], [8, 9])
    file = tmp_path / "dataset" / "inst" / "a.mat"

    def line():
        data_set = read_sbd(tmp_path)
        assert data_set.splits == {"val": ()}
        return malformed(data_set)[1]

    assert "a.mat: expected 40x30 pixels" in line()
    savemat(file, {"other": 1})
    assert "a.mat: expected MATLAB's GTinst with Segmentation. Received: 'GTinst'" in line()
    file.write_bytes(b"no matlab\n" * 40)
    assert "a.mat: expected MATLAB's GTinst" in line()
    file.unlink()
    assert "a.mat: no such mask file" in line()
    (tmp_path / "dataset" / "img" / "a.jpg").unlink()
    assert "a.jpg: no such image file" in line()


def test_without_scipy_the_error_says_so(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "scipy.io", None)
    with pytest.raises(ImportError, match=r"^reading SBD needs scipy: pip install 'yolact_tf\[sbd\]'$"):
        read_sbd(tmp_path)
