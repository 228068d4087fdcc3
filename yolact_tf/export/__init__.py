"""A run in, one deployable artefact out. Recipes that say what to make lie in the folder `export/`."""

from pathlib import Path

from yolact_tf.config import ExportRecipe
from yolact_tf.export.litert import to_litert
from yolact_tf.export.onnx import to_onnx
from yolact_tf.export.openvino import to_openvino
from yolact_tf.export.saved_model import to_saved_model
from yolact_tf.files import Check, PathLike
from yolact_tf.runs import Run

__all__ = ["export_run", "to_litert", "to_onnx", "to_openvino", "to_saved_model"]


def export_run(run: Run, recipe: ExportRecipe, path: PathLike, check: Check | None = None) -> Path:
    """Writes the artefact that `recipe`, an ExportRecipe, describes.

    check: called with it before it gets its name; where it raises, nothing is written.
    """
    if recipe.format == "litert":
        return to_litert(run, path, recipe.outputs, check)
    if recipe.format == "onnx":
        return to_onnx(run, path, check)
    if recipe.format == "openvino":
        return to_openvino(run, path, check)
    return to_saved_model(run, path, recipe.max_pixels, check)
