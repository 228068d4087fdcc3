import ast
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "yolact_tf"


def test_imports_only_point_down():
    found = subprocess.run(
        [Path(sys.executable).with_name("lint-imports")], cwd=ROOT, capture_output=True, text=True
    )
    assert found.returncode == 0, found.stdout


def test_only_the_command_line_prints():
    for path in PACKAGE.rglob("*.py"):
        if path.parent.name == "cli":
            continue
        calls = [n for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.Call)]
        assert not [c for c in calls if getattr(c.func, "id", "") == "print"], path


def test_importing_the_package_starts_no_framework():
    code = "import sys, yolact_tf; print('tensorflow' in sys.modules or 'keras' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "False"


def test_public_names_resolve():
    import yolact_tf

    for name in yolact_tf.__all__:
        assert getattr(yolact_tf, name) is not None
    assert set(yolact_tf.__all__) <= set(dir(yolact_tf))


def test_public_functions_say_what_they_take_and_give():
    """Keras calls its hooks in its own way: what they take is said there."""
    hooks = {"call", "build", "get_config", "from_config", "compute_output_shape", "update_state"}
    silent = []
    for path in sorted(PACKAGE.rglob("*.py")):
        for name, function in _public_functions(ast.parse(path.read_text()).body):
            is_hook = function.name in hooks or function.name.startswith(("on_train_", "on_epoch_"))
            if not is_hook and not _is_annotated(function):
                silent.append(f"{path.relative_to(PACKAGE)}: {name}")
    assert not silent, "\n".join(silent)


def _public_functions(body, of=""):
    for node in body:
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            yield from _public_functions(node.body, f"{node.name}.")
        if isinstance(node, ast.FunctionDef) and re.match("[^_]|__(init|call)__", node.name):
            yield of + node.name, node


def _is_annotated(function):
    given = function.args
    named = [*given.posonlyargs, *given.args, *given.kwonlyargs, given.vararg, given.kwarg]
    named = [arg for arg in named if arg and arg.arg not in ("self", "cls")]
    has_return = function.returns is not None or function.name == "__init__"
    return has_return and all(arg.annotation is not None for arg in named)
