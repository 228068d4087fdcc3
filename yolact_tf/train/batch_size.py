"""How many images a training step may have: what the memory of this machine holds."""

import multiprocessing
import resource
import sys

import numpy as np

from yolact_tf import memory
from yolact_tf.anchors import prototype_size
from yolact_tf.config import Config
from yolact_tf.structures import GroundTruth

LARGEST = 64  # images; beyond it steps become few rather than fast
_SHARE = 0.8  # of free memory: the input pipeline and validation want some, too
_TRIED = (2, 4)  # images of the two steps that are measured


def largest_batch(config: Config, num_images: int) -> int:
    """The largest power of two of images whose step fits into free memory, at most 64 and `num_images`.

    Two small steps are measured, each in a process of its own: what a step takes grows linearly.
    """
    few, many = (_measured(config, size) for size in _TRIED)
    per_image = max(1, (many - few) / (_TRIED[1] - _TRIED[0]))
    fitting = (_SHARE * free_memory() - few) / per_image + _TRIED[0]
    most = max(1, min(LARGEST, num_images, int(fitting)))
    return 1 << (most.bit_length() - 1)


def free_memory() -> int:
    """Bytes that a new process may take: of the accelerator where there is one, else of the machine."""
    accelerator = _accelerator()
    if accelerator:
        return accelerator["bytes_limit"] - accelerator["bytes_in_use"]
    return memory.free_memory()


def _measured(config, batch_size):
    """Bytes that a process takes for training steps of `batch_size` images."""
    context = multiprocessing.get_context("spawn")
    with context.Pool(1) as pool:
        return pool.apply(peak_memory, (config.to_json(), batch_size))


def peak_memory(config_json: str, batch_size: int) -> int:
    """Peak memory in bytes of this process after two training steps on noise."""
    import dataclasses

    import keras

    from yolact_tf.losses.objective import YolactLoss
    from yolact_tf.model import build_yolact
    from yolact_tf.runs import untrained
    from yolact_tf.train.optimizer import build_optimizer

    config = untrained(Config.from_json(config_json))
    train = dataclasses.replace(config.train, batch_size=batch_size)
    config = dataclasses.replace(config, train=train)
    keras.config.set_dtype_policy(train.precision)
    model = build_yolact(config)
    model.compile(build_optimizer(config, 1), YolactLoss(config), jit_compile=train.jit_compile)
    images, truth = noise(config, batch_size)
    for _ in range(2):
        model.train_on_batch(images, truth)
    return used_memory()


def noise(config: Config, batch_size: int) -> tuple[np.ndarray, GroundTruth]:
    """(images, GroundTruth) of noise with every slot taken: shapes are static, so a step costs the same."""
    size, slots = config.data.image_size, config.data.max_objects
    masks = config.data.mask_scale * prototype_size(size)
    truth: GroundTruth = {
        "boxes": np.tile(np.array([0.25, 0.25, 0.75, 0.75], np.float32), (batch_size, slots, 1)),
        "classes": np.zeros((batch_size, slots), "int32"),
        "masks": np.ones((batch_size, slots, masks, masks), "uint8"),
        "is_crowd": np.zeros((batch_size, slots), bool),
        "num_objects": np.full(batch_size, slots, "int32"),
    }
    images = np.random.default_rng(0).uniform(0, 255, (batch_size, size, size, config.data.channels))
    return images.astype("float32"), truth


def used_memory() -> int:
    """Bytes at the peak of this process: of its accelerator where there is one, else of the machine."""
    accelerator = _accelerator()
    if accelerator:
        return accelerator["peak_bytes_in_use"]
    scale = 1 if sys.platform == "darwin" else 1024  # Linux counts kilobytes
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * scale


def _accelerator():
    """{"bytes_limit", "bytes_in_use", "peak_bytes_in_use"} of the first accelerator, or None."""
    import keras

    if keras.backend.backend() == "jax":
        import jax

        return jax.devices()[0].memory_stats() if jax.default_backend() != "cpu" else None
    import tensorflow as tf
    from tensorflow.python.client import device_lib

    if not tf.config.list_physical_devices("GPU"):
        return None
    limit = next(d.memory_limit for d in device_lib.list_local_devices() if d.device_type == "GPU")
    used = tf.config.experimental.get_memory_info("GPU:0")
    return {
        "bytes_limit": limit,
        "bytes_in_use": used["current"],
        "peak_bytes_in_use": used["peak"],
    }
