"""A Detector on whatever model lies at a path."""

from collections.abc import Sequence
from pathlib import Path

from yolact_tf.detect.detector import Detector
from yolact_tf.detect.engines import is_openvino
from yolact_tf.files import PathLike
from yolact_tf.model_folder import find_versions
from yolact_tf.runs import is_run, load_run


def open_detector(
    path: PathLike, threads: int | None = None, accelerator: str = "cpu", overrides: Sequence[str] = ()
) -> Detector:
    """A Detector on a run folder or an exported artefact. ValueError or FileNotFoundError for anything else.

    threads, accelerator: as `Detector.from_artefact` has them; runs and SavedModels take
    TensorFlow's threads.  overrides: as `load_run` has them, for runs.
    """
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(
            f"MODEL must be a run folder or an exported model. Received: {str(path)!r}, which is not there"
        )
    if is_run(path):
        return Detector(load_run(path, overrides))
    if overrides:
        raise ValueError(
            "--set is for runs: an artefact detects as its run did when it was exported. "
            f"Received: {overrides[0]!r} for {str(path)!r}"
        )
    is_saved_model = bool(find_versions(path))
    if path.is_dir() and not (is_saved_model or is_openvino(path)):
        raise ValueError(
            "MODEL must be a run folder, one of a SavedModel or of OpenVINO, or a .tflite or .onnx file. "
            f"Received: {str(path)!r}, which has neither config.json nor saved_model.pb nor model.xml"
        )
    return Detector.from_artefact(path, None if is_saved_model else threads, accelerator)
