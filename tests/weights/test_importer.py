import json

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from safetensors.numpy import save_file

from tests.weights.pth_writer import tensor, write_stream, write_zip
from yolact_tf.recipes import load_config
from yolact_tf.runs import load_run
from yolact_tf.weights.importer import import_weights
from yolact_tf.weights.labels import COCO_LABELS, PASCAL_LABELS, published_labels
from yolact_tf.weights.published import reference_slots

SMALL = ("data.image_size=64", "model.backbone_weights=random")


@pytest.fixture(scope="module")
def config():
    return load_config("resnet50_550", SMALL)


@pytest.fixture(scope="module")
def tensors(config):
    """A state dict of random numbers for `config`, and its half-precision twin."""
    from yolact_tf.model import build_yolact

    rng = np.random.default_rng(0)
    slots = reference_slots(build_yolact(config))
    return {key: rng.normal(size=slot.shape).astype("float32") for key, slot in slots.items()}


def save(path, tensors, kind):
    if kind == "safetensors":
        save_file(tensors, path)
    else:
        writer = write_zip if kind == "zip" else write_stream
        writer(path, {key: tensor(value, device="cuda:0") for key, value in tensors.items()})
    return path


@pytest.mark.whole
@pytest.mark.parametrize("kind", ["stream", "zip", "safetensors"])
def test_an_imported_file_is_a_run_with_the_same_weights(config, tensors, kind, tmp_path):
    suffix = "safetensors" if kind == "safetensors" else "pth"
    file = save(tmp_path / f"weights.{suffix}", tensors, kind)
    result = import_weights(file, config, tmp_path / "run")
    run = load_run(tmp_path / "run")
    assert (result.loaded, result.fresh) == (len(run.model.weights), ())
    assert run.labels == COCO_LABELS
    assert run.config.data.image_size == 64
    for key, slot in reference_slots(run.model).items():
        expected = tensors[key].transpose(2, 3, 1, 0) if tensors[key].ndim == 4 else tensors[key]
        assert_array_equal(slot.variable, expected)


@pytest.mark.whole
def test_a_file_that_does_not_fit_leaves_no_run(config, tensors, tmp_path):
    file = save(tmp_path / "weights.pth", dict(list(tensors.items())[:-1]), "zip")
    with pytest.raises(ValueError, match=r"weights.pth: 1 tensors do not fit the recipe"):
        import_weights(file, config, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_run_is_not_overwritten(config, tmp_path):
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(ValueError, match="--run must be a new folder"):
        import_weights(tmp_path / "weights.pth", config, tmp_path)


@pytest.mark.whole
@pytest.mark.parametrize(
    "content",
    [{"7": "cat", "3": "dog"}, {"categories": [{"id": 7, "name": "cat"}, {"id": 3, "name": "dog"}]}],
)
def test_own_classes_are_named_by_a_labels_file(content, tmp_path):
    config = load_config("resnet50_550", [*SMALL, "model.num_classes=2"])
    from yolact_tf.model import build_yolact

    slots = reference_slots(build_yolact(config))
    file = save(tmp_path / "w.pth", {k: np.zeros(s.shape, "float32") for k, s in slots.items()}, "zip")
    (tmp_path / "names.json").write_text(json.dumps(content))
    import_weights(file, config, tmp_path / "run", tmp_path / "names.json")
    assert list(load_run(tmp_path / "run").labels.items()) == [(3, "dog"), (7, "cat")]
    three = load_config("resnet50_550", [*SMALL, "model.num_classes=3"])
    with pytest.raises(ValueError, match="names.json: expected 3 classes as in the recipe. Received: 2"):
        import_weights(file, three, tmp_path / "other", tmp_path / "names.json")


def test_published_class_lists():
    assert (len(COCO_LABELS), COCO_LABELS[1], COCO_LABELS[90]) == (80, "person", "toothbrush")
    assert (len(PASCAL_LABELS), PASCAL_LABELS[20]) == (20, "tvmonitor")
    assert published_labels(3) == {1: "class 1", 2: "class 2", 3: "class 3"}


def test_coco_names_equal_those_of_real_annotations(shared_data):
    content = json.loads(next((shared_data / "coco100").glob("**/*val*.json")).read_text())
    assert {c["id"]: c["name"] for c in content["categories"]} == COCO_LABELS
