"""A data folder to TFRecord shards: in parallel, each whole or not at all, taken up where it broke off."""

import concurrent.futures
import hashlib
import itertools
import json
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tensorflow as tf

from yolact_tf.config import DataConfig
from yolact_tf.cores import usable_cores
from yolact_tf.data.coco.layouts import find_split, has_split
from yolact_tf.data.coco.split import CocoSplit, load_coco
from yolact_tf.data.remote_files import TEMPORARY, join, list_names, renamed, write_text
from yolact_tf.data.shards.files import LABELS_NAME, MANIFEST_NAME, SHARD_NAME
from yolact_tf.data.shards.manifest import VERSION, read_manifest, read_shard_labels
from yolact_tf.data.shards.tf_example import write_example
from yolact_tf.files import PathLike
from yolact_tf.labels import labels_to_json
from yolact_tf.structures import Progress

SPLITS = ("train", "val")
_IMAGES_A_SHARD = 400  # of COCO, some 70 MB
_BOXES = "boxes without masks"  # what became of them; requests of old manifests do not say
_FEWEST_SHARDS = 8  # so that small data sets are mixed across files, too


@dataclass(frozen=True)
class SplitReport:
    """What became of one split."""

    split: str
    num_images: int
    num_left_out: int  # images that cannot be read
    num_shards: int


@dataclass(frozen=True, eq=False)
class _Plan:
    """How a split is cut: shard i holds records bounds[i] .. bounds[i + 1]."""

    split: str
    data: CocoSplit
    image_folder: Path
    bounds: tuple[int, ...]
    request: dict[str, str]  # by which a folder that was begun is known again

    @property
    def names(self):
        total = len(self.bounds) - 1
        return [SHARD_NAME.format(prefix=self.split, number=n, total=total) for n in range(total)]


def write_records(
    data: PathLike,
    out: PathLike,
    splits: Sequence[str] = (),
    shards: int = 0,
    on_error: str = "skip",
    progress: Progress | None = None,
    boxless: str = DataConfig.boxless,
) -> list[SplitReport]:
    """Writes folder `data` as TFRecord shards into `out` and returns a SplitReport of each split.

    out: a folder, or a URL that TensorFlow's file system opens, such as gs://bucket/folder. It must be
    new, empty, or begun by the same request; of that, finished shards stay.  splits: those of train and
    val that are there, if not given.  shards: how many a split gets, at most one an image; 0 leaves it
    to the number of images.  on_error, boxless: as in `load_coco`.  progress: called as
    progress(done, total).
    """
    if shards < 0:
        raise ValueError(f"`shards` must be at least 0. Received: {shards}")
    if on_error not in ("skip", "refuse"):
        raise ValueError(f"`on_error` must be one of 'skip', 'refuse'. Received: {on_error!r}")
    out = str(out)
    plans = [_plan(data, split, shards, on_error, boxless) for split in splits or _splits_of(data)]
    _require_same_categories([plan.data for plan in plans])
    _require_own(out, plans)
    total, done = sum(plan.data.num_images for plan in plans), 0

    def advance(count):
        nonlocal done
        done += count
        if progress:
            progress(done, total)

    try:
        _begin(out, plans)
        return [_write_split(plan, out, advance) for plan in plans]
    except tf.errors.OpError as error:
        raise OSError(f"{out}: cannot be written: {error.message}") from None


def _splits_of(data):
    return [split for split in SPLITS if has_split(data, split)] or SPLITS[:1]


