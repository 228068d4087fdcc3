import dataclasses
import json

import h5py
import pytest

from tests.share.conftest import METRICS
from yolact_tf.config import Config
from yolact_tf.share.parcel import parts_in, pictures_of, without_paths

DESCRIBED = ["config.json", "labels.json"]


def test_neither_optimizer_nor_paths_leave_the_machine(bare_run, packed, tmp_path):
    with h5py.File(bare_run / "weights" / "best.weights.h5") as trained:
        assert "optimizer" in trained
    (tmp_path / "weights.h5").write_bytes(packed["weights/best.weights.h5"])
    with h5py.File(tmp_path / "weights.h5") as shared:
        assert "layers" in shared and "optimizer" not in shared
    results = {"metrics.json", "thresholds.json", "plots/val_batch0.jpg", "README.md"}
    assert set(packed) == {*DESCRIBED, "weights/best.weights.h5", *results}
    assert not [name for name, content in packed.items() if b"/data/" in content]
    assert json.loads(packed["metrics.json"])["images"] == METRICS["images"]


def test_paths_become_what_says_as_much_elsewhere():
    config = Config()
    assert without_paths(config) == config
    model = dataclasses.replace(config.model, backbone_weights="/runs/mine")
    told = dataclasses.replace(config, model=model, data=dataclasses.replace(config.data, cache="/fast/disk"))
    plain = without_paths(told)
    assert (plain.model.backbone_weights, plain.data.cache) == ("random", "none")
    assert dataclasses.replace(plain, model=config.model) == config


def test_a_preset_in_a_folder_keeps_its_name_alone(tmp_path):
    def with_backbone(preset):
        model = dataclasses.replace(Config().model, backbone=f"keras_hub:{preset}", backbone_preset="{}")
        return dataclasses.replace(Config(), model=model)

    (tmp_path / "mine").mkdir()
    assert without_paths(with_backbone(tmp_path / "mine")) == with_backbone("mine")
    assert without_paths(with_backbone("resnet_18_imagenet")) == with_backbone("resnet_18_imagenet")


def test_parts_of_a_run_are_found_among_others():
    best, last = "weights/best.weights.h5", "weights/last.weights.h5"
    others = ["a.py", "state.safetensors", "weights/other.weights.h5", "plots/a.png", "sub/config.json"]
    assert parts_in([*others, last, *DESCRIBED]) == [*DESCRIBED, last]
    assert parts_in([last, best, "README.md", "metrics.json", *DESCRIBED, *others]) == [
        *DESCRIBED,
        "metrics.json",
        "README.md",
        best,
    ]


@pytest.mark.parametrize(
    ("names", "received"),
    [([], "no files"), (["a.pth", "config.json"], "a.pth, config.json"), (DESCRIBED, ", ".join(DESCRIBED))],
)
def test_other_files_are_no_run(names, received):
    with pytest.raises(ValueError, match=f"expected a run: config.json, .* Received: {received}$"):
        parts_in(names)


def test_pictures_of_a_card():
    card = "![a](plots/a.png) ![](plots/b-1.jpg) [again](plots/a.png) ![](../c.png) ![](plots/../d.png)"
    assert pictures_of(card + "![](plots/e.svg) ![](http://f/plots/f.png) ![](plots/sub/g.png)") == [
        "plots/a.png",
        "plots/b-1.jpg",
    ]
    assert pictures_of("") == []
