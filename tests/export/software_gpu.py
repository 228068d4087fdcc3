"""LiteRT's GPU accelerator on Vulkan drivers that compute on the CPU: SwiftShader of Debian's Chromium, and
Mesa's lavapipe, which has float16. `.ci/software_gpu` installs both.

    python -m tests.export.software_gpu FOLDER [float16]

answers for every NAME.tflite the images of NAME.npz, `0`, `1`, … [1, S, S, 3], as NAME.answers.npz with
`boxes_0`, …, or writes why not into NAME.refusal. A process of its own, since Mesa and TensorFlow bring LLVMs
that crash each other.
"""

import contextlib
import ctypes.util
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import SWIFTSHADER

ROOT = Path(__file__).parents[2]
LIBRARIES = ROOT / ".software_gpu" / "usr/lib/x86_64-linux-gnu"
DRIVERS = {
    "swiftshader": SWIFTSHADER,
    "lavapipe": ROOT / ".software_gpu" / "lvp_icd.json",
}


def require_driver(driver: str) -> dict[str, str]:
    """Environment variables that have LiteRT use `driver`. Skips the test where it is not installed."""
    if not (ctypes.util.find_library("vulkan") and DRIVERS[driver].is_file()):
        pytest.skip(f"needs the software GPU {driver}, which .ci/software_gpu installs")
    variables = {"VK_ICD_FILENAMES": str(DRIVERS[driver]), "XDG_RUNTIME_DIR": "/tmp"}
    return variables | ({"LD_LIBRARY_PATH": str(LIBRARIES)} if driver == "lavapipe" else {})


def answers_on_gpu(folder: Path, driver: str, float16: bool = False) -> None:
    """What the module says, in a process that uses `driver`."""
    variables = {**os.environ, **require_driver(driver), "KERAS_BACKEND": "numpy"}
    precision = ["float16"] if float16 else []
    command = [sys.executable, "-m", "tests.export.software_gpu", str(folder), *precision]
    done = subprocess.run(command, env=variables, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]


def write_images(path: Path, images: list[np.ndarray]) -> None:
    """`images` for the `.tflite` of the same name as `path`."""
    np.savez(path, **{str(i): image for i, image in enumerate(images)})


def read_answers(path: Path) -> list[dict[str, np.ndarray]]:
    """Outputs by name, an image at a time."""
    with np.load(path) as file:
        count = 1 + max(int(name.rpartition("_")[2]) for name in file.files)
        return [
            {name.rpartition("_")[0]: file[name] for name in file.files if name.endswith(f"_{i}")}
            for i in range(count)
        ]


def _answer(model, float16):
    from yolact_tf.detect.engines.litert_runners import GpuRunner

    try:
        runner = GpuRunner(model, float16)
    except ValueError as error:
        model.with_suffix(".refusal").write_text(str(error))
        return
    with np.load(model.with_suffix(".npz")) as images:
        found = [_patiently(runner, images[name]) for name in sorted(images.files, key=int)]
    named = {f"{name}_{i}": x for i, outputs in enumerate(found) for name, x in outputs.items()}
    np.savez(model.with_suffix(".answers.npz"), **named)


def _patiently(runner, image):
    """The answer of a run that LiteRT waited for: a software GPU compiles its shaders in the first, which
    on a busy machine takes longer than that."""
    for _ in range(5):
        with contextlib.suppress(RuntimeError):
            return runner(image)
    return runner(image)


if __name__ == "__main__":
    for tflite in sorted(Path(sys.argv[1]).glob("*.tflite")):
        _answer(tflite, sys.argv[2:] == ["float16"])
