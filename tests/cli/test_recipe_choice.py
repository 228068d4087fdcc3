"""`yolact train` without a recipe, and what is in the place of one by mistake."""

import json
import shutil

import pytest

from tests.in_process import in_process
from yolact_tf.runs import config_of


@pytest.fixture
def yolact(capsys, monkeypatch):
    return lambda *arguments: in_process(capsys, monkeypatch, *arguments)


def test_a_folder_in_the_place_of_a_recipe_is_named(shapes_data, tmp_path, yolact):
    for others in ((), ("--run", tmp_path / "run"), ("--data", shapes_data)):
        code, _, err = yolact("train", shapes_data, *others)
        assert code == 2 and err.count("\n") == 1
        assert f"yolact train --data {shapes_data} --run RUN" in err


@pytest.mark.parametrize(("given", "missing"), [((), "'--data'"), (("--data", "."), "'--run'")])
def test_what_is_missing_is_named(given, missing, yolact):
    for recipe in ((), ("tiny_256",)):
        code, _, err = yolact("train", *recipe, *given)
        assert (code, err.count("\n")) == (2, 1) and f"Missing option {missing}" in err


def test_a_recipe_may_have_the_name_of_a_folder(tmp_path, monkeypatch, yolact):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tiny_256").mkdir()
    code, _, err = yolact("train", "tiny_256", "--data", "nowhere", "--run", "run")
    assert code == 2 and "Data must be a folder" in err


def test_a_run_that_is_there_stays(shapes_run, shapes_data, yolact):
    before = (shapes_run / "config.json").read_bytes()
    code, out, err = yolact("train", "--data", shapes_data, "--run", shapes_run)
    assert (code, out) == (2, "") and "--run must be a new folder" in err
    assert (shapes_run / "config.json").read_bytes() == before


def test_a_run_goes_on_with_its_own_recipe(shapes_run, shapes_data, tmp_path, yolact):
    shutil.copytree(shapes_run, tmp_path / "run")
    request = ("train", "--data", shapes_data, "--run", tmp_path / "run", "--resume")
    code, out, _ = yolact(*request)  # it is finished: nothing is trained
    assert code == 0 and "recipe" not in out and "mask" in out
    code, _, err = yolact(*request, "--set", "train.learning_rate=0.5")
    assert code == 2 and "train.learning_rate 0.5" in err
    code, _, err = yolact("train", "--data", shapes_data, "--run", tmp_path / "none", "--resume")
    assert code == 2 and "--resume expects a run folder with config.json" in err


@pytest.mark.whole
def test_a_chosen_recipe_trains_and_goes_on(shapes_data, small_settings, tmp_path, yolact):
    small = [s for s in small_settings if not s.startswith(("data.image_size", "anchors"))]
    small += ["model.backbone=slim_resnet", "model.backbone_weights=random", "train.images_per_epoch=8"]
    small += ["data.image_size=96", "train.epochs=1"]
    settings = [part for text in small for part in ("--set", text)]
    code, out, err = yolact("train", "--data", shapes_data, "--run", tmp_path / "run", *settings)
    assert code == 0
    frozen = "yolact: frozen: backbone:2\n"
    random = "yolact: what is frozen has random weights; --set train.freeze= lets it learn\n"
    assert err.endswith(frozen + random)
    lines = out.splitlines()
    assert lines[0].startswith("24 images, 6 classes") and lines[1].startswith("recipe small_data_")
    assert lines[2].startswith("fitted to the objects: ") and "recall of" in lines[2]
    config = config_of(tmp_path / "run")
    assert (
        config.data.image_size
        == json.loads((tmp_path / "run" / "config.json").read_text())["data"]["image_size"]
    )
    code, _, err = yolact(
        "train", "--data", shapes_data, "--run", tmp_path / "run", "--resume", "--set", "train.epochs=1"
    )
    assert (code, err) == (0, frozen)
