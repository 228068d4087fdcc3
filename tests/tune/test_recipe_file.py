"""Recipes written by the program are read back as equal configs."""

import dataclasses

import pytest

from yolact_tf.config import Config
from yolact_tf.fields import override
from yolact_tf.recipes import list_recipes, load_config
from yolact_tf.tune.recipe_file import write_recipe


@pytest.mark.parametrize("recipe", list_recipes("configs"))
def test_any_recipe_is_read_back(recipe, tmp_path):
    config = load_config(recipe)
    write_recipe(config, "A recipe.", tmp_path / "best.py", {})
    assert load_config(tmp_path / "best.py") == config


def test_what_is_at_its_default_is_not_named_and_remarks_stand_beside_their_field(tmp_path):
    config = override(Config(), ["train.learning_rate=0.004", "train.freeze=backbone"])
    remarks = {"train.learning_rate": "was 0.001"}
    write_recipe(config, "A recipe.\n\n    yolact train best.py\n", tmp_path / "best.py", remarks)
    assert (tmp_path / "best.py").read_text() == (
        '"""A recipe.\n\n    yolact train best.py\n"""\n\n'
        "from yolact_tf.config import Config, TrainConfig\n\n"
        "config = Config(\n"
        "    train=TrainConfig(\n"
        "        freeze=('backbone',),\n"
        "        learning_rate=0.004,  # was 0.001\n"
        "    ),\n"
        ")\n"
    )


@pytest.mark.parametrize("name", ['a"""b', "c\\n", "Größe 'x'"])
def test_names_cannot_break_out(name, tmp_path):
    config = dataclasses.replace(Config(), name=name)
    write_recipe(config, f"{name}, tuned.", tmp_path / "best.py", {})
    assert load_config(tmp_path / "best.py") == config
    assert [path.name for path in tmp_path.iterdir()] == ["best.py"]
