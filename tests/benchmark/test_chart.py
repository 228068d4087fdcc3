import json

import numpy as np
import pytest
from PIL import Image

from yolact_tf.benchmark.chart import draw_report
from yolact_tf.benchmark.growth import Growth
from yolact_tf.benchmark.memory import Memory
from yolact_tf.benchmark.report import ModelReport, Report, StageReport
from yolact_tf.benchmark.spread import Ratio, Spread


def made_report(num_models, num_sweeps=0, memory=True):
    """A Report of numbers that nobody measured."""
    rng = np.random.default_rng(0)
    spreads = lambda count: tuple(Spread.of(rng.uniform(0.01, 0.02, 9)) for _ in range(count))
    apart = (("decode",), ("preprocess",), ("network",), ("NMS",), ("masks",), ("upsampling",), ("draw",))
    together = (("decode",), ("preprocess", "network", "NMS", "masks"), ("upsampling",), ("draw",))
    models = tuple(
        ModelReport(
            *(f"runs/{number}/run", "run", "float32", "cpu", 2, 10**7, 3.5),
            Spread(70 + number, 80, 90),
            Ratio(1, 0.9, 1.1),
            tuple(StageReport(s, Spread(10, 11, 12)) for s in (together if number % 2 else apart)),
            0.98,
            Memory(800 * 2**20, 500 * 2**20) if memory else None,
        )
        for number in range(num_models)
    )
    batches = Growth("a batch", "images in a batch", (1, 2, 4), tuple(spreads(3) for _ in models))
    sweeps = tuple(
        Growth("an image", "pixels of its longer side", (320, 640), tuple(spreads(2) for _ in models))
        for _ in range(num_sweeps)
    )
    machine = {"processor": "a processor", "cores": 2}
    images = ({"name": "a.jpg", "width": 640, "height": 480, "bytes": 9},)
    return Report(machine, 9, images, models, batches, sweeps)


@pytest.mark.whole
@pytest.mark.parametrize(("models", "sweeps", "memory"), [(1, 0, False), (2, 1, True), (9, 2, True)])
def test_a_picture_of_any_number_of_models_and_sweeps(models, sweeps, memory, tmp_path):
    draw_report(made_report(models, sweeps, memory), tmp_path / "benchmark.png")
    picture = np.asarray(Image.open(tmp_path / "benchmark.png").convert("RGB"))
    assert picture.shape[1] > 1000 and len(np.unique(picture.reshape(-1, 3), axis=0)) > 50
    assert [path.name for path in tmp_path.iterdir()] == ["benchmark.png"]


def test_the_numbers_are_json():
    report = made_report(2, 1)
    read = json.loads(report.to_json())
    assert [model["name"] for model in read["models"]] == ["runs/0/run", "runs/1/run"]
    assert read["models"][0]["milliseconds"] == {"p50": 70, "p90": 80, "p99": 90}
    assert read["models"][1]["stages"][1]["stages"] == ["preprocess", "network", "NMS", "masks"]
    assert read["sweeps"][0]["values"] == [320, 640] and len(read["sweeps"][0]["spreads"]) == 2
