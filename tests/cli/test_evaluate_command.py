"""`yolact evaluate` of several kinds of models and of files, its report and its thresholds."""

import json
import shutil

import pytest

from tests.blind import Blind
from tests.in_process import in_process
from yolact_tf.data.load import load_labels
from yolact_tf.recipes import load_config


@pytest.fixture
def yolact(capsys, monkeypatch):
    return lambda *arguments: in_process(capsys, monkeypatch, *arguments)


@pytest.fixture
def run(shapes_run, tmp_path):
    """A copy of a run that may be written to, without its metrics."""
    ignored = shutil.ignore_patterns("tensorboard", "plots", "metrics.json", "state.*")
    return shutil.copytree(shapes_run, tmp_path / "own", ignore=ignored)


@pytest.mark.whole
def test_a_run_is_reported_and_keeps_its_thresholds(run, shapes_data, tmp_path, yolact):
    results, report = tmp_path / "results.json", tmp_path / "report"
    request = ("evaluate", run, "--data", shapes_data, "--detections", results)
    code, out, _ = yolact(*request, "--report", report, "--save-thresholds")
    assert code == 0 and "AP50" in out
    lines = out.splitlines()
    for file in (run / "metrics.json", results, run / "thresholds.json", report / "index.html"):
        assert str(file) in lines and file.is_file()
    thresholds = json.loads((run / "thresholds.json").read_text())
    numbers = json.loads((report / "report.json").read_text())["own"]
    assert thresholds == numbers["thresholds"] and set(thresholds) == {"all", "per_class"}
    assert numbers["bbox"] == json.loads((run / "metrics.json").read_text())["bbox"]
    assert set(numbers["seconds"]) >= {"reading the image", "detecting"}

    # The same from the file of its detections, without the model; and both side by side.
    code, _, err = yolact("evaluate", results, "--data", shapes_data, "--output", tmp_path / "again.json")
    assert (code, err) == (0, "")
    again = json.loads((tmp_path / "again.json").read_text())
    assert {key: numbers[key] for key in again} == again
    code, out, _ = yolact("evaluate", results, run, "--data", shapes_data, "--report", report)
    assert code == 0 and {"results.json", "own"} <= set(out.splitlines())
    compared = json.loads((report / "report.json").read_text())
    assert compared["results.json"]["errors"] == compared["own"]["errors"]


def test_without_a_request_thresholds_are_not_written(run, shapes_data, yolact):
    assert yolact("evaluate", run, "--data", shapes_data)[0] == 0
    assert (run / "metrics.json").is_file() and not (run / "thresholds.json").exists()


def test_other_settings_of_a_run_leave_its_metrics(run, shapes_data, tmp_path, yolact):
    file = tmp_path / "results.json"
    request = ("evaluate", run, "--data", shapes_data, "--detections", file, "--set")
    assert yolact(*request, "detect.max_detections=1")[0] == 0
    rows = json.loads(file.read_text())
    assert rows and len(rows) == len({row["image_id"] for row in rows})
    assert not (run / "metrics.json").exists()
    code, _, err = yolact(*request, "model.num_classes=2")
    assert code == 2 and "Of a run, only `detect` can be set" in err
    code, _, err = yolact("evaluate", file, "--data", shapes_data, "--set", "detect.max_detections=1")
    assert code == 2 and "--set needs a model. Received: a file of results" in err


def test_what_detect_wrote_is_evaluated_by_file_name(run, shapes_data, tmp_path, yolact):
    images = json.loads((shapes_data / "val.json").read_text())["images"]
    sources = [shapes_data / "images" / image["file_name"] for image in images]
    code, _, _ = yolact("detect", run, *sources, "--output", tmp_path / "out", "--score-threshold", 0)
    assert code == 0
    rows = json.loads((tmp_path / "out" / "detections.json").read_text())
    assert {row["image_id"] for row in rows} <= {1, 2, 3, 4}  # not those of the data
    code, out, err = yolact("evaluate", tmp_path / "out" / "detections.json", "--data", shapes_data)
    assert (code, err) == (0, "") and "AP50" in out


def test_detections_of_images_that_are_not_there_are_refused_in_one_line(shapes_data, tmp_path, yolact):
    file = tmp_path / "d.json"
    file.write_text(json.dumps([{"image_id": 9, "category_id": 1, "score": 0.5, "bbox": [1, 2, 3, 4]}]))
    code, out, err = yolact("evaluate", file, "--data", shapes_data, "--report", tmp_path / "report")
    assert (code, out) == (2, "") and not (tmp_path / "report").exists()
    assert err == (
        f"yolact: {file}: row 1 of 1: expected `image_id` to be that of one of the 4 images of "
        f"{shapes_data / 'val.json'}. Received: 9\n"
    )


def test_a_model_for_other_classes_is_refused_before_any_works(run, shapes_data, tmp_path, yolact):
    other = shutil.copytree(run, tmp_path / "other")
    labels = json.loads((other / "labels.json").read_text())
    labels["1"] = "disc"
    (other / "labels.json").write_text(json.dumps(labels))
    code, out, err = yolact("evaluate", run, other, "--data", shapes_data)
    assert (code, out) == (2, "") and err.count("\n") == 1
    assert "val.json: expected the model's categories {1: 'disc', " in err
    assert not (run / "metrics.json").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["a.json", "a.json"], "MODEL must be given once each. Received: a.json a.json"),
        (
            ["a.json", "b.json", "--output", "m.json"],
            "--output must be of a single MODEL. Received: 2",
        ),
        (["a.json", "b.json", "--detections", "d.json"], "--detections must be of a single MODEL."),
        (
            ["a.json", "--reference-protocol"],
            "--reference-protocol needs a model. Received: a file",
        ),
        (
            ["a.json", "--save-thresholds"],
            "--save-thresholds needs runs, which keep them. Received: 'a",
        ),
        (
            ["a.json", "--report", "full"],
            "--report must be a new or an empty folder, or one of",
        ),
        (["none.json"], "none.json: expected a JSON list of COCO results. Received: no such file"),
    ],
)
def test_a_wrong_request_is_one_line(options, message, shapes_data, tmp_path, yolact, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("")
    code, out, err = yolact("evaluate", *options, "--data", shapes_data)
    assert (code, out) == (2, "")
    assert err.startswith("yolact: ") and message in err and err.count("\n") == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["full"]


def test_lost_images_are_treated_as_the_first_run_says(tmp_path, shapes_data, monkeypatch, yolact):
    config = load_config("tiny_256", ["data.on_error=refuse", "data.max_unreadable=0.5"])
    (tmp_path / "config.json").write_text(config.to_json())
    seen = []

    def evaluate(*_, progress, **options):
        seen.append((options["settings"].on_error, options["settings"].max_unreadable))
        raise ValueError("enough")

    blind = Blind(load_labels(shapes_data))
    monkeypatch.setattr("yolact_tf.evaluate.evaluate", evaluate)
    monkeypatch.setattr("yolact_tf.detect.opening.open_detector", lambda model, overrides: blind)
    for model in (tmp_path, tmp_path / "artefact.tflite"):
        yolact("evaluate", model, "--data", shapes_data)
    assert seen == [("refuse", 0.5), ("skip", 0.05)]
