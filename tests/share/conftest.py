"""A small run of random weights, and a server that stands in for the hub."""

import json
import shutil
import threading

import pytest

from tests.share.stand_in_hub import TOKEN, StandInHub

LABELS = {1: "deer", 3: "a | b", 7: "<i>otter</i>"}
METRICS = {
    "bbox": {"AP": 0.5, "AP50": 0.75, "AP75": 0.25, "APs": -1.0, "APm": 0.5, "APl": 0.625},
    "segm": {"AP": 0.45678, "AP50": 0.7, "AP75": float("nan"), "APs": -1.0, "APm": 0.4, "APl": 0.6},
    "per_class": {
        "deer": {"bbox": 0.5, "segm": 0.4},
        "a | b": {"bbox": 0.6, "segm": 0.512},
        "<i>otter</i>": {"bbox": -1, "segm": -1},
    },
    "images": 57,
}
DATA = {
    "folder": "/data/of/ann",
    "train": {
        "images": 5000,
        "of": 9000,
        "objects": 7000,
        "crowds": 0,
        "classes": {"deer": 4000, "a | b": 3000, "<i>otter</i>": 0},
    },
    "val": {"images": 57, "of": 57, "objects": 69, "crowds": 1, "classes": {"deer": 40, "a | b": 29}},
}
THRESHOLDS = {"all": 0.3, "per_class": {"1": 0.41}}


@pytest.fixture(scope="session")
def bare_run(small_settings, tmp_path_factory):
    """Folder of a run whose weights have an optimizer with them, as Keras leaves it; only to read."""
    from yolact_tf.recipes import load_config
    from yolact_tf.runs import save_run
    from yolact_tf.train.trainer import compile_model
    from yolact_tf.weights.initial import build_yolact

    settings = ["model.num_classes=3", "detect.score_threshold=0.001", "data.cache=/data/cache"]
    config = load_config("tiny_256", [*small_settings, *settings])
    model = build_yolact(config)
    compile_model(model, config, 1)
    folder = tmp_path_factory.mktemp("share") / "deer-1"
    save_run(folder, model, config, LABELS, "best")
    model.save_weights(folder / "weights" / "best.weights.h5", overwrite=True)
    return folder


@pytest.fixture
def run(bare_run, tmp_path):
    """Folder of a run with all that trainings and evaluations leave in one."""
    return fill(bare_run, tmp_path / "deer-1")


@pytest.fixture(scope="session")
def packed(bare_run, tmp_path_factory):
    """{name: bytes} of what a repository has of such a run; only to read."""
    from yolact_tf.share.parcel import pack

    folder = tmp_path_factory.mktemp("packed")
    full = fill(bare_run, folder / "run")
    (folder / "files").mkdir()
    names = pack(full, folder / "files", "# Deer ![](plots/val_batch0.jpg)")
    return {name: (folder / "files" / name).read_bytes() for name in names}


def fill(bare_run, folder):
    """A copy of the run with what lies beside description and weights."""
    shutil.copytree(bare_run, folder)
    files = {"metrics.json": METRICS, "data.json": DATA, "thresholds.json": THRESHOLDS}
    for name, content in files.items():
        (folder / name).write_text(json.dumps(content))
    (folder / "log.csv").write_text("epoch,loss\n0,2.5\n1,1.5\n")
    (folder / "state.safetensors").write_bytes(b"of the optimizer")
    (folder / "plots").mkdir()
    for name in ("val_batch0.jpg", "results.png", "labels.png"):
        (folder / "plots" / name).write_bytes(name.encode())
    return folder


@pytest.fixture
def hub(monkeypatch, tmp_path):
    """A StandInHub that `huggingface_hub` takes for the hub, with a token that it accepts."""
    package = pytest.importorskip("huggingface_hub")
    from huggingface_hub import constants

    server = StandInHub()
    for name, value in {
        "ENDPOINT": server.url,
        "HUGGINGFACE_CO_URL_TEMPLATE": server.url + "/{repo_id}/resolve/{revision}/{filename}",
        "HF_HUB_DISABLE_XET": True,
        "HF_HUB_DISABLE_TELEMETRY": True,
        "HF_TOKEN_PATH": str(tmp_path / "no_token"),
        "HF_HUB_CACHE": str(tmp_path / "no_cache"),
    }.items():
        monkeypatch.setattr(constants, name, value)
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield server
    package.close_session()
    server.shutdown()
    thread.join()
    server.server_close()
