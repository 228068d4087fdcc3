"""A job as steps of Apache Beam: groups of images in, files out. This module needs the extra `beam`."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import apache_beam as beam
from apache_beam.metrics import Metrics
from apache_beam.metrics.metric import MetricsFilter
from apache_beam.ml.inference.base import ModelHandler, RunInference

from yolact_tf.batch import storage
from yolact_tf.batch.images import Group, Look
from yolact_tf.batch.outputs import GROUPS, KINDS, Outputs, Part, finish, put_together, write_group

NAMESPACE = "yolact"  # of what is counted
_REMARK = "remark: "


class DetectorHandler(ModelHandler):
    """Has RunInference look at groups of images with a Detector, loaded once a process.

    Beam's own handler of TensorFlow models knows no SavedModels of Keras 3 (apache/beam#30616); this takes
    whatever `open_detector` does.  model: its address.  threads: of TensorFlow, None
    for as many as it takes.
    """

    def __init__(self, model: str, look: Look, threads: int | None):
        super().__init__(min_batch_size=1, max_batch_size=1)  # a group is one
        self.model, self.look, self.threads = model, look, threads

    def load_model(self) -> Any:
        """The Detector."""
        from yolact_tf.batch.opening import open_for_job

        return open_for_job(self.model, self.threads)

    def run_inference(
        self, batch: Sequence[str], model: Any, inference_args: dict[str, Any] | None = None
    ) -> Iterable[Any]:
        """For each group, as a line, its number and what became of its images."""
        from yolact_tf.batch.looking import look_at

        for group in map(Group.of_line, batch):
            yield group.number, list(look_at(model, group.images, self.look))

    def get_metrics_namespace(self) -> str:
        """What Beam's own metrics of the model are called."""
        return NAMESPACE


def add_steps(root: Any, outputs: Outputs, num_groups: int, handler: DetectorHandler) -> None:
    """Adds all steps of a job to a pipeline.

    `outputs.temporary` holds the groups, a line each: there may be more than a description of a job holds.
    """
    looked = (
        root
        | "Groups" >> beam.Create([storage.join(outputs.temporary, GROUPS)])
        | "Read" >> beam.FlatMap(_lines)
        | "Distribute" >> beam.Reshuffle()
        | "Detect" >> RunInference(handler)
        | "Write" >> beam.FlatMap(_write, outputs, num_groups)
    )
    # Also of a file to which no group adds anything.
    expected = root | "Files" >> beam.Create([(tuple(part), -1) for part in outputs.parts])
    _ = (
        (looked, expected)
        | "Flatten" >> beam.Flatten()
        | "Of a file" >> beam.GroupByKey()
        | "Put together" >> beam.Map(_put_together, outputs)
        | "All" >> beam.combiners.ToList()
        | "Finish" >> beam.Map(_finish, outputs)
    )


def counted(result: Any) -> Counter[str]:
    """How much a job that has ended looked at and found, as far as what ran it counts."""
    counters = result.metrics().query(MetricsFilter().with_namespace(NAMESPACE))["counters"]
    return Counter({counter.key.metric.name: counter.result for counter in counters})


def remarks_of(counts: Counter[str]) -> dict[str, int]:
    """What of how many images is not seen."""
    return {name.removeprefix(_REMARK): n for name, n in counts.items() if name.startswith(_REMARK)}


def _lines(address: str) -> list[str]:
    return storage.read(address).decode().splitlines()


def _write(looked: tuple[int, list[Any]], outputs: Outputs, num_groups: int) -> Iterator[Any]:
    """((kind, shard), number of the group) of each file that has something of it."""
    number, images = looked
    contents = [
        (kind, KINDS[kind].separator.join(filter(None, (getattr(seen, kind) for seen in images))))
        for kind in KINDS
    ]
    for kind in write_group(outputs, number, contents):
        shard = 0 if kind == "failed" else number * outputs.shards // num_groups
        yield (kind, shard), number
    counts = Counter(images=len(images), objects=sum(seen.objects for seen in images))
    counts["failed"] = sum(bool(seen.failed) for seen in images)
    counts.update(_REMARK + remark for seen in images for remark in seen.remarks)
    for name, count in counts.items():
        Metrics.counter(NAMESPACE, name).inc(count)


def _put_together(part: tuple[tuple[str, int], Iterable[int]], outputs: Outputs) -> tuple[str, int]:
    (kind, shard), numbers = part
    put_together(outputs, Part(kind, shard), (number for number in numbers if number >= 0))
    return kind, shard


def _finish(parts: list[Any], outputs: Outputs) -> None:
    finish(outputs)
