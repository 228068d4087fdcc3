import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel of this checkout, built without the network from what the tests run in."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    built = subprocess.run(command, capture_output=True, text=True)
    assert built.returncode == 0, built.stdout + built.stderr
    return next(folder.glob("*.whl"))


def test_the_wheel_holds_the_package_and_nothing_else(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"yolact_tf"}
    for path in (ROOT / "yolact_tf").rglob("*.*"):
        if path.suffix in (".py", ".html"):
            assert path.relative_to(ROOT).as_posix() in names, path
    for kind in ("configs", "export"):
        for path in (ROOT / kind).glob("*.py"):
            assert f"yolact_tf/recipes_{kind}/{path.name}" in names, path
    assert any(name.endswith("LICENSE") for name in names)


def test_recipes_load_by_bare_name_from_the_wheel(wheel, tmp_path):
    zipfile.ZipFile(wheel).extractall(tmp_path / "site")
    code = (
        "import yolact_tf, pathlib; from yolact_tf.recipes import load_export_recipe;"
        "print(pathlib.Path(yolact_tf.__file__).parent);"
        "print(yolact_tf.load_config('resnet50_550').name, load_export_recipe('litert_float32').format)"
    )
    found = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={"PYTHONPATH": str(tmp_path / "site"), "PATH": ""},
        capture_output=True,
        text=True,
    )
    assert found.returncode == 0, found.stderr
    assert found.stdout.split() == [str(tmp_path / "site" / "yolact_tf"), "resnet50_550", "litert"]
