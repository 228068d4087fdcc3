"""Trains a segmenter in a Keras script, with public names alone.

    python examples/train_with_keras.py DATA runs/mine --epochs 24

The data is COCO's: train.json, val.json and images/. The model is one of Keras like any other; `model.fit`
takes callbacks, and the run folder is what `yolact detect`, `evaluate` and `export` take.
"""

import argparse

import keras

import yolact_tf


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    arguments.add_argument("data")
    arguments.add_argument("run")
    arguments.add_argument("--recipe", default="small_data_320")
    arguments.add_argument("--epochs", type=int, default=24)
    arguments.add_argument("--set", action="append", default=[], help="section.field=value of the recipe")
    options = arguments.parse_args()

    labels = yolact_tf.load_labels(options.data)
    fields = [f"model.num_classes={len(labels)}", f"train.epochs={options.epochs}", *options.set]
    config = yolact_tf.load_config(options.recipe, fields)
    train = yolact_tf.build_dataset(config, options.data, "train")
    steps = int(train.cardinality())

    model = yolact_tf.build_yolact(config)
    model.compile(
        optimizer=yolact_tf.build_optimizer(config, steps_per_epoch=steps), loss=yolact_tf.YolactLoss(config)
    )
    model.fit(
        train,
        epochs=options.epochs,
        validation_data=yolact_tf.build_dataset(config, options.data, "val"),
        callbacks=[keras.callbacks.TerminateOnNaN()],
    )
    yolact_tf.save_run(options.run, model, config, labels)


if __name__ == "__main__":
    main()
