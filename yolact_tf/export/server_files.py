"""What TF Serving is started with, beside the models: three .config files and docker_run.sh."""

import json
import logging
import re
from pathlib import Path

from yolact_tf.files import write_text
from yolact_tf.model_folder import LABELS, find_versions

logger = logging.getLogger(__name__)

_MARK = "# Kept by yolact export, which adds models and leaves all else as it is.\n"
_BATCHING = (
    "# Requests are joined to batches: images of `tensors`, `raw` and `evaluation` must have one size.\n"
    "max_batch_size { value: 8 }\n"
    "batch_timeout_micros { value: 5000 }\n"
    "max_enqueued_batches { value: 64 }\n"
    "num_batch_threads { value: 2 }\n"
)
_MONITORING = 'prometheus_config {\n  enable: true\n  path: "/monitoring/prometheus/metrics"\n}\n'
_SCRIPT = (
    "#!/bin/sh\n"
    "# Serves the models on http://localhost:8501 with TF Serving's stock image, and tells Prometheus at\n"
    "# /monitoring/prometheus/metrics.\n"
    'cd "$(dirname "$0")" && exec docker run --rm -p 8501:8501 -v "$PWD:/models" '
    "tensorflow/serving:2.20.0 --model_config_file=/models/models.config "
    "--enable_batching --batching_parameters_file=/models/batching.config "
    "--monitoring_config_file=/models/monitoring.config\n"
)


def write_server_files(folder: Path) -> None:
    """Makes `folder` ready for TF Serving with every model exported into it.

    What is there already stays: models.config only gains the models that it lacks, and one that we did
    not write gains nothing. The log says in one line what was left alone.
    """
    _list_models(folder / "models.config", [base.name for base in sorted(folder.iterdir()) if _is_ours(base)])
    _write_once(folder / "batching.config", _BATCHING)
    _write_once(folder / "monitoring.config", _MONITORING)
    if _write_once(folder / "docker_run.sh", _SCRIPT):
        (folder / "docker_run.sh").chmod(0o755)


def _is_ours(base):
    try:
        return any((version / LABELS).is_file() for version in find_versions(base).values())
    except PermissionError:  # another user's, as in /tmp
        return False


def _list_models(path, names):
    text = _text_at(path) if path.exists() else f"{_MARK}model_config_list {{\n}}\n"
    said = re.sub(r"^\s*#.*$", "", text, flags=re.MULTILINE)
    listed = re.findall(r'\b(?:name|base_path)\s*:\s*("(?:[^"\\]|\\.)*")', said)
    missing = [name for name in names if not {_quoted(name), _quoted(f"/models/{name}")} & set(listed)]
    end = text.rstrip().rfind("}")
    if not text.startswith(_MARK) or end != len(text.rstrip()) - 1:
        if missing:
            logger.warning("%s is not ours and was left alone; it lacks %s", path, ", ".join(missing))
    elif missing:
        write_text(path, text[:end] + "".join(map(_entry, missing)) + text[end:])


def _entry(name):
    return (
        "  config {\n"
        f"    name: {_quoted(name)}\n"
        f"    base_path: {_quoted(f'/models/{name}')}\n"
        '    model_platform: "tensorflow"\n'
        "  }\n"
    )


def _quoted(text):
    """A string of protobuf's text format, whose escapes are JSON's."""
    return json.dumps(text, ensure_ascii=False)


def _text_at(path):
    """The text of a file; "", which is none of ours, where its name is that of a folder."""
    return "" if path.is_dir() else path.read_text(encoding="utf-8", errors="surrogateescape")


def _write_once(path, text):
    """Writes a file where none is; says so where another one is. Whether it wrote."""
    if not path.exists():
        write_text(path, text)
        return True
    if _text_at(path) != text:
        logger.warning("%s is not as we write it and was left alone", path)
    return False
