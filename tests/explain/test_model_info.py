import numpy as np
import pytest
from numpy.testing import assert_allclose

import yolact_tf
from yolact_tf.data.inspect.stats import statistics
from yolact_tf.explain.model_info import anchor_recall, model_info


def test_a_run(shapes_run, run):
    found = model_info(shapes_run)
    assert found.kind == "run" and found.facts["recipe"] == "tiny_256"
    assert found.facts["classes"].startswith("6: circle, ")
    assert found.facts["input"] == "128 x 128 px" and found.facts["prototypes"] == "8 of 32 x 32"
    assert found.facts["weights"].startswith("best.weights.h5, ")
    assert found.anchors == run.model.anchor_settings
    assert sum(level.count for level in found.levels) == len(run.model.anchors)
    assert found.parameters == sum(part.parameters for part in found.parts)


def test_a_recipe_that_nobody_has_trained():
    found = model_info("tiny_256", ["data.image_size=192", "model.num_classes=3"])
    assert (found.kind, found.facts["name"], found.facts["classes"]) == ("recipe", "tiny_256", "3")
    first = found.levels[0]
    assert (first.name, first.cells, first.stride, first.per_cell) == ("P3", 24, 8.0, 3)
    assert [level.name for level in found.levels] == ["P3", "P4", "P5", "P6", "P7"]


@pytest.mark.whole
def test_anchors_of_the_paper():
    levels = model_info("resnet50_550").levels
    assert [level.count for level in levels] == [14283, 3675, 972, 243, 75]
    assert_allclose(levels[0].shapes, [(24, 24), (24 / 2**0.5,) * 2, (24 * 2**0.5,) * 2], rtol=1e-4)


@pytest.mark.whole
@pytest.mark.parametrize("kind, name", [("litert_file", "LiteRT"), ("explore_file", "LiteRT")])
def test_a_file_tells_what_it_computes(kind, name, request, run):
    found = model_info(request.getfixturevalue(kind))
    assert found.kind == name and found.facts["precision"] == "float32"
    assert found.facts["input"] == "128 x 128 px" and found.facts["size"].endswith(" MB")
    assert found.anchors["image_size"] == 128 and len(found.levels) == 5
    assert 0 < found.parameters <= run.model.count_params()


def test_a_saved_model_tells_less(saved_model):
    found = model_info(saved_model)
    assert found.kind == "SavedModel" and found.facts["classes"].startswith("6: circle")
    assert found.facts["tensors"] == (
        "images uint8 any x any x any x 3 → boxes, classes, masks, num_detections, scores"
    )
    assert (found.parts, found.levels, found.anchors) == ((), [], {})
    with pytest.raises(ValueError, match="Expected a model that tells its anchors"):
        anchor_recall(found, "data")


def test_recall_is_that_of_the_data_tools(shapes_run, litert_file, shapes_data, run):
    expected = statistics(shapes_data, run.config, "train").anchors
    for model in (shapes_run, litert_file):
        fit = anchor_recall(model_info(model), shapes_data)
        assert fit.recall == expected.recall
        assert_allclose(fit.sizes, expected.sizes)
    assert np.isfinite(list(expected.recall.values())).all()


def test_what_is_no_model_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="Nearest: tiny_256"):
        model_info("tiny_265")
    (tmp_path / "a.tflite").write_bytes(b"nothing")
    with pytest.raises(ValueError, match="expected a .tflite of `yolact export`"):
        model_info(tmp_path / "a.tflite")
    with pytest.raises(ValueError, match="Expected an exported model"):
        model_info(tmp_path)


def test_the_same_name_as_a_recipe_is_a_run_where_there_is_one(shapes_run, tmp_path, monkeypatch):
    (tmp_path / "tiny_256").symlink_to(shapes_run)
    monkeypatch.chdir(tmp_path)
    assert model_info("tiny_256").kind == "run"
    assert yolact_tf.load_config("tiny_256").data.image_size == 256


def test_what_is_made_is_not_to_be_set(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "model.tflite").write_bytes(b"")
    for model in (tmp_path, tmp_path / "model.tflite"):
        with pytest.raises(ValueError, match="--set is for recipes: .* Received: 'model.num_classes=3'"):
            model_info(model, ["model.num_classes=3"])