def _plan(folder, split, shards, on_error, boxless):
    data = load_coco(folder, split, on_error, boxless)
    usual = max(_FEWEST_SHARDS, -(-data.num_images // _IMAGES_A_SHARD))
    count = min(shards or usual, data.num_images)
    bounds = np.linspace(0, data.num_images, count + 1).astype(int).tolist()
    kept = json.dumps([record.image_id for record in data.records]).encode()
    request = {
        "annotations": hashlib.sha256(data.annotation_file.read_bytes()).hexdigest(),
        "readable images": hashlib.sha256(kept).hexdigest(),
        "number of shards": str(count),
        _BOXES: boxless,
    }
    return _Plan(split, data, find_split(folder, split)[1], tuple(bounds), request)


def _require_same_categories(splits):
    for data in splits[1:]:
        if data.labels != splits[0].labels:
            raise ValueError(
                f"{data.origin}: expected the categories of {splits[0].origin}, {splits[0].labels}. "
                f"Received: {data.labels}"
            )


def _require_own(out, plans):
    """ValueError where `out` holds anything that another request wrote."""
    if not tf.io.gfile.exists(out):
        return
    expected = "OUT must be a new or empty folder, or one that the same request began"
    names = [name for name in list_names(out) if not name.startswith(TEMPORARY)]
    begun = [plan for plan in plans if MANIFEST_NAME.format(split=plan.split) in names]
    if names and not any(name.endswith(MANIFEST_NAME.format(split="")) for name in names):
        raise ValueError(f"{expected}. Received: {out!r}, which holds {', '.join(names[:6])}")
    for plan in begun:
        request = {_BOXES: DataConfig.boxless, **read_manifest(out, plan.split)["request"]}
        changed = [key for key, value in plan.request.items() if request.get(key) != value]
        if changed:
            raise ValueError(
                f"{expected}. Received: {out!r}, whose {plan.split} has other {' and '.join(changed)}"
            )
    if LABELS_NAME in names and read_shard_labels(out) != plans[0].data.labels:
        raise ValueError(f"{expected}. Received: {out!r}, whose {LABELS_NAME} has other categories")


def _begin(out, plans):
    """Makes `out` known as that of a request, before the first shard."""
    tf.io.gfile.makedirs(out)
    names = list_names(out)
    for name in names:
        if name.startswith(TEMPORARY):  # of a process that was killed
            tf.io.gfile.remove(join(out, name))
    for plan in plans:
        if MANIFEST_NAME.format(split=plan.split) not in names:
            _write_manifest(out, plan, {})
    write_text(join(out, LABELS_NAME), labels_to_json(plans[0].data.labels))


def _write_manifest(out, plan, counts):
    content = {"version": VERSION, "request": plan.request, **counts}
    write_text(join(out, MANIFEST_NAME.format(split=plan.split)), json.dumps(content) + "\n")


def _write_split(plan, out, advance):
    """Writes what is missing of a split."""
    data = plan.data

    def encode(record):
        name = record.path.removeprefix(f"{plan.image_folder}/")
        return write_example(record, Path(record.path).read_bytes(), name, data.labels)

    there = set(list_names(out))
    shards = zip(plan.names, itertools.pairwise(plan.bounds))
    missing = [(name, data.records[begin:end]) for name, (begin, end) in shards if name not in there]
    advance(data.num_images - sum(len(records) for _, records in missing))
    num_threads = usable_cores()  # what takes long, compression and files, lets other threads run
    with concurrent.futures.ThreadPoolExecutor(num_threads) as pool:
        records = itertools.chain.from_iterable(records for _, records in missing)
        examples = _in_order(pool, encode, records, ahead=4 * num_threads)
        for name, records in missing:
            with renamed(join(out, name)) as temporary, tf.io.TFRecordWriter(temporary) as writer:
                for example in itertools.islice(examples, len(records)):
                    writer.write(example)
                    advance(1)
    images = np.diff(plan.bounds).tolist()
    counts = {"images": images, "images_with_objects": data.num_with_objects, "objects": data.num_objects}
    _write_manifest(out, plan, counts)
    return SplitReport(plan.split, data.num_images, data.num_left_out, len(images))


def _in_order(pool, function, items, ahead):
    """Yields function(item) of each of `items`, of which the pool works on up to `ahead` at a time."""
    waiting = deque()
    for item in items:
        waiting.append(pool.submit(function, item))
        if len(waiting) == ahead:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()
