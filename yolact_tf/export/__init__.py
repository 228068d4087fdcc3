"""A run in, one deployable artefact out. Recipes that say what to make lie in the folder `export/`."""

from pathlib import Path

from yolact_tf.config import ExportRecipe
from yolact_tf.export.calibration import CalibrationImages
from yolact_tf.export.litert import to_litert
from yolact_tf.export.quantization import Quantization, require_quantizer
from yolact_tf.export.saved_model import to_saved_model
from yolact_tf.files import PathLike
from yolact_tf.runs import Run
from yolact_tf.structures import Progress

__all__ = ["export_run", "to_litert", "to_saved_model"]


def export_run(
    run: Run,
    recipe: ExportRecipe,
    path: PathLike,
    data: PathLike | None = None,
    progress: Progress | None = None,
) -> Path:
    """Writes the artefact that `recipe`, an ExportRecipe, describes.

    data: a data folder, whose training split int8 is calibrated on.  progress: of the calibration.
    """
    if recipe.format == "litert":
        return to_litert(run, path, recipe.outputs, _quantization(run, recipe, data, progress))
    return to_saved_model(run, path, recipe.max_pixels)


def _quantization(run, recipe, data, progress):
    recipe.require_data(data)
    if recipe.precision != "float32":
        require_quantizer()
    if recipe.precision != "int8":
        return Quantization(recipe.precision)
    images = CalibrationImages(data, run.config.data, recipe.calibration_images, progress)
    return Quantization(recipe.precision, images)
