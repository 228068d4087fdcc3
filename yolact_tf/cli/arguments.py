"""What several commands take: a data folder, overrides, and a model of any kind."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:  # it starts TensorFlow
    from yolact_tf.detect.detector import Detector

Overrides = Annotated[list[str] | None, typer.Option("--set", help="Override a field: section.field=value.")]
# Text, since a Path would make gs:/bucket of gs://bucket.
DataFolder = Annotated[
    str, typer.Option("--data", help="Folder with COCO annotations and images, or one of TFRecord shards.")
]


def open_detector(model: Path) -> "Detector":
    """A Detector on a run folder or an exported artefact."""
    from yolact_tf.detect.detector import Detector
    from yolact_tf.detect.engines import is_openvino
    from yolact_tf.model_folder import find_versions
    from yolact_tf.runs import load_run

    if (model / "config.json").is_file():
        return Detector(load_run(model))
    if model.is_dir() and not (find_versions(model) or is_openvino(model)):
        raise ValueError(
            "MODEL must be a run folder, one of a SavedModel or of OpenVINO, or a .tflite or .onnx file. "
            f"Received: {str(model)!r}, which has neither config.json nor saved_model.pb nor model.xml"
        )
    return Detector.from_artefact(model)
