"""Who computes: one device, several, or those of several hosts.

TensorFlow mirrors the model on the devices of one host. JAX spreads the batch over those of any number of
hosts; each runs one process, which the variables say that Keras documents for
`keras.distribution.initialize`: KERAS_DISTRIBUTION_JOB_ADDRESSES, _NUM_PROCESSES and _PROCESS_ID.
"""

import contextlib
import functools
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import keras

if TYPE_CHECKING:
    import tensorflow as tf

VARIABLE = "KERAS_DISTRIBUTION_{}"


@dataclass(frozen=True)
class Devices:
    """The devices of a training. Of several processes each is a worker and has its part of the batch."""

    count: int = 1  # of all workers
    worker: int = 0
    num_workers: int = 1
    strategy: "tf.distribute.Strategy | None" = None  # tf.distribute's, where it mirrors the model

    @property
    def is_first(self) -> bool:
        """Whether this is the worker that writes files."""
        return self.worker == 0

    def model_scope(self) -> contextlib.AbstractContextManager[object]:
        """Where the model, its loss and its optimizer have to be made."""
        return self.strategy.scope() if self.strategy else contextlib.nullcontext()


def is_first_worker() -> bool:
    """Whether this process is the only one, or the first of several; known before they meet."""
    return int(os.environ.get(VARIABLE.format("PROCESS_ID"), 0)) == 0


def tells_of_lost_worker(error: BaseException) -> bool:
    """Whether JAX says that another process went away."""
    of_jax = type(error).__name__ == "JaxRuntimeError"
    return of_jax and any(word in str(error) for word in ("Gloo", "NCCL", "UNAVAILABLE"))


@contextlib.contextmanager
def devices(count: int, batch_size: int) -> Iterator[Devices]:
    """Lends the Devices that train, for as long as they do.

    count: how many of each host; 0: every accelerator there is. Without accelerators, more than one
    stand for so many shares of the CPU. ValueError where there are fewer, where `batch_size` is no
    multiple of all of them, and for several workers without JAX.
    """
    if keras.backend.backend() == "jax":
        chosen, distribution = _jax_devices(count)
    else:
        chosen, distribution = _mirrored(count), None
    if batch_size % chosen.count:
        raise ValueError(
            f"`train.batch_size` must be a multiple of the {chosen.count} devices. Received: {batch_size}"
        )
    with distribution.scope() if distribution else contextlib.nullcontext():
        yield chosen


def _jax_devices(count):
    """(Devices, the Distribution that spreads a batch over them or None)."""
    import jax

    _leave_gpus_to_jax()
    if count > 1:
        # Too late once JAX computes; then there are as many as there are.
        with contextlib.suppress(RuntimeError):
            jax.config.update("jax_num_cpu_devices", count)
    if _num_workers() > 1 and not jax.distributed.is_initialized():
        keras.distribution.initialize()
    _require_at_most(count, jax.local_device_count())
    names = []
    for worker in range(jax.process_count()):
        of_worker = [device for device in jax.devices() if device.process_index == worker]
        names += [f"{device.platform}:{device.id}" for device in of_worker[: count or None]]
    chosen = Devices(len(names), jax.process_index(), jax.process_count())
    if len(names) == 1:
        return chosen, None
    # Each worker reads its own part of a batch already.
    return chosen, keras.distribution.DataParallel(devices=names, auto_shard_dataset=False)


def _leave_gpus_to_jax():
    """Keeps TensorFlow, which reads the data, from taking their memory."""
    import tensorflow as tf

    # Too late once TensorFlow computes.
    with contextlib.suppress(RuntimeError):
        tf.config.set_visible_devices([], "GPU")


def _mirrored(count):
    """Devices of TensorFlow, with a strategy where there are several."""
    import tensorflow as tf

    cluster = json.loads(os.environ.get("TF_CONFIG") or "{}").get("cluster", {})
    num_workers = max(_num_workers(), sum(len(cluster.get(job, ())) for job in ("chief", "worker")))
    if num_workers > 1:
        raise ValueError(
            "Several hosts need KERAS_BACKEND=jax: `fit` of Keras takes no tf.distribute strategy of several "
            f"workers. Received: {num_workers} workers and KERAS_BACKEND=tensorflow"
        )
    kind, here = "GPU", len(tf.config.list_physical_devices("GPU"))
    if not here and count > 1:
        kind, here = "CPU", _split_cpu(count)
    _require_at_most(count, max(here, 1))
    count = count or here
    if count < 2:
        return Devices()
    return Devices(count, strategy=_strategy(kind, count))


@functools.cache
def _strategy(kind, count):
    """One strategy a process: those of a second would take the first's collective operations for its own."""
    import tensorflow as tf

    return tf.distribute.MirroredStrategy([f"{kind}:{i}" for i in range(count)])


def _split_cpu(count):
    """Makes `count` logical devices of the CPU and returns how many there are."""
    import tensorflow as tf

    share = tf.config.LogicalDeviceConfiguration()
    # Too late once TensorFlow computes; then there are as many as there are.
    with contextlib.suppress(RuntimeError):
        tf.config.set_logical_device_configuration(tf.config.list_physical_devices("CPU")[0], [share] * count)
    return len(tf.config.list_logical_devices("CPU"))


def _require_at_most(count, here):
    if count > here:
        raise ValueError(f"`train.devices` must be at most the {here} of this host. Received: {count}")


def _num_workers():
    """How many processes Keras' variables speak of."""
    addresses = os.environ.get(VARIABLE.format("JOB_ADDRESSES"), "")
    return int(os.environ.get(VARIABLE.format("NUM_PROCESSES")) or addresses.count(",") + 1)
