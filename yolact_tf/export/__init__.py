"""A run in, one deployable artefact out. Recipes that say what to make lie in the folder `export/`."""

from pathlib import Path

from yolact_tf.config import ExportRecipe
from yolact_tf.detect.engines.bfloat16 import require_bfloat16
from yolact_tf.export.calibration import CalibrationImages
from yolact_tf.export.litert import to_litert
from yolact_tf.export.onnx import to_onnx
from yolact_tf.export.openvino import to_openvino
from yolact_tf.export.quantization import Quantization, require_quantizer
from yolact_tf.export.saved_model import to_saved_model
from yolact_tf.files import Check, PathLike
from yolact_tf.runs import Run
from yolact_tf.structures import Progress

__all__ = ["export_run", "to_litert", "to_onnx", "to_openvino", "to_saved_model"]


def export_run(
    run: Run,
    recipe: ExportRecipe,
    path: PathLike,
    data: PathLike | None = None,
    check: Check | None = None,
    progress: Progress | None = None,
) -> Path:
    """Writes the artefact that `recipe`, an ExportRecipe, describes.

    data: a data folder, whose training split int8 is calibrated on.  progress: of the calibration.
    check: called with the artefact before it gets its name; where it raises, nothing is written.
    """
    if recipe.format == "litert":
        quantization = _quantization(run, recipe, data, progress)
        return to_litert(run, path, recipe.outputs, quantization, check)
    if recipe.format == "onnx":
        return to_onnx(run, path, check)
    if recipe.format == "openvino":
        return to_openvino(run, path, check)
    if check and recipe.precision == "bfloat16":
        require_bfloat16()  # or nothing could be compared, after all the work
    return to_saved_model(run, path, recipe.max_pixels, check, recipe.precision)


def _quantization(run, recipe, data, progress):
    recipe.require_data(data)
    if recipe.precision != "float32":
        require_quantizer()
    if recipe.precision != "int8":
        return Quantization(recipe.precision)
    images = CalibrationImages(data, run.config.data, recipe.calibration_images, progress)
    return Quantization(recipe.precision, images)
