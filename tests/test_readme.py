"""README is short, and what it names is there; tests/docs run its code."""

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from yolact_tf.cli.commands import app
from yolact_tf.recipes import list_recipes

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_its_scripts_are_of_ten_lines_at_most():
    scripts = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    assert len(scripts) == 3
    for script in scripts:
        assert len([line for line in script.splitlines() if line.strip()]) <= 10


@pytest.mark.parametrize("command", sorted(set(re.findall(r"`yolact ((?:data |show )?[a-z-]+)", README))))
def test_every_command_it_names_exists(command):
    assert CliRunner().invoke(app, [*command.split(), "--help"]).exit_code == 0


def test_every_recipe_it_names_exists():
    named = set(re.findall(r"^\| `(\w+)` \|.*px", README, re.MULTILINE))
    assert named and named <= set(list_recipes("configs"))


def test_its_links_and_pictures_are_there():
    targets = re.findall(r"\]\((?!http)([^)]+)\)", README)
    assert targets
    for target in targets:
        assert (ROOT / target).exists(), target


def test_no_path_of_a_private_machine():
    for path in ROOT.rglob("*"):
        is_ours = not {".venv", ".venv-beam", ".software_gpu", "node_modules"} & set(path.parts)
        if path.suffix in (".py", ".md", ".cfg", ".toml", ".ipynb", ".html", ".ts", ".json") and is_ours:
            assert not re.search(r"/(home|root|work|Users)/\w", path.read_text(encoding="utf-8")), path
