"""All that a benchmark has measured, as numbers that JSON holds."""

import dataclasses
import json
import platform
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

import numpy as np

from yolact_tf.benchmark.candidates import Candidate
from yolact_tf.benchmark.growth import Growth
from yolact_tf.benchmark.memory import Memory
from yolact_tf.benchmark.rounds import Timings
from yolact_tf.benchmark.spread import Ratio, Spread
from yolact_tf.benchmark.stages import DRAW, STAGES, UPSAMPLING
from yolact_tf.cores import usable_cores
from yolact_tf.model_folder import find_versions
from yolact_tf.runs import find_weights, is_run

_PACKAGES = ("tensorflow", "keras", "jax", "ai-edge-litert", "onnxruntime", "openvino", "yolact_tf")


@dataclass(frozen=True)
class StageReport:
    """What one stage takes, or several that cannot be told apart."""

    stages: tuple[str, ...]
    milliseconds: Spread


@dataclass(frozen=True)
class ModelReport:
    """What was measured of one model on one accelerator."""

    name: str
    kind: str
    precision: str
    device: str
    threads: int | None  # None where an accelerator computes
    bytes_on_disk: int
    objects: float  # found in an image, on average
    milliseconds: Spread  # from the bytes of a file to a picture
    of_first: Ratio  # of these times to those of the first model
    stages: tuple[StageReport, ...]  # in order
    stages_of_call: float  # what those up to Detections take apart, as a share of one call of the Detector
    memory: Memory | None


@dataclass(frozen=True)
class Report:
    """What was measured of all models."""

    machine: dict[str, str | int]
    rounds: int
    images: tuple[dict[str, str | int], ...]
    models: tuple[ModelReport, ...]
    batches: Growth
    sweeps: tuple[Growth, ...]

    def to_json(self) -> str:
        """JSON text of all of it."""
        return json.dumps(dataclasses.asdict(self), indent=2) + "\n"


def report_on(candidate: Candidate, timings: Timings, first: Timings, memory: Memory | None) -> ModelReport:
    """The ModelReport of what `timings` say. first: those of the model that others are compared with."""
    engine = candidate.detector.engine
    in_order = sorted(timings.stages, key=lambda stages: STAGES.index(stages[0]))
    reports = tuple(StageReport(stages, Spread.of(timings.stages[stages])) for stages in in_order)
    apart = sum(r.milliseconds.p50 for r in reports if r.stages[0] not in (UPSAMPLING, DRAW))
    return ModelReport(
        name=candidate.name,
        kind=engine.kind,
        precision=engine.precision,
        device=candidate.device,
        threads=candidate.threads,
        bytes_on_disk=_bytes_on_disk(candidate.path),
        objects=round(float(np.mean(timings.counts)), 2),
        milliseconds=Spread.of(timings.wholes),
        of_first=Ratio.of(timings.wholes, first.wholes),
        stages=reports,
        stages_of_call=round(apart / Spread.of(timings.calls).p50, 4),
        memory=memory,
    )


def describe_machine() -> dict[str, str | int]:
    """What the numbers depend on: processor, cores, and versions of what computes."""
    machine: dict[str, str | int] = {
        "processor": _processor(),
        "cores": usable_cores(),
        "system": platform.platform(),
        "python": platform.python_version(),
    }
    for name in _PACKAGES:
        try:
            machine[name] = version(name)
        except PackageNotFoundError:
            continue
    return machine


def _processor():
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            names = [line.split(":", 1)[1].strip() for line in file if line.startswith("model name")]
    except FileNotFoundError:
        names = []
    return names[0] if names else platform.processor() or platform.machine()


def _bytes_on_disk(path):
    """Of a run its weights, of a SavedModel its newest version."""
    if path.is_file():
        return path.stat().st_size
    if is_run(path):
        return find_weights(path).stat().st_size
    folder = next(iter(find_versions(path).values()), path)
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
