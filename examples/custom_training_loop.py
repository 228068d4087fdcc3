"""A training loop of one's own on the losses of yolact_tf: each part of the loss is there to be weighed.

    python examples/custom_training_loop.py DATA runs/mine --steps 500

Here the mask loss comes in slowly over the first fifth of the steps, which no field of a recipe does.
"""

import argparse

import tensorflow as tf

import yolact_tf


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    arguments.add_argument("data")
    arguments.add_argument("run")
    arguments.add_argument("--recipe", default="small_data_320")
    arguments.add_argument("--steps", type=int, default=500)
    arguments.add_argument("--set", action="append", default=[], help="section.field=value of the recipe")
    options = arguments.parse_args()

    labels = yolact_tf.load_labels(options.data)
    config = yolact_tf.load_config(options.recipe, [f"model.num_classes={len(labels)}", *options.set])
    model = yolact_tf.build_yolact(config)
    loss = yolact_tf.YolactLoss(config)
    optimizer = yolact_tf.build_optimizer(config, steps_per_epoch=options.steps)
    optimizer.build(model.trainable_variables)

    @tf.function
    def step(images, ground_truth, mask_share):
        with tf.GradientTape() as tape:
            parts = loss.parts(ground_truth, model(images, training=True))
            parts["mask_loss"] *= mask_share
            total = tf.add_n(list(parts.values()))
        gradients = tape.gradient(total, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
        return parts

    batches = yolact_tf.build_dataset(config, options.data, "train").repeat().take(options.steps)
    for number, (images, ground_truth) in enumerate(batches):
        parts = step(images, ground_truth, tf.minimum(1.0, 5 * (number + 1) / options.steps))
        if number % 20 == 0:
            print(number, " ".join(f"{name} {float(value):.3f}" for name, value in parts.items()))
    yolact_tf.save_run(options.run, model, config, labels)


if __name__ == "__main__":
    main()
