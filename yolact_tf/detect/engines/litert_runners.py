"""LiteRT's two ways to run a `.tflite`: the interpreter on the CPU, and the compiled model on a GPU.

Both are called with the image [1, S, S, 3 or 1] float32 and answer the outputs of `serving_default` by name.
"""

import contextlib
import os
import re
import sys
import tempfile
import weakref
from collections.abc import Iterator
from typing import Any

import numpy as np

from yolact_tf.detect.engines.litert_metadata import EXPECTED
from yolact_tf.files import PathLike

_SIGNATURE = "serving_default"


class MissingGpu(ValueError):
    """This machine has no GPU that LiteRT can use."""


class CpuRunner:
    """LiteRT's interpreter with XNNPACK."""

    def __init__(self, path: PathLike, threads: int):
        from ai_edge_litert.interpreter import Interpreter

        self.path = path
        with _damage_named(path):
            interpreter = Interpreter(str(path), num_threads=threads)
            interpreter.allocate_tensors()
            self._run = interpreter.get_signature_runner(_SIGNATURE)
        self.input_shape = _shape(self._run.get_input_details()["image"])
        self.output_shapes = {name: _shape(x) for name, x in self._run.get_output_details().items()}

    def __call__(self, image: np.ndarray) -> dict[str, np.ndarray]:
        with _damage_named(self.path):
            return self._run(image=image)


class GpuRunner:
    """LiteRT's compiled model, all of it on the GPU: an operation that the GPU lacks is an error.

    float16: computes in half precision where the GPU has it.
    """

    def __init__(self, path: PathLike, float16: bool = False):
        with _standard_error_kept() as log:
            model = _compile(path, float16, log)
            details = model.get_output_tensor_details(_SIGNATURE)
            self.input_shape = _shape(model.get_input_tensor_details(_SIGNATURE)["image"])
            self.output_shapes = {name: _shape(x) for name, x in details.items()}
            self._types = {name: np.dtype(x["dtype"]) for name, x in details.items()}
            # All that LiteRT made, in one place that lets go of it.
            self._made: dict[str, Any] = {
                "input": model.create_input_buffer_by_name(_SIGNATURE, "image"),
                "outputs": {name: model.create_output_buffer_by_name(_SIGNATURE, name) for name in details},
                "model": model,
            }
            self._write(np.zeros(self.input_shape))  # the first makes one more thing that LiteRT tells of
        weakref.finalize(self, _let_go, self._made)

    def __call__(self, image: np.ndarray) -> dict[str, np.ndarray]:
        outputs = self._made["outputs"]
        self._write(image)
        self._made["model"].run_by_name(_SIGNATURE, {"image": self._made["input"]}, outputs)
        return {name: self._read(name, buffer) for name, buffer in outputs.items()}

    def _write(self, image):
        self._made["input"].write(np.ascontiguousarray(image, np.float32).ravel())

    def _read(self, name, buffer):
        shape = self.output_shapes[name]
        return np.array(buffer.read(int(np.prod(shape)), self._types[name].type)).reshape(shape)


def _let_go(made):
    """Empties `made`, of which LiteRT would tell the user."""
    with _standard_error_kept():
        made.clear()


def _compile(path, float16, log) -> Any:
    try:
        from ai_edge_litert.compiled_model import CompiledModel, GpuOptions, HardwareAccelerator, Options
    except ImportError as error:
        raise MissingGpu(f"Expected ai-edge-litert 2.3 or newer for GPUs. Received: {error}") from None
    options = Options(
        hardware_accelerators=HardwareAccelerator.GPU, gpu_options=GpuOptions(enforce_f32=not float16)
    )
    try:
        model = CompiledModel.from_file(str(path), options=options)
    except RuntimeError as error:
        refusal = _refusal(path, log(), error)
    else:
        if model.is_fully_accelerated():
            return model
        del model
        refusal = ValueError(
            f"{path}: expected LiteRT to run all of it on the GPU. Received: some on the CPU"
        )
    # By now nothing holds what LiteRT made: it tells of its end where that is kept.
    raise refusal


def _refusal(path, log, error):
    """The exception for a file that was not compiled, from what LiteRT logged about it."""
    if re.search(r"No adapters found|GPU accelerator could not be loaded", log):
        return MissingGpu("Expected a GPU with a driver that LiteRT can use (Vulkan on Linux). Received none")
    unsupported = re.findall(
        r"^([A-Z][A-Z_0-9]+): (.+)$", log.partition("not supported by GPU")[2], re.MULTILINE
    )
    # Of many of one kind the first says it.
    first = {operation: f"{operation}: {reason}" for operation, reason in reversed(unsupported)}
    listed = "; ".join(reversed(first.values())) or " ".join(str(error).split())
    return ValueError(f"{path}: expected only operations that LiteRT has for GPUs. Received: {listed}")


@contextlib.contextmanager
def _standard_error_kept() -> Iterator[Any]:
    """Yields a function that returns what was written to file descriptor 2 since; C++ libraries log there."""
    sys.stderr.flush()
    saved = os.dup(2)
    with tempfile.TemporaryFile() as file:
        os.dup2(file.fileno(), 2)

        def read():
            file.seek(0)
            return file.read().decode("utf-8", "replace")

        try:
            yield read
        finally:
            os.dup2(saved, 2)
            os.close(saved)


@contextlib.contextmanager
def _damage_named(path):
    """Says what LiteRT raises for a file that it cannot run in one line that names the file."""
    try:
        yield
    except (ValueError, RuntimeError) as error:
        reason = " ".join(str(error).split())
        raise ValueError(f"{path}: {EXPECTED}. Received: {reason}") from None


def _shape(details):
    return tuple(int(n) for n in details["shape"])
