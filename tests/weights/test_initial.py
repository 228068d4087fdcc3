import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from tests.torch_files.pth_writer import tensor, write_zip
from yolact_tf.model import build_yolact
from yolact_tf.recipes import load_config
from yolact_tf.runs import load_run, load_weights
from yolact_tf.weights.initial import load_start_weights
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
