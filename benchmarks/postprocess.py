"""What comes after the network, stage by stage: scores, Fast NMS, masks, at the sizes of a recipe.

    taskset -c 0 python benchmarks/postprocess.py [RECIPE] [--rounds 25]    (resnet50_550 without one)
    python benchmarks/postprocess.py --threads 2

Predictions are made up: of noise, of which nearly all anchors take part, and of objects, which some anchors
each tell rightly, give or take some noise. Milliseconds of CPU time on one thread, or of the clock on more,
where nothing else may run; the median of interleaved rounds. "static" is the graph without conditions, which
LiteRT has and which before was TensorFlow's too; "branches" leaves out what is not needed, "no tail" also
the slots that score next to nothing, as all signatures of a SavedModel but `evaluation` do. Detections of the
first two must be the same to the bit.
"""

import argparse
import os
import time
from functools import partial

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter

from yolact_tf import build_yolact, load_config
from yolact_tf.benchmark.rounds import interleaved
from yolact_tf.benchmark.spread import Spread
from yolact_tf.boxes import encode, iou
from yolact_tf.detect.nms import fast_nms
from yolact_tf.detect.postprocess import class_scores, postprocess
from yolact_tf.masks import assemble_masks
from yolact_tf.runs import untrained

LIMITS = {"score_threshold": 0.05, "iou_threshold": 0.5, "max_candidates": 200, "max_detections": 100}
# name -> objects, and anchors that tell each
PICTURES = {"noise": (0, 0), "200 objects": (200, 20), "20 objects": (20, 20), "4 objects": (4, 10)}
ASSEMBLE = tf.function(assemble_masks)  # one, so that it is traced once a size


def main():
    arguments = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    arguments.add_argument("recipe", nargs="?", default="resnet50_550")
    arguments.add_argument("--rounds", type=int, default=25)
    arguments.add_argument("--threads", type=int, default=1)
    options = arguments.parse_args()
    clock = time.process_time if options.threads == 1 else time.perf_counter
    tf.config.threading.set_intra_op_parallelism_threads(options.threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    network = build_yolact(untrained(load_config(options.recipe)))
    shapes = {name: (1, *output.shape[1:]) for name, output in network.output.items()}
    anchors = np.asarray(network.anchors)
    static, branches, no_tail = (
        tf.function(partial(postprocess, anchors=anchors, branches=branches, tail=tail))
        for branches, tail in ((False, True), (True, True), (True, False))
    )
    litert = interpreter(static, shapes, options.threads)
    for name, (objects, times) in PICTURES.items():
        predictions = predict(shapes, anchors, objects, times)
        tensors = {key: tf.constant(value) for key, value in predictions.items()}
        require_equal(static(tensors), branches(tensors))
        calls = {
            **stages(tensors, anchors),
            "all, static": partial(static, tensors),
            "all, branches": partial(branches, tensors),
            "all, no tail": partial(no_tail, tensors),
            "all, LiteRT": invoked(litert, predictions, clock),
        }
        scores = class_scores(tensors["class_logits"][0], "softmax").numpy()
        taking_part = (scores.max(1) > LIMITS["score_threshold"]).sum()
        counts = [int(find(tensors)["num_detections"][0]) for find in (branches, no_tail)]
        print(
            f"{options.recipe}, {name}: {taking_part} of {len(anchors)} anchors, {counts} detections",
            flush=True,
        )
        for stage, milliseconds in median_milliseconds(calls, options.rounds, clock).items():
            print(f"  {stage:26s} {milliseconds:7.2f} ms", flush=True)


def predict(shapes, anchors, objects, times):
    """Predictions of a picture of so many objects, each told by so many anchors; else of noise."""
    rng = np.random.default_rng(0)
    normal = {name: rng.normal(size=shape).astype("f") for name, shape in shapes.items()}
    logits = 3 * normal["class_logits"]
    if objects:
        logits[0, :, 0] += 25
        centers, sizes = rng.uniform(0.1, 0.9, (objects, 2)), rng.uniform(0.04, 0.3, (objects, 2))
        boxes = np.concatenate([centers - sizes / 2, centers + sizes / 2], axis=1).astype("f")
        classes = rng.integers(1, min(logits.shape[2], 6), objects)  # few, as in most pictures
        for box, of_class in zip(boxes, classes, strict=True):
            tell = np.argsort(-np.asarray(iou(box[None], anchors))[0])[:times]
            logits[0, tell, 0] -= 25
            logits[0, tell, of_class] += rng.uniform(4, 12, times)
            normal["box_deltas"][0, tell] *= 0.05
            normal["box_deltas"][0, tell] += np.asarray(encode(np.tile(box, (times, 1)), anchors[tell]))
    return {
        "class_logits": logits,
        "box_deltas": normal["box_deltas"],
        "mask_coefficients": np.tanh(normal["mask_coefficients"]),
        "prototypes": np.maximum(normal["prototypes"], 0),
    }


def stages(tensors, anchors):
    """Calls of what post-processing is made of, each on all anchors."""
    scores = class_scores(tensors["class_logits"][0], "softmax")
    boxes = tf.constant(anchors)

    def masks(count):
        parts = tensors["prototypes"], tensors["mask_coefficients"][:, :count], boxes[None, :count]
        return partial(ASSEMBLE, *parts)

    return {
        "scores": partial(
            tf.function(partial(class_scores, activation="softmax")), tensors["class_logits"][0]
        ),
        "Fast NMS, static": partial(tf.function(partial(fast_nms, **LIMITS)), boxes, scores),
        "Fast NMS, branches": partial(tf.function(partial(fast_nms, **LIMITS, branches=True)), boxes, scores),
        **{f"{count} masks": masks(count) for count in (100, 48, 16, 4)},
    }


def interpreter(find, shapes, threads):
    """LiteRT's of the graph `find`."""
    names = ("class_logits", "box_deltas", "mask_coefficients", "prototypes")
    module = tf.Module()
    module.find = tf.function(lambda **predictions: find(predictions))
    specs = {name: tf.TensorSpec(shapes[name], tf.float32, name) for name in names}
    concrete = module.find.get_concrete_function(**specs)
    converter = tf.lite.TFLiteConverter.from_concrete_functions([concrete], module)
    opened = Interpreter(model_content=converter.convert(), num_threads=threads)
    opened.allocate_tensors()
    return opened


def invoked(litert, predictions, clock):
    """A call of `litert` that has been given `predictions`, which answers how long it took."""

    def call():
        for details in litert.get_input_details():
            (name,) = (name for name in predictions if name in details["name"])
            litert.set_tensor(details["index"], predictions[name])
        started = clock()
        litert.invoke()
        return clock() - started

    return call


def require_equal(expected, received):
    for name, value in expected.items():
        if not np.array_equal(value, received[name]):
            raise ValueError(f"Expected the same with branches as without. Received other {name}")


def median_milliseconds(calls, rounds, clock):
    """Name -> milliseconds; of what answers seconds, these."""
    functions = list(calls.values())

    def time_one(_, which, timings):
        started = clock()
        answer = functions[which]()
        timings.calls.append(answer if isinstance(answer, float) else clock() - started)

    each = interleaved(len(functions), rounds, time_one)
    return {name: Spread.of(timings.calls).p50 for name, timings in zip(calls, each, strict=True)}


if __name__ == "__main__":
    main()
