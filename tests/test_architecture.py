import ast
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
