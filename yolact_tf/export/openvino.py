"""A run to a folder for OpenVINO, with NMS and masks in the graph."""

from pathlib import Path

from yolact_tf.detect.engines.openvino import MODEL
from yolact_tf.export.metadata import describe, metadata_files
from yolact_tf.export.static_graph import static_saved_model
from yolact_tf.files import Check, PathLike, new_folder, write_text
from yolact_tf.packages import require_package
from yolact_tf.runs import Run


def to_openvino(run: Run, path: PathLike, check: Check | None = None) -> Path:
    """Writes `run` as a folder with model.xml, model.bin, metadata.json and labels.txt, in float32.

    Inputs and outputs are those of the `.tflite`.
    path: must be new, or an empty folder.  check: called with the folder before it gets its name; where it
    raises, nothing is written.
    """
    path = Path(path)
    if path.exists() and not (path.is_dir() and not any(path.iterdir())):
        raise ValueError(
            f"--output must be a new or an empty folder. Received: {str(path)!r}, which is neither"
        )
    openvino = require_package("openvino", "openvino")
    with static_saved_model(run) as folder:
        model = openvino.convert_model(folder)
        with new_folder(path) as made:
            openvino.save_model(model, made / MODEL, compress_to_fp16=False)
            for name, text in metadata_files(describe(run), run.labels).items():
                write_text(made / name, text)
            if check:
                check(made)
    return path
