"""`yolact show …` and `yolact info` as a user runs them: exit codes, lines, pictures."""

import numpy as np
import pytest
from PIL import Image

from tests.in_process import in_process


@pytest.fixture
def yolact(capsys, monkeypatch):
    """yolact(*arguments) -> (exit code, stdout, stderr)."""
    return lambda *arguments: in_process(capsys, monkeypatch, *arguments)


@pytest.fixture
def pictures(shapes_data):
    return sorted((shapes_data / "images").glob("val_*"))


def is_picture(path):
    return np.asarray(Image.open(path)).shape[1:] in ((1400, 3), (1378, 3))


@pytest.mark.whole
def test_prototypes(yolact, shapes_run, explore_file, pictures, tmp_path):
    for model, images in (
        (shapes_run, pictures[:1]),
        (shapes_run, pictures[:2]),
        (explore_file, pictures[:1]),
    ):
        output = tmp_path / "new" / "prototypes.png"
        code, out, _ = yolact(
            "show",
            "prototypes",
            model,
            *images,
            "--output",
            output,
            "--score-threshold",
            "0.01",
            "--top-k",
            "1",
        )
        assert code == 0 and out.strip() == str(output)
        assert is_picture(output)


@pytest.mark.whole
def test_shift(yolact, shapes_run, pictures, tmp_path):
    output = tmp_path / "shift.png"
    code, out, _ = yolact("show", "shift", shapes_run, "--output", output)
    assert code == 0 and is_picture(output)
    lines = out.splitlines()
    assert lines[1].startswith("unevenness on plain grey: ") and lines[2].startswith("without padding: 0.0%")
    assert lines[3].startswith("of 8 prototypes brighter on one side of it: ")


def test_crop(yolact, shapes_run, shapes_data, tmp_path):
    output = tmp_path / "crop.png"
    code, out, _ = yolact("show", "crop", shapes_run, "--data", shapes_data, "--output", output)
    assert code == 0 and is_picture(output)
    rows = {line[:22].strip(): line[22:].split() for line in out.splitlines()[2:]}
    assert list(rows)[:2] == ["AP with the crop", "AP without"]
    assert all(len(row) == 4 for row in rows.values())


@pytest.mark.whole
@pytest.mark.parametrize("model", ["shapes_run", "tiny_256"])
def test_anchors(yolact, model, request, shapes_data, tmp_path):
    output = tmp_path / "anchors.jpg"
    model = request.getfixturevalue(model) if model == "shapes_run" else model
    code, out, _ = yolact(
        "show", "anchors", model, "--data", shapes_data, "--output", output, "--images", "5"
    )
    assert code == 0 and is_picture(output)
    assert [line.split()[0] for line in out.splitlines()[2:7]] == ["P3", "P4", "P5", "P6", "P7"]
    assert "objects in 5 of 24 images; " in out


def test_errors(yolact, shapes_run, litert_file, shapes_data, tmp_path):
    for model in (shapes_run, litert_file):
        output = tmp_path / "errors.png"
        code, out, _ = yolact(
            "show", "errors", model, "--data", shapes_data, "--output", output, "--count", "2"
        )
        assert code == 0 and is_picture(output)
        assert " right detections, " in out and " missed objects: " in out


@pytest.mark.parametrize("command", ["prototypes", "shift", "crop", "anchors", "errors"])
def test_a_picture_of_another_kind_is_refused_before_any_work(command, yolact, tmp_path):
    arguments = {"prototypes": ["none", "none.jpg"], "shift": ["none"]}.get(command, ["none", "--data", "no"])
    code, _, err = yolact("show", command, *arguments, "--output", tmp_path / "a.gif")
    assert code == 2 and err.startswith("yolact: --output must end in .png or .jpg. Received: ")
    (tmp_path / "folder.png").mkdir()
    code, _, err = yolact("show", command, *arguments, "--output", tmp_path / "folder.png")
    assert code == 2 and "Expected a file that can be written" in err


@pytest.mark.whole
def test_a_model_without_prototypes_is_told_what_has_them(
    yolact, litert_file, saved_model, pictures, tmp_path
):
    for model in (litert_file, saved_model):
        code, _, err = yolact("show", "prototypes", model, pictures[0], "--output", tmp_path / "a.png")
        assert code == 2 and "made with the recipe litert_explore" in err.splitlines()[-1]
        assert not (tmp_path / "a.png").exists()


def test_info_of_a_recipe(yolact, shapes_data):
    code, out, _ = yolact("info", "tiny_256", "--data", shapes_data, "--set", "model.num_classes=6")
    assert code == 0
    rows = {line.split("  ")[0].strip(): line for line in out.splitlines()}
    for part in ("backbone", "FPN", "protonet", "head", "semantic head", "masks", "all", "P3", "P7"):
        assert part in rows
    assert "G multiply-adds of convolutions, each two FLOPs" in out
    assert "objects of train that an anchor meets with IoU 0.5: all " in out


def test_info_of_a_run_and_its_artefacts(yolact, shapes_run, litert_file, saved_model):
    for model, kind in ((shapes_run, "run"), (litert_file, "LiteRT"), (saved_model, "SavedModel")):
        code, out, _ = yolact("info", model, "--layers")
        assert code == 0 and out.startswith(kind) and "6: circle" in out
        assert ("conv" in out.lower()) == (kind != "SavedModel")


def test_info_of_nothing(yolact):
    code, _, err = yolact("info", "resnet50_505")
    assert code == 2 and "Nearest: resnet50_550" in err and err.count("\n") == 1
