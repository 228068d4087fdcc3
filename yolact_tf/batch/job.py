"""A whole job: from the images that are named to files that have their names."""

import json
import logging
from collections import Counter
from collections.abc import Callable, Sequence
from typing import NamedTuple

from yolact_tf.batch import local, storage
from yolact_tf.batch.images import Group, Look, find_images, in_groups
from yolact_tf.batch.outputs import GROUPS, Outputs, groups_done, reserve, withdraw
from yolact_tf.config import SHOWN_ABOVE
from yolact_tf.files import PathLike
from yolact_tf.structures import Progress

logger = logging.getLogger(__name__)


class Job(NamedTuple):
    """What is asked for.

    model: a run or an exported artefact.  images: as `find_images` has them.  results: a .json; of several
    `shards` each is `NAME-00000-of-00004.json`.  overlays: a .tar of PNGs, sharded alike, or None.
    processes: on this machine, by default one a core as far as the memory reaches.  batch: images that are
    detected at once, up to 8; of 1 the rows are to the last digit those of an image alone.
    runner: one of Beam's by its name, None for this machine.  options: Beam's own, such as "--project=mine".
    All addresses may be URLs, such as gs://bucket/folder.
    """

    model: PathLike
    images: PathLike
    results: PathLike
    overlays: PathLike | None = None
    score_threshold: float = SHOWN_ABOVE
    shards: int = 1
    processes: int | None = None
    batch: int = 1
    runner: str | None = None
    options: Sequence[str] = ()


class Report(NamedTuple):
    """What a job came to."""

    images: int
    objects: int
    failed: int  # images that could not be read
    failed_list: str  # where they are listed with the reasons


def run_batch(job: Job, progress: Progress = lambda done, total: None) -> Report:
    """Looks at all images of a job and writes COCO results, a row a detection, as `yolact detect` does.

    Images count from 1, in the order of their addresses; `file_name` is the name of an image, or its path
    below the folder that all have in common where names occur twice. Images that cannot be read are listed in
    NAME.failed.jsonl, with the reasons. Files get their names when all is done.
    ValueError or FileNotFoundError where a request is wrong, a file that would be written is there, or no
    image can be read, of which the files stay; ImportError without Apache Beam. On any other error,
    KeyboardInterrupt included, nothing is left.
    """
    storage.require_beam()
    for name in ("shards", "batch", "processes"):
        if (value := getattr(job, name)) is not None and value < 1:
            raise ValueError(f"`{name}` must be at least 1. Received: {value}")
    overlays = None if job.overlays is None else str(job.overlays)
    outputs = Outputs.of(str(job.results), overlays, job.shards)
    model = _model(job)
    groups = in_groups(find_images(str(job.images)))
    reserve(outputs)
    try:
        storage.write(storage.join(outputs.temporary, GROUPS), _lines(groups))
        counts = _run(job, outputs, groups, model, progress)
    except BaseException:
        withdraw(outputs)
        raise
    report = Report(counts["images"], counts["objects"], counts["failed"], outputs.failed)
    if report.images and report.failed == report.images:
        reason = json.loads(storage.read(outputs.failed).splitlines()[0])["reason"]
        raise ValueError(f"none of {report.images} images can be read: {reason}; {outputs.failed} lists all")
    return report


def _model(job):
    """The address of the model, which whoever works on the job opens: here a look at it must do."""
    model = storage.absolute(str(job.model))
    if not storage.is_remote(model) and not storage.exists(model):
        raise FileNotFoundError(
            f"MODEL must be a run folder or an exported model. Received: {model!r}, which is not there"
        )
    return model


def _lines(groups):
    return "".join(f"{group.to_line()}\n" for group in groups).encode()


def _run(job: Job, outputs: Outputs, groups: Sequence[Group], model: str, progress: Progress) -> Counter[str]:
    from yolact_tf.batch.pipeline import remarks_of

    look = Look(job.score_threshold, job.batch, bool(outputs.overlays))
    if job.runner is None:
        processes = min(job.processes or local.usable_processes(), len(groups))
        task = local.Task(outputs, len(groups), model, look, processes, tuple(job.options))
        counts = local.run_here(task, _glance(outputs, groups, progress))
    else:
        counts = _run_elsewhere(job, outputs, groups, model, look)
    for remark, count in remarks_of(counts).items():
        logger.warning("%d of %d images have %s", count, counts["images"], remark)
    return counts


def _glance(outputs: Outputs, groups: Sequence[Group], progress: Progress) -> Callable[[], None]:
    total = sum(len(group.images) for group in groups)
    done: set[int] = set()  # kept, since what was put together is gone
    progress(0, total)

    def glance() -> None:
        done.update(groups_done(outputs))
        progress(sum(len(groups[number].images) for number in done), total)

    return glance


def _run_elsewhere(job, outputs, groups, model, look):
    import apache_beam as beam
    from apache_beam.options.pipeline_options import PipelineOptions

    from yolact_tf.batch.pipeline import DetectorHandler, add_steps, counted

    pipeline = beam.Pipeline(runner=job.runner, options=PipelineOptions(list(job.options)))
    add_steps(pipeline, outputs, len(groups), DetectorHandler(model, look, None))
    logging.root.addFilter(_is_meant)
    try:
        result = pipeline.run()
        state = result.wait_until_finish()
    finally:
        logging.root.removeFilter(_is_meant)
    if state != "DONE":
        raise RuntimeError(f"{job.runner} ended the job as {state}")
    return counted(result)


def _is_meant(record: logging.LogRecord) -> bool:
    """Not so where Beam takes the package that it has no use for here for the `resource` of the system."""
    return not record.getMessage().startswith("Resource module is not available")
