"""Each example runs as its docstring says, and finds what the Detector finds."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import yolact_tf
from tests.export.software_gpu import require_driver
from tests.served import free_port, server

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
OWN = {"train_with_keras", "custom_training_loop", "batch_job"}  # of which the others know nothing
LEAST = 0.06  # score, of a network that hardly learned


def run(name, *arguments, **variables):
    """What examples/NAME.py prints."""
    command = [sys.executable, str(EXAMPLES / f"{name}.py"), *map(str, arguments)]
    environment = os.environ | {"PYTHONPATH": str(EXAMPLES.parent)} | variables
    ran = subprocess.run(command, capture_output=True, text=True, timeout=500, env=environment)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


@pytest.fixture
def photo(shapes_data, tmp_path):
    path = tmp_path / "photo.jpg"
    shutil.copy(min(shapes_data.glob("images/val_*.jpg")), path)
    return path


def settings(small_settings):
    shown = [*small_settings, "train.batch_size=4", "train.images_per_epoch=8"]
    return [part for setting in shown for part in ("--set", setting)]


@pytest.mark.whole
@pytest.mark.parametrize(
    ("name", "length"), [("train_with_keras", ("--epochs", 1)), ("custom_training_loop", ("--steps", 22))]
)
def test_what_trains_leaves_a_run(name, length, shapes_data, small_settings, tmp_path):
    out = run(name, shapes_data, tmp_path / "run", *length, *settings(small_settings))
    assert "mask_loss" in out
    trained = yolact_tf.load_run(tmp_path / "run")
    detector = yolact_tf.Detector(trained)
    assert detector(np.zeros((40, 50, 3), "uint8")).image_size == (40, 50)
    fresh = yolact_tf.build_yolact(trained.config).get_layer("protonet").weights[0]
    assert not np.array_equal(trained.model.get_layer("protonet").weights[0], fresh)


@pytest.mark.whole
def test_a_client_without_the_package(saved_model, photo, tmp_path):
    port = free_port()
    with server(["yolact", "serve", str(saved_model), "--port", str(port)], port):
        url = f"http://localhost:{port}/v1/models/yolact"
        out = run("ask_tf_serving", photo, tmp_path / "answer.png", "--url", url, "--least", LEAST)
    assert_shows(out, tmp_path / "answer.png", yolact_tf.Detector.from_artefact(saved_model), photo)


@pytest.mark.whole
def test_litert_without_the_package(litert_file, photo, tmp_path):
    out = run("detect_with_litert", litert_file, photo, tmp_path / "answer.png", "--least", LEAST)
    assert_shows(out, tmp_path / "answer.png", yolact_tf.Detector.from_artefact(litert_file), photo)


def test_a_batch_job(litert_file, photo, tmp_path):
    pytest.importorskip("apache_beam", reason="needs the extra beam, which `make test-batch` installs")
    (tmp_path / "text.jpg").write_text("hello")
    run("batch_job", litert_file, tmp_path / "*.jpg", tmp_path / "results", "--least", LEAST)
    lines = [json.loads(line) for line in (tmp_path / "results.jsonl").read_text().splitlines()]
    seen, unseen = sorted(lines, key=lambda line: line["path"])
    assert unseen["path"] == f"{tmp_path}/text.jpg" and "expected an image" in unseen["error"]
    found = yolact_tf.Detector.from_artefact(litert_file)(photo).above(LEAST)
    assert seen == {"path": str(photo), "objects": json.loads(found.to_json())} and len(found)
    counted = dict(line.split() for line in (tmp_path / "results.txt").read_text().splitlines())
    assert counted == {name: str(count) for name, count in Counter(found.class_names).items()}


@pytest.mark.whole
def test_litert_on_a_gpu(litert_file, photo, tmp_path):
    driver = require_driver("swiftshader")
    answers = []
    for gpu in ([], ["--gpu"]):
        picture = tmp_path / f"answer{len(gpu)}.png"
        out = run(
            "detect_with_litert",
            litert_file,
            photo,
            picture,
            "--least",
            LEAST,
            *gpu,
            **(driver if gpu else {}),
        )
        objects = [line for line in out.splitlines() if not line.startswith("INFO: ")]  # LiteRT's own
        answers.append((objects, np.asarray(Image.open(picture))))
    (on_cpu, expected), (on_gpu, found) = answers
    assert on_cpu and on_cpu == on_gpu
    assert (expected != found).any(-1).mean() < 1e-3


def assert_shows(out, picture, detector, photo):
    """The same objects line by line, and the picture is changed where their masks are."""
    found = detector(photo).above(LEAST)
    lines = out.splitlines()
    assert 0 < len(lines) == len(found)
    assert sorted(line.split()[0] for line in lines) == sorted(found.class_names)
    scores = [float(re.search(r" (0\.\d\d|1\.00) ", line)[1]) for line in lines]
    np.testing.assert_allclose(sorted(scores), np.sort(found.scores), atol=0.011)
    changed = (np.asarray(Image.open(picture)) != np.asarray(Image.open(photo).convert("RGB"))).any(-1)
    assert (changed != found.masks.any(0)).mean() < 0.02


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.py")), ids=lambda path: path.stem)
def test_it_uses_public_names_alone(path):
    code = path.read_text(encoding="utf-8")
    assert not re.search(r"^\s*(from yolact_tf|import yolact_tf\.)", code, re.MULTILINE)
    assert set(re.findall(r"\byolact_tf\.(\w+)\(", code)) <= set(yolact_tf.__all__)
    assert ("import yolact_tf" in code) == (path.stem in OWN)
    assert f"python examples/{path.name} " in code.split('"""')[1]
