"""Recipes: Python files in `configs/` and `export/`, found by path or by bare name.

In a checkout they lie beside the package; a wheel carries them as `yolact_tf/recipes_*`.
"""

import ast
import difflib
import re
import runpy
from collections.abc import Iterable
from pathlib import Path

from yolact_tf.config import (
    AnchorConfig,
    Config,
    DataConfig,
    DetectConfig,
    ExportRecipe,
    LossConfig,
    ModelConfig,
    TrainConfig,
)
from yolact_tf.fields import field_paths, override, unknown_field
from yolact_tf.files import PathLike

PACKAGE = Path(__file__).parent
_CLASSES = (
    ModelConfig,
    AnchorConfig,
    DataConfig,
    TrainConfig,
    LossConfig,
    DetectConfig,
    Config,
    ExportRecipe,
)


def load_config(recipe: PathLike, overrides: Iterable[str] = ()) -> Config:
    """The `Config` of a recipe named by path or bare name, with `section.field=value` overrides.

    FileNotFoundError for a recipe that is not there, ValueError for one that is not valid.
    """
    return override(_load(recipe, "configs", "config", Config), overrides)


def load_export_recipe(recipe: PathLike) -> ExportRecipe:
    """The `ExportRecipe` named by path or bare name."""
    return _load(recipe, "export", "recipe", ExportRecipe)


def list_recipes(kind: str) -> dict[str, str]:
    """{name: one-line purpose} of the recipes of `kind`, "configs" or "export"."""
    purposes = {}
    for path in sorted(_folder(kind).glob("[!_]*.py")):
        docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
        purposes[path.stem] = docstring.partition("\n")[0]
    return purposes


def _folder(kind):
    checkout = PACKAGE.parent / kind
    # A site-packages folder may hold an unrelated `configs/`; a checkout has setup.cfg beside it.
    if checkout.is_dir() and (PACKAGE.parent / "setup.cfg").is_file():
        return checkout
    return PACKAGE / f"recipes_{kind}"


def _load(recipe, kind, variable, cls):
    path = _find(str(recipe), kind)
    try:
        values = runpy.run_path(str(path))
    except TypeError as error:
        raise ValueError(f"Recipe {path}: {_explain(error)}") from None
    except (ValueError, SyntaxError, NameError, ImportError, AttributeError) as error:
        raise ValueError(f"Recipe {path}: {error}") from None
    if not isinstance(values.get(variable), cls):
        raise ValueError(
            f"Recipe {path} must set `{variable}` to a {cls.__name__}. Received: {values.get(variable)!r}"
        )
    return values[variable]


def _find(recipe, kind):
    names = list_recipes(kind)
    if recipe in names:
        return _folder(kind) / f"{recipe}.py"
    if Path(recipe).is_file():
        if Path(recipe).suffix != ".py":
            raise ValueError(f"A recipe must be a Python file, .py. Received: {recipe!r}")
        return Path(recipe)
    near = difflib.get_close_matches(Path(recipe).stem, names, n=3, cutoff=0.4) or sorted(names)
    raise FileNotFoundError(
        f"A recipe must be a file or one of {sorted(names)}. Received: {recipe!r}. Nearest: {', '.join(near)}"
    )


def _explain(error):
    """The line for a misspelt dataclass field; other type errors speak for themselves."""
    match = re.match(r"(\w+)\.__init__\(\) got an unexpected keyword argument '(\w+)'", str(error))
    cls = next((c for c in _CLASSES if match and c.__name__ == match[1]), None)
    return unknown_field(match[2], field_paths(cls)) if cls else str(error)
