"""Every command as a user runs it: a process, its exit code, its lines."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pycocotools import mask as coco_mask
from typer.testing import CliRunner

from tests.conftest import SHARED
from tests.in_process import in_process
from tests.reference import formula_tensors
from tests.torch_files.pth_writer import tensor, write_stream
from yolact_tf.cli.commands import app
from yolact_tf.data.synthetic.shapes import MAX_IMAGES
from yolact_tf.weights.labels import COCO_LABELS


def yolact(*arguments, cwd=None, **variables):
    """The console command in a process of its own, with these variables in its environment."""
    command = [Path(sys.executable).with_name("yolact"), *map(str, arguments)]
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", **variables}
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, env=environment)


@pytest.mark.parametrize(
    "command",
    [
        *(
            "train",
            "tune",
            "evaluate",
            "detect",
            "export",
            "verify",
            "serve",
            "page",
            "import-weights",
            "recipes",
            "card",
            "push",
            "pull",
        ),
        *(
            "data",
            "data make-shapes",
            "data check",
            "data stats",
            "data show",
            "data convert",
            "data records",
        ),
    ],
)
def test_every_command_explains_itself(command):
    result = CliRunner().invoke(app, [*command.split(), "--help"])
    assert result.exit_code == 0
    assert "Usage" in result.output


def test_recipes_are_listed_with_their_purpose():
    result = yolact("recipes")
    assert result.returncode == 0
    assert "tiny_256" in result.stdout and "two CPU cores" in result.stdout
    assert "litert_float32" in result.stdout


def test_the_module_is_the_command():
    by_module = subprocess.run([sys.executable, "-m", "yolact_tf", "recipes"], capture_output=True, text=True)
    assert by_module.stdout == yolact("recipes").stdout


def broken_data(folder, name, change):
    """A copy of a one-image data set with `change` applied to its parsed train.json."""
    data = folder / name
    (data / "images").mkdir(parents=True)
    Image.new("RGB", (64, 64)).save(data / "images" / "a.png")
    content = {
        "images": [{"id": 1, "file_name": "a.png", "width": 64, "height": 64}],
        "categories": [{"id": 1, "name": "thing"}],
        "annotations": [
            {
                "id": 5,
                "image_id": 1,
                "category_id": 1,
                "bbox": [8, 8, 30, 30],
                "area": 900,
                "iscrowd": 0,
                "segmentation": [[8, 8, 38, 8, 38, 38, 8, 38]],
            }
        ],
    }
    text = change(content)
    for split in ("train", "val"):
        (data / f"{split}.json").write_text(text if isinstance(text, str) else json.dumps(content))
    return data


BROKEN = {
    "no_json": (lambda c: "{not json", "expected COCO JSON"),
    "no_coco": (lambda c: json.dumps({"shapes": []}), "expected COCO JSON with a list `images`"),
    "missing_image": (lambda c: c["annotations"][0].update(image_id=9), "annotation 5: expected the id of"),
    "missing_category": (lambda c: c["annotations"][0].update(category_id=4), "Received: 4"),
    "no_picture": (lambda c: c["images"][0].update(file_name="b.png"), "at least one readable image"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_broken_data_is_refused_before_a_run_is_made(case, tmp_path, capsys, monkeypatch):
    change, message = BROKEN[case]
    data = broken_data(tmp_path, case, change)
    run = tmp_path / "run"
    code, _, err = in_process(capsys, monkeypatch, "train", "tiny_256", "--data", data, "--run", run)
    assert code == 2
    assert message in err
    assert err.strip().splitlines()[-1].startswith("yolact: ")
    assert not run.exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["train", "tiny_256", "--data", "nowhere", "--run", "r"], "Data must be a folder"),
        (["train", "tiny_265", "--data", ".", "--run", "r"], "Nearest: tiny_256"),
        (
            ["train", "tiny_256", "--data", ".", "--run", "r", "--set", "train.epoch=1"],
            "Nearest: train.epochs",
        ),
        (["train", "tiny_256", "--data", ".", "--run", "r"], "expected train.json or annotations/"),
        (["train", "tiny_256"], "Missing option '--data'"),
        (["train", "tiny_256", "--data", ".", "--run", "r", "--fast"], "No such option: --fast"),
        (["evaluate", "nowhere", "--data", "."], "MODEL must be a run folder or an exported model"),
        (["evaluate", ".", "--data", "."], "MODEL must be a run folder"),
        (
            ["detect", "nowhere", "missing.jpg", "--output", "o"],
            "SOURCE must be an image, a video, a folder, a glob",
        ),
        (["detect", "nowhere", ".", "--output", "o"], "expected images"),
        (["export", "nowhere", "--recipe", "saved_model", "--output", "o"], "A run must be a folder"),
        (["export", "nowhere", "--recipe", "save_model", "--output", "o"], "Nearest: saved_model"),
        (["serve", "nowhere"], "nowhere"),
        (["import-weights", "none.pth", "resnet50_550", "--run", "r"], "none.pth: no such weight file"),
        (["import-weights", "none.pth", "resnet50", "--run", "r"], "Nearest: resnet50_550"),
        (["data", "make-shapes", "d", "--size", "10"], "Received: 10"),
    ],
)
def test_a_wrong_request_is_one_line_and_exit_code_2(arguments, message, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, _, err = in_process(capsys, monkeypatch, *arguments)
    assert code == 2
    assert message in err
    assert len(err.strip().splitlines()) == 1
    assert err.startswith("yolact: ")
    assert list(tmp_path.iterdir()) == []


def test_a_traceback_never_reaches_the_user():
    result = yolact("train", "tiny_256", "--data", "nowhere", "--run", "r")
    assert result.returncode == 2
    assert len(result.stderr.strip().splitlines()) == 1, result.stderr


@pytest.mark.parametrize(
    ("error", "text"),
    [(MemoryError(), ""), (KeyError("a"), ": 'a'"), (RuntimeError(f"a\nb{'c' * 999}"), f": a b{'c' * 297}")],
)
def test_an_error_that_no_one_foresaw_is_one_line_that_says_where(error, text, capsys, monkeypatch):
    def fail(kind):
        raise error

    monkeypatch.setattr("yolact_tf.cli.commands.list_recipes", fail)
    code, out, err = in_process(capsys, monkeypatch, "recipes")
    place = rf"{re.escape(__file__)}:\d+"
    assert (code, out) == (2, "")
    assert re.fullmatch(f"yolact: {type(error).__name__} at {place}{re.escape(text)}\n", err)


def test_a_run_is_not_overwritten(shapes_run, shapes_data, capsys, monkeypatch):
    before = (shapes_run / "config.json").read_bytes()
    code, _, err = in_process(
        capsys, monkeypatch, "train", "tiny_256", "--data", shapes_data, "--run", shapes_run
    )
    assert code == 2 and "--run must be a new folder" in err
    assert (shapes_run / "config.json").read_bytes() == before


@pytest.mark.whole
@pytest.mark.parametrize("kind", ["shapes_run", "saved_model", "litert_file"])
def test_evaluate_takes_a_run_and_both_artefacts(kind, request, shapes_data, tmp_path, capsys, monkeypatch):
    model = request.getfixturevalue(kind)
    metrics, detections = tmp_path / "m" / "metrics.json", tmp_path / "d.json"
    code, out, _ = in_process(
        capsys,
        monkeypatch,
        *("evaluate", model, "--data", shapes_data, "--output", metrics, "--detections", detections),
    )
    assert code == 0
    assert "AP50" in out and "ring" in out
    run_metrics = json.loads((request.getfixturevalue("shapes_run") / "metrics.json").read_text())
    ours = json.loads(metrics.read_text())
    assert ours["segm"]["AP"] == pytest.approx(run_metrics["segm"]["AP"], abs=0.02)
    rows = json.loads(detections.read_text())
    assert {"image_id", "category_id", "score", "bbox", "segmentation"} == set(rows[0])
    assert coco_mask.decode(rows[0]["segmentation"]).shape == (128, 128)


def test_a_run_that_cannot_be_written_is_evaluated_and_said_so(
    shapes_run, shapes_data, tmp_path, capsys, monkeypatch
):
    for name in ("config.json", "labels.json", "weights"):
        (tmp_path / name).symlink_to(shapes_run / name)
    (tmp_path / "metrics.json").mkdir()  # as on a read-only disk, for root too
    code, out, err = in_process(capsys, monkeypatch, "evaluate", tmp_path, "--data", shapes_data)
    assert code == 0 and "AP50" in out and "metrics.json" not in out
    assert err.startswith("yolact: metrics are only printed, not written. ") and err.count("\n") == 1
    assert "metrics.json' (a folder has its name)" in err


@pytest.mark.parametrize("option", ["--output", "--detections"])
def test_a_file_of_metrics_that_cannot_be_written_is_refused_before_the_work(
    option, shapes_run, tmp_path, capsys, monkeypatch
):
    (tmp_path / "file").write_text("")
    request = ("evaluate", shapes_run, "--data", "nowhere", option, tmp_path / "file" / "metrics.json")
    code, out, err = in_process(capsys, monkeypatch, *request)
    assert (code, out) == (2, "")
    assert "can be written. Received: " in err and "Not a directory" in err and err.count("\n") == 1


def test_shards_evaluate_and_the_reference_protocol_is_a_table_of_its_own(
    shapes_run, shapes_shards, tmp_path, capsys, monkeypatch
):
    metrics = tmp_path / "metrics.json"
    request = ("evaluate", shapes_run, "--data", shapes_shards, "--output", metrics, "--reference-protocol")
    code, out, _ = in_process(capsys, monkeypatch, *request)
    assert code == 0
    assert "by the original's own evaluator" in out and "AP95" in out
    ours, of_json = json.loads(metrics.read_text()), json.loads((shapes_run / "metrics.json").read_text())
    assert 0 <= ours["reference"]["bbox"]["AP50"] <= 1
    assert ours["images"] == of_json["images"] == 4
    assert ours["segm"]["AP"] == pytest.approx(of_json["segm"]["AP"], abs=0.02)


@pytest.mark.parametrize("name", ["evil.pth", "evil_zip.pth"])
def test_import_refuses_a_file_that_would_run_something(name, tmp_path, capsys, monkeypatch):
    file = SHARED / "parity" / "pth" / name
    if not file.is_file():
        pytest.skip("needs ../shared/parity/pth, small files of PyTorch")
    monkeypatch.chdir(tmp_path)
    code, _, err = in_process(capsys, monkeypatch, "import-weights", file, "resnet50_550", "--run", "run")
    assert code == 2
    assert re.fullmatch(rf"yolact: \S*{name}: refused, since it would call '\w+\.\w+'; .*\n", err)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.whole
def test_imported_weights_detect_what_the_original_detects(parity, tmp_path, capsys, monkeypatch):
    """The way of a published file: .pth, run, detections.json."""
    numbers = parity("e2e_yolact_resnet50")
    tensors = {key: tensor(value) for key, value in formula_tensors("yolact_resnet50").items()}
    file = write_stream(tmp_path / "yolact_resnet50_54_800000.pth", tensors)
    Image.fromarray(numbers["image_rgb"]).save(tmp_path / "scene.png")
    run, output = tmp_path / "run", tmp_path / "out"
    code, out, err = in_process(capsys, monkeypatch, "import-weights", file, "resnet50_550", "--run", run)
    assert (code, err) == (0, "")
    assert f"301 tensors loaded from {file}" in out
    request = ("detect", run, tmp_path / "scene.png", "--output", output, "--score-threshold", "0", "--top-k")
    code, _, _ = in_process(capsys, monkeypatch, *request, "100")
    assert code == 0
    rows = json.loads((output / "detections.json").read_text())
    ids = list(COCO_LABELS)
    assert [row["category_id"] for row in rows[:20]] == [ids[c] for c in numbers["post_class"][:20]]
    np.testing.assert_allclose([row["score"] for row in rows[:20]], numbers["post_score"][:20], atol=1e-5)


def test_detect_writes_overlays_and_results(shapes_run, shapes_data, tmp_path, capsys, monkeypatch):
    (tmp_path / "note.txt").write_text("no image")
    code, _, err = in_process(
        capsys,
        monkeypatch,
        *("detect", shapes_run, shapes_data / "images" / "val_*.jpg", tmp_path / "note.txt"),
        *("--output", tmp_path / "out", "--score-threshold", "0.01", "--top-k", "3"),
    )
    assert code == 0
    assert "note.txt: expected an image" in err
    overlays = sorted((tmp_path / "out").glob("*.png"))
    assert len(overlays) == 4
    assert np.asarray(Image.open(overlays[0])).shape == (128, 128, 3)
    rows = json.loads((tmp_path / "out" / "detections.json").read_text())
    assert 0 < len(rows) <= 12
    assert {row["file_name"] for row in rows} <= {f"val_0000{i}.jpg" for i in range(4)}


def test_detect_never_overwrites_the_pictures(tmp_path, capsys, monkeypatch):
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    Image.new("RGB", (9, 9), "red").save(pictures / "a.png")
    before = (pictures / "a.png").read_bytes()
    # Refused before the model, which is none, is opened.
    code, _, err = in_process(capsys, monkeypatch, "detect", "no_model", pictures, "--output", pictures)
    assert code == 2 and "without overwriting" in err and err.count("\n") == 1
    assert [path.read_bytes() for path in pictures.iterdir()] == [before]


def test_detect_refuses_what_is_no_image(shapes_run, tmp_path, capsys, monkeypatch):
    (tmp_path / "fake.jpg").write_bytes(b"this is no image")
    code, _, err = in_process(
        capsys, monkeypatch, "detect", shapes_run, tmp_path / "fake.jpg", "--output", tmp_path / "out"
    )
    assert code == 2
    assert "fake.jpg: expected an image" in err
    assert not (tmp_path / "out").exists()


@pytest.mark.whole
def test_export_and_verify(shapes_run, shapes_data, tmp_path, capsys, monkeypatch):
    target = tmp_path / "small.tflite"
    code, out, _ = in_process(
        capsys, monkeypatch, "export", shapes_run, "--recipe", "litert_float32", "--output", target
    )
    told = out.splitlines()
    assert (code, told[-1]) == (0, str(target))
    assert re.fullmatch(r"verified \(cpu\): [0-9]+ detections compared in 4 images", told[0])
    code, out, _ = in_process(
        capsys, monkeypatch, "verify", target, "--run", shapes_run, "--data", shapes_data, "--images", "2"
    )
    assert code == 0
    assert "detections compared" in out and "FAIL" not in out
    assert "mask AP: " in out and "0 Flex, 0 custom" in out


@pytest.mark.whole
def test_an_export_beyond_tolerance_is_not_there(shapes_run, shapes_data, tmp_path, capsys, monkeypatch):
    from yolact_tf.export.serving import Serving

    described = Serving._described
    monkeypatch.setattr(
        Serving,
        "_described",
        lambda *given: {**described(*given), "scores": 0.9 * described(*given)["scores"]},
    )
    target = tmp_path / "out" / "small.tflite"
    command = ("export", shapes_run, "--recipe", "litert_float32", "--output", target)
    code, out, error = in_process(capsys, monkeypatch, *command, "--data", shapes_data)
    assert code == 1
    assert "FAIL" in out and str(target) not in out
    assert "Beyond tolerance (cpu): serving_default: " in error and error.count("\n") == 1
    assert not list(target.parent.iterdir())
    assert in_process(capsys, monkeypatch, *command, "--no-verify")[:2] == (0, f"{target}\n")
    assert target.is_file()


@pytest.mark.whole
def test_verify_refuses_accelerators_that_are_not_there(shapes_run, litert_file, saved_model):
    arguments = ("--run", shapes_run, "--accelerator")
    without_gpu = yolact("verify", litert_file, *arguments, "gpu", VK_ICD_FILENAMES="/nowhere")
    assert without_gpu.returncode == 2
    said = [line for line in without_gpu.stderr.splitlines() if not line.startswith("INFO: ")]  # LiteRT's own
    assert len(said) == 1 and "Expected a GPU" in said[0]
    unknown = yolact("verify", saved_model, *arguments, "tpu")
    assert unknown.returncode == 2 and "`--accelerator` must be one of" in unknown.stderr


def test_export_refuses_a_version_that_is_taken_before_the_run_is_loaded(tmp_path, capsys, monkeypatch):
    (tmp_path / "m" / "1").mkdir(parents=True)
    (tmp_path / "m" / "1" / "saved_model.pb").write_bytes(b"")
    arguments = ("--recipe", "saved_model", "--output", tmp_path / "m" / "1")
    code, _, error = in_process(capsys, monkeypatch, "export", tmp_path / "no run", *arguments)
    assert code == 2 and "--output must name a version that is free" in error


@pytest.mark.whole
def test_verify_fails_with_exit_code_1(shapes_run, litert_file, tmp_path, capsys, monkeypatch):
    import yolact_tf

    other = yolact_tf.load_run(shapes_run)
    for weight in other.model.get_layer("prediction_head").trainable_weights:
        weight.assign(1.5 * np.asarray(weight))
    yolact_tf.save_run(tmp_path / "other", other.model, other.config, other.labels)
    code, out, _ = in_process(
        capsys, monkeypatch, "verify", litert_file, "--run", tmp_path / "other", "--images", "3"
    )
    assert code == 1
    assert "FAIL" in out


def test_make_shapes_obeys_its_options(tmp_path, capsys, monkeypatch):
    target = tmp_path / "shapes"
    options = ("--train", 2, "--val", 1, "--size", 96, "--max-objects", 2, "--seed", 5)
    code, out, _ = in_process(capsys, monkeypatch, "data", "make-shapes", target, *options)
    assert (code, out.strip()) == (0, str(target))
    content = json.loads((target / "train.json").read_text())
    assert len(content["images"]) == 2
    assert content["images"][0]["width"] == 96
    assert len(content["annotations"]) <= 4
    code, _, err = in_process(capsys, monkeypatch, "data", "make-shapes", target)
    assert code == 2 and str(target) in err


def test_ctrl_c_ends_with_130_and_leaves_nothing_behind(tmp_path, capsys, monkeypatch):
    is_over = threading.Event()

    def interrupt():
        while not is_over.wait(0.01):
            if any(tmp_path.iterdir()):
                return os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    # So many images that they cannot be there before the signal comes.
    many = ("data", "make-shapes", tmp_path / "shapes", "--train", MAX_IMAGES)
    try:
        code, _, err = in_process(capsys, monkeypatch, *many)
    finally:
        is_over.set()
        thread.join()
    assert code == 130 and err.splitlines()[-1] == "yolact: interrupted"
    assert not any(tmp_path.iterdir())


def test_records_are_written_and_another_folder_is_refused(shapes_data, tmp_path, capsys, monkeypatch):
    request = ("data", "records", shapes_data, tmp_path / "shards", "--shards", 2)
    code, out, err = in_process(capsys, monkeypatch, *request)
    assert (code, err) == (0, "")
    assert out.splitlines() == [
        "train: 24 images in 2 shards",
        "val: 4 images in 2 shards",
        str(tmp_path / "shards"),
    ]
    assert in_process(capsys, monkeypatch, *request)[0] == 0
    code, _, err = in_process(capsys, monkeypatch, *request, "--split", "val", "--shards", 1)
    assert code == 2 and err.startswith("yolact: OUT must be a new or empty folder") and err.count("\n") == 1


def test_a_url_of_data_stays_one(tmp_path, capsys, monkeypatch):
    request = ("train", "tiny_256", "--data", "ram://bucket/nowhere", "--run", tmp_path / "run")
    code, _, err = in_process(capsys, monkeypatch, *request)
    assert (code, err) == (
        2,
        "yolact: Expected a folder. Received: 'ram://bucket/nowhere', which is none\n",
    )
