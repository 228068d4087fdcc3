import ast
import re
from pathlib import Path

import pytest

from yolact_tf.config import Config, ExportRecipe
from yolact_tf.recipes import list_recipes, load_config, load_export_recipe
from yolact_tf.weights.published import RECIPE_OF

OF_RECIPE = {recipe: reference for reference, recipe in RECIPE_OF.items()}
ROOT = Path(__file__).resolve().parents[1]


@pytest.mark.parametrize("name", sorted(list_recipes("configs")))
def test_every_config_recipe_loads_by_name_and_by_path(name):
    by_name = load_config(name)
    assert isinstance(by_name, Config)
    assert by_name == load_config(ROOT / "configs" / f"{name}.py")
    assert by_name.name == name


@pytest.mark.parametrize("name", sorted(list_recipes("export")))
def test_every_export_recipe_loads(name):
    assert isinstance(load_export_recipe(name), ExportRecipe)


def test_the_recipes_of_the_corridor_are_there():
    assert set(list_recipes("configs")) == {
        *RECIPE_OF.values(),
        "mobilenetv2_320",
        "small_data_320",
        "small_data_lite0_320",
        "small_data_resnet50_550",
        "tiny_256",
    }
    litert = {f"litert_{name}" for name in ("float32", "float16", "dynamic_int8", "int8", "explore", "heads")}
    assert {"saved_model", "onnx", "openvino", *litert} <= set(list_recipes("export"))


@pytest.mark.parametrize("name", sorted(RECIPE_OF.values()))
def test_the_originals_recipes_say_what_was_published(name):
    docstring = ast.get_docstring(ast.parse((ROOT / "configs" / f"{name}.py").read_text()))
    purpose = " ".join(docstring.split())
    assert re.search(r"\d\d\.\d mask AP", purpose) and "frames/s on a Titan Xp (published)" in purpose
    assert f"yolact train {name}" in docstring and f"The reference's `{OF_RECIPE[name]}`" in docstring


def test_every_recipe_says_what_it_is_for():
    for kind in ("configs", "export"):
        for name, purpose in list_recipes(kind).items():
            assert len(purpose) > 20, name


def test_published_weights_fit_the_recipe_that_goes_on_from_them():
    recipe, network = load_config("small_data_resnet50_550"), load_config("resnet50_550")
    assert recipe.model == network.model and recipe.anchors == network.anchors
    assert recipe.data.image_size == network.data.image_size


def test_overrides_apply():
    assert load_config("tiny_256", ["train.epochs=3"]).train.epochs == 3


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("config = Config(model=ModelConfig(bakbone='x'))", "no field 'bakbone'. Nearest: backbone"),
        ("config = Config(nam='x')", "no field 'nam'. Nearest: name"),
        ("config = Config(train=TrainConfig(epochs=0))", "`train.epochs` must be at least 1"),
        ("konfig = Config()", "must set `config` to a Config. Received: None"),
        ("config = Config(", "was never closed"),
        ("import nothing_like_this", "No module named"),
    ],
)
def test_a_broken_recipe_is_refused_by_name(tmp_path, body, message):
    recipe = tmp_path / "broken.py"
    recipe.write_text(f"from yolact_tf.config import *\n{body}\n")
    with pytest.raises(ValueError) as caught:
        load_config(recipe)
    assert message in str(caught.value)
    assert str(recipe) in str(caught.value)


def test_a_file_that_is_no_recipe_is_refused(tmp_path):
    model = tmp_path / "yolact.tflite"
    model.write_bytes(b"TFL3")
    with pytest.raises(ValueError, match=r"must be a Python file, \.py. Received: .*tflite"):
        load_config(model)


def test_an_unknown_recipe_names_the_nearest():
    with pytest.raises(FileNotFoundError, match="Received: 'resnet50'. Nearest: resnet50_550"):
        load_config("resnet50")
