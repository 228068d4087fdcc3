"""`yolact benchmark` as a user runs it."""

import json
import shutil
import sys

import pytest
from PIL import Image
from typer.testing import CliRunner

from tests.cli.test_commands import yolact
from tests.in_process import in_process
from yolact_tf.cli.commands import app


@pytest.fixture
def broken(litert_file, tmp_path):
    """A `.tflite` cut short."""
    path = tmp_path / "broken.tflite"
    path.write_bytes(litert_file.read_bytes()[:1000])
    return path


def test_it_explains_itself():
    result = CliRunner().invoke(app, ["benchmark", "--help"])
    assert result.exit_code == 0 and "side by side" in result.output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "Missing argument 'MODEL...'"),
        (
            ["nowhere"],
            "MODEL must be a run folder or an exported model. Received: 'nowhere', which is not there",
        ),
        (["nowhere", "--repeats", "0"], "Invalid value for '--repeats'"),
        (["nowhere", "--threads", "0"], "Invalid value for '--threads'"),
        (["nowhere", "--sweep", "colour"], "Invalid value for '--sweep'"),
        (["nowhere", "--data", "d", "--image", "a.jpg"], "Expected --data or --image. Received: both"),
        (["nowhere", "--data", "nothing"], "Data must be a folder"),
        (["nowhere", "--image", "none.jpg"], "none.jpg: no such image file"),
        (["nowhere", "--output", "taken"], "Expected a file that can be written. Received: 'taken/bench"),
    ],
)
def test_a_wrong_request_is_one_line_and_exit_code_2(arguments, message, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "taken").write_bytes(b"a file")
    code, out, err = in_process(capsys, monkeypatch, "benchmark", *arguments)
    assert (code, out) == (2, "")
    assert message in err and len(err.strip().splitlines()) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]


def test_one_model_that_cannot_be_read_stops_all(litert_file, broken, tmp_path, capsys, monkeypatch):
    output = tmp_path / "out"
    models = [litert_file, broken]
    code, out, err = in_process(capsys, monkeypatch, "benchmark", *models, "--output", output, "--no-gpu")
    assert (code, out) == (2, "")
    assert "broken.tflite: expected a .tflite of `yolact export`" in err
    assert not output.exists()


def test_a_missing_package_is_said_with_its_command(litert_file, tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    other = tmp_path / "model.onnx"
    other.write_bytes(b"never read")
    code, out, err = in_process(capsys, monkeypatch, "benchmark", litert_file, other, "--no-gpu")
    assert (code, out) == (2, "")
    assert "pip install 'yolact_tf[onnx]'" in err


@pytest.mark.whole
def test_models_side_by_side(shapes_run, saved_model, litert_file, shapes_data, tmp_path):
    output = tmp_path / "new" / "out"
    twin = shutil.copy(litert_file, tmp_path / "twin.tflite")
    models = [shapes_run, saved_model, litert_file, twin]
    options = ["--data", shapes_data, "--output", output, "--repeats", 3, "--threads", 1, "--sweep", "all"]
    result = yolact("benchmark", *models, *options, "--no-gpu")
    assert result.returncode == 0, result.stderr
    report = json.loads((output / "benchmark.json").read_text())
    assert [model["name"] for model in report["models"]] == list(map(str, models))
    assert [model["kind"] for model in report["models"]] == ["run", "SavedModel", "LiteRT", "LiteRT"]
    assert {model["threads"] for model in report["models"]} == {1}
    assert report["batches"]["values"] == [1, 2, 4, 8, 16, 32] and len(report["sweeps"]) == 2
    assert all(model["memory"]["of_process"] > 0 for model in report["models"])
    with Image.open(output / "benchmark.png") as plot:
        assert plot.width > 1000
    for text in ("upsampling", "× first", "peak MiB", "images a second", "pixels of its longer side"):
        assert text in result.stdout
    assert str(output / "benchmark.json") in result.stdout
