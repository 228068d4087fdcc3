"""The notebooks: committed clean, public names only, and they run from the first cell to the last."""

import json
import re
import sys
from pathlib import Path

import nbformat
import pytest
from jupyter_client import AsyncKernelManager
from jupyter_client.kernelspec import KernelSpecManager
from nbclient import NotebookClient

import yolact_tf

NOTEBOOKS = Path(__file__).resolve().parents[1] / "notebooks"
ALL_NOTEBOOKS = sorted(NOTEBOOKS.glob("*.ipynb"))
SECONDS_PER_CELL = 900
# In the JSON of a notebook: /a/b where nothing stands before it, C:\\a, or a file URL.
ABSOLUTE_PATH = r"(?<![\w.)}:/<])/(?:[\w.-]+/)+[\w.-]*|\b[A-Za-z]:\\\\\w+|file://"


def execute(path, folder, environment, monkeypatch):
    """Runs the notebook at `path` as Jupyter does, in its own folder, and returns it with its outputs.

    The kernel is the interpreter that runs this test, whatever kernels are installed; `folder` takes its
    settings.
    """
    spec = {
        "argv": [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"],
        "display_name": "Python 3",
        "language": "python",
    }
    (folder / "kernels" / "python3").mkdir(parents=True)
    (folder / "kernels" / "python3" / "kernel.json").write_text(json.dumps(spec), encoding="utf-8")
    specs = KernelSpecManager(kernel_dirs=[str(folder / "kernels")], ensure_native_kernel=False)
    settings = {"IPYTHONDIR": folder / "ipython", "JUPYTER_RUNTIME_DIR": folder / "runtime"}
    for name, value in (settings | environment).items():
        monkeypatch.setenv(name, str(value))
    notebook = nbformat.read(path, as_version=4)
    NotebookClient(
        notebook,
        km=AsyncKernelManager(kernel_name="python3", kernel_spec_manager=specs),
        timeout=SECONDS_PER_CELL,
        resources={"metadata": {"path": str(path.parent)}},
    ).execute(cleanup_kc=True)  # a kernel manager of one's own is left running otherwise
    return notebook


def outputs_of(notebook):
    """Cell id -> its outputs, code cells only."""
    return {cell.id: cell.outputs for cell in notebook.cells if cell.cell_type == "code"}


@pytest.mark.whole
def test_prototypes_notebook_shows_every_figure(shapes_run, shapes_data, tmp_path, monkeypatch):
    image = sorted((shapes_data / "images").glob("val_*.jpg"))[0]
    environment = {"YOLACT_RUN": shapes_run.resolve(), "YOLACT_IMAGE": image.resolve()}

    notebook = execute(NOTEBOOKS / "03_prototypes.ipynb", tmp_path, environment, monkeypatch)

    outputs = outputs_of(notebook)
    assert not [o for cell in outputs.values() for o in cell if o.output_type == "error"]
    figures = {name: sum("image/png" in o.get("data", {}) for o in cell) for name, cell in outputs.items()}
    assert {name: count for name, count in figures.items() if count} == {
        "detect": 1,
        "prototypes": 1,
        "coefficients": 1,
        "sums": 1,
        "crop": 1,
        "mask": 1,
    }


@pytest.mark.parametrize("path", ALL_NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_is_committed_without_outputs(path):
    notebook = nbformat.read(path, as_version=4)

    nbformat.validate(notebook)
    assert notebook.metadata.kernelspec.name == "python3"
    for cell in notebook.cells:
        if cell.cell_type == "code":
            assert (cell.outputs, cell.execution_count) == ([], None), f"{cell.id} has been run"


@pytest.mark.parametrize("path", ALL_NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_holds_no_absolute_paths(path):
    assert re.findall(ABSOLUTE_PATH, path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("path", ALL_NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_uses_public_names_only(path):
    notebook = nbformat.read(path, as_version=4)
    code = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "code")

    assert not re.search(r"^\s*(from yolact_tf|import yolact_tf\.)", code, re.MULTILINE)
    assert set(re.findall(r"\byolact_tf\.(\w+)", code)) <= set(yolact_tf.__all__)
