"""Runs notebooks as Jupyter does. As a command, `make notebooks`, it stores what they show:

python -m tests.notebooks [NAME …]
"""

import base64
import hashlib
import io
import json
import os
import sys
import tempfile
from pathlib import Path

import nbformat
from jupyter_client import AsyncKernelManager
from jupyter_client.kernelspec import KernelSpecManager
from nbclient import NotebookClient
from PIL import Image

from yolact_tf.files import atomic_path

NOTEBOOKS = Path(__file__).resolve().parents[1] / "notebooks"
SECONDS_PER_CELL = 1800
PICTURES = ("image/png", "image/jpeg")
PICTURE_BYTES = 120_000  # of one that is stored
PICTURE_WIDTH = 1000  # pixels, as wide as a page shows


def execute(path: Path, folder: Path, environment: dict[str, str] | None = None) -> nbformat.NotebookNode:
    """Runs the notebook at `path`, in its own folder, and returns it with its outputs.

    The kernel is the interpreter that runs this, whatever kernels are installed.  folder: takes the kernel's
    settings.  environment: variables beside those of this process.
    """
    spec = {
        "argv": [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"],
        "display_name": "Python 3",
        "language": "python",
    }
    (folder / "kernels" / "python3").mkdir(parents=True)
    (folder / "kernels" / "python3" / "kernel.json").write_text(json.dumps(spec), encoding="utf-8")
    specs = KernelSpecManager(kernel_dirs=[str(folder / "kernels")], ensure_native_kernel=False)
    notebook = nbformat.read(path, as_version=4)
    NotebookClient(
        notebook,
        km=AsyncKernelManager(
            kernel_name="python3",
            kernel_spec_manager=specs,
            connection_file=str(folder / "connection.json"),
        ),
        timeout=SECONDS_PER_CELL,
        record_timing=False,
        resources={"metadata": {"path": str(path.parent)}},
    ).execute(  # a kernel manager of one's own is left running otherwise
        cleanup_kc=True, env={**os.environ, "IPYTHONDIR": str(folder / "ipython"), **(environment or {})}
    )
    return notebook


def code_cells(notebook: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def code_digest(notebook: nbformat.NotebookNode) -> str:
    """Tells whether outputs are of this code."""
    return hashlib.sha256("\0".join(cell.source for cell in code_cells(notebook)).encode()).hexdigest()[:16]


def printed(cell: nbformat.NotebookNode, stream: str = "stdout") -> str:
    """All that a cell wrote to stdout, or to stderr."""
    return "".join(output.text for output in cell.outputs if output.get("name") == stream)


def pictures(cell: nbformat.NotebookNode) -> list[bytes]:
    """The files of the pictures that a cell shows."""
    shown = [(output.data, _picture_kind(output.data)) for output in cell.outputs if "data" in output]
    return [base64.b64decode(data[kind]) for data, kind in shown if kind]


def stored(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """The executed notebook as it is kept: small pictures, what was printed in one piece, no progress."""
    for cell in code_cells(notebook):
        text = printed(cell)
        kept = [nbformat.v4.new_output("stream", text=text)] if text else []
        for output in cell.outputs:
            if "data" in output:
                output.data = _small(output.data)
                kept.append(output)
        cell.outputs = kept
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    language = {"name": "python"}
    notebook.metadata = nbformat.from_dict(
        {"code_digest": code_digest(notebook), "kernelspec": kernel, "language_info": language}
    )
    return notebook


def _small(data):
    """The same data of an output, its picture in as few bytes as may be."""
    kind = _picture_kind(data)
    if kind is None:
        return data
    picture = Image.open(io.BytesIO(base64.b64decode(data[kind]))).convert("RGB")
    picture.thumbnail((PICTURE_WIDTH, 10 * PICTURE_WIDTH), Image.Resampling.LANCZOS)
    kind, content = _compressed(picture)
    others = {name: value for name, value in data.items() if name not in PICTURES}
    return nbformat.from_dict({kind: base64.b64encode(content).decode(), **others})


def _picture_kind(data):
    """The MIME type of the picture in an output; Pillow gives its pictures as both."""
    return next((kind for kind in PICTURES if kind in data), None)


def _compressed(picture):
    """(MIME type, file) of a picture: charts as PNG, scenes as JPEG, no larger than PICTURE_BYTES."""
    attempts = ("PNG", {}), ("JPEG", {"quality": 88}), ("JPEG", {"quality": 78})
    while True:
        for form, options in attempts:
            file = io.BytesIO()
            picture.save(file, form, optimize=True, **options)
            if file.tell() <= PICTURE_BYTES:
                return f"image/{form.lower()}", file.getvalue()
        picture = picture.resize([round(0.85 * side) for side in picture.size], Image.Resampling.LANCZOS)


def _store(path):
    with tempfile.TemporaryDirectory() as folder:
        notebook = stored(execute(path, Path(folder)))
    with atomic_path(path) as temporary:
        nbformat.write(notebook, temporary)


if __name__ == "__main__":
    for path in sorted(NOTEBOOKS.glob("*.ipynb")):
        if path.stem in (sys.argv[1:] or [path.stem]):
            print(path.name, flush=True)
            _store(path)
