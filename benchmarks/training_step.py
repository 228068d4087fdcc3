"""What one training step takes, beside the same network without its losses.

    python benchmarks/training_step.py [RECIPE] [--batch 2] [--rounds 5] [--variants float32,…]

Each variant, float32 and bfloat16 with XLA and without, has a process of its own, whose peak memory is
told. In it are timed, in turn: the forward pass, targets and losses, the same with their gradients by the
predictions, a step of the whole model, one of the network alone whose loss is the mean of its outputs,
and one of the bare backbone. The batch is noise with every object slot taken. On the JAX backend, which
always compiles, `KERAS_BACKEND=jax` measures the two XLA variants.
"""

import argparse
import dataclasses
import multiprocessing
import os
import statistics
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

VARIANTS = {
    "float32": ("float32", False),
    "float32+xla": ("float32", True),
    "bfloat16": ("mixed_bfloat16", False),
    "bfloat16+xla": ("mixed_bfloat16", True),
}
WARMUP = 1


def main():
    on_jax = os.environ.get("KERAS_BACKEND") == "jax"
    arguments = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    arguments.add_argument("recipe", nargs="?", default="resnet50_550")
    arguments.add_argument("--batch", type=int, default=2)
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--variants", default=",".join(v for v in VARIANTS if not on_jax or "xla" in v))
    options = arguments.parse_args()
    for variant in options.variants.split(","):
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            times, memory = pool.apply(measure, (options.recipe, options.batch, options.rounds, variant))
        show(f"{options.recipe}, batch {options.batch}, {variant}", options.batch, times, memory)


def measure(recipe, batch_size, rounds, variant):
    """({name: [(seconds, CPU seconds)]}, peak bytes) of a training step and its parts."""
    import keras

    from yolact_tf import build_yolact, load_config
    from yolact_tf.losses.objective import YolactLoss
    from yolact_tf.model.backbones import build_backbone
    from yolact_tf.runs import untrained
    from yolact_tf.train.batch_size import noise, used_memory
    from yolact_tf.train.freezing import batch_norm_freezing, freeze
    from yolact_tf.train.optimizer import build_optimizer

    precision, xla = VARIANTS[variant]
    config = untrained(load_config(recipe))
    train = dataclasses.replace(config.train, batch_size=batch_size, precision=precision)
    config = dataclasses.replace(config, train=train)
    keras.utils.set_random_seed(0)
    keras.config.set_dtype_policy(precision)

    model = build_yolact(config)
    batch_norm = batch_norm_freezing(train.freeze_batch_norm, batch_size)
    freeze(model, (), batch_norm)
    loss = YolactLoss(config)
    images, truth = keras.tree.map_structure(keras.ops.convert_to_tensor, noise(config, batch_size))
    model.compile(build_optimizer(config, 1), loss, jit_compile=xla)
    model.train_on_batch(images, truth)
    memory = used_memory()

    network = without_losses(model, build_optimizer(config, 1), xla)
    backbone = build_backbone(config.model.backbone, config.data.image_size, "random")
    freeze(backbone, (), batch_norm)
    backbone = without_losses(backbone, build_optimizer(config, 1), xla)
    predictions = {name: keras.ops.convert_to_tensor(p) for name, p in model.predict_on_batch(images).items()}
    losses, gradients = timed_losses(loss, truth, xla)
    nothing = keras.ops.zeros(batch_size)
    calls = {
        "forward": lambda: model.predict_on_batch(images),
        "targets and losses": lambda: losses(predictions),
        "the same with gradients": lambda: gradients(predictions),
        "step": lambda: model.train_on_batch(images, truth),
        "step of the network alone": lambda: network.train_on_batch(images, nothing),
        "step of the bare backbone": lambda: backbone.train_on_batch(images, nothing),
    }
    times = {name: [] for name in calls}
    for number in range(WARMUP + rounds):
        for name, call in calls.items():
            start, cpu = time.perf_counter(), time.process_time()
            call()
            if number >= WARMUP:
                times[name].append((time.perf_counter() - start, time.process_time() - cpu))
    return times, memory


def without_losses(model, optimizer, xla):
    """A model of the same layers whose loss is the sum of the means of its outputs."""
    import keras
    from keras import ops

    outputs = keras.tree.flatten(model.outputs)
    mean = sum(ops.mean(ops.cast(o, "float32"), axis=tuple(range(1, len(o.shape)))) for o in outputs)
    bare = keras.Model(model.inputs, mean)
    bare.compile(optimizer, lambda _, outputs: outputs, jit_compile=xla)
    return bare


def timed_losses(loss, truth, xla):
    """Compiled functions of predictions: the loss, and its gradient by them."""
    import keras

    def total(predictions):
        with keras.StatelessScope():
            return sum(loss.parts(truth, predictions).values())

    if keras.backend.backend() == "jax":
        import jax

        both = jax.jit(total), jax.jit(jax.grad(total))
        return [lambda predictions, f=f: jax.block_until_ready(f(predictions)) for f in both]
    import tensorflow as tf

    def gradients(predictions):
        with tf.GradientTape() as tape:
            tape.watch(predictions)
            value = total(predictions)
        return tape.gradient(value, predictions)

    return [tf.function(f, jit_compile=xla) for f in (total, gradients)]


def show(title, batch_size, times, memory):
    """Prints medians, each beside the forward pass of the same round."""
    print(f"{title}: peak memory {memory / 2**30:.1f} GiB")
    forward = [seconds for seconds, _ in times["forward"]]
    step = [seconds for seconds, _ in times["step"]]
    for name, values in times.items():
        seconds, cpu = zip(*values, strict=True)
        middle = statistics.median(seconds)
        beside = statistics.median(a / b for a, b in zip(seconds, forward, strict=True))
        share = statistics.median(a / b for a, b in zip(seconds, step, strict=True))
        print(
            f"  {name:26s} {middle:7.3f} s  {statistics.median(cpu):7.2f} CPU s  "
            f"{batch_size / middle:8.2f} images/s   x{beside:6.3f} of forward   {share:6.1%} of the step"
        )


if __name__ == "__main__":
    main()
