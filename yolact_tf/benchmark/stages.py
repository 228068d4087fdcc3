"""Detection cut into stages: what each engine does apart, as functions that take what the one before gave."""

from collections.abc import Callable
from typing import Any, NamedTuple

import keras
from keras import ops

from yolact_tf.detect.engines import Engine, KerasEngine, LiteRTEngine, SavedModelEngine
from yolact_tf.detect.engines.answers import finished
from yolact_tf.detect.postprocess import postprocess
from yolact_tf.masks import assemble_masks

# From the bytes of a file to a picture. "masks" makes them of prototypes and coefficients, at the size of
# prototypes; "upsampling" brings them to that of the image.
DECODE, PREPROCESS, NETWORK, NMS, MASKS = "decode", "preprocess", "network", "NMS", "masks"
UPSAMPLING, DRAW = "upsampling", "draw"
STAGES = (DECODE, PREPROCESS, NETWORK, NMS, MASKS, UPSAMPLING, DRAW)
_SELECTED = ("num_detections", "boxes", "scores", "classes", "coefficients")


class Part(NamedTuple):
    """A stage, or several that one graph does in one go."""

    stages: tuple[str, ...]
    run: Callable[[Any], Any]


def parts_of(engine: Engine) -> list[Part]:
    """From a list of one image [H, W, 3] to what `engine.batch` answers of it, as far apart as it goes."""
    if isinstance(engine, KerasEngine):
        return _parts_of_run(engine)
    if isinstance(engine, SavedModelEngine):
        return [Part((PREPROCESS, NETWORK, NMS, MASKS), engine.batch)]
    prepare = Part((PREPROCESS,), engine.prepare)
    if isinstance(engine, LiteRTEngine) and engine.ends_with_heads:
        network = Part((NETWORK,), lambda images: list(map(engine.compute, images)))
        return [prepare, network, Part((NMS, MASKS), lambda answers: list(map(engine.found_in, answers)))]
    return [prepare, Part((NETWORK, NMS, MASKS), engine.detect)]


def _parts_of_run(engine):
    """The graph of a run in three, each compiled by itself."""
    model = engine.detection_model
    rescore = model.options["mask_rescorer"]

    def predict(images):
        return model.network(images, training=False)

    def select(predictions):
        found = postprocess(predictions, model.anchors, **model.options)
        # What is not asked for of a graph is not computed: neither are masks here.
        return {name: found[name] for name in _SELECTED} | {"prototypes": predictions["prototypes"]}

    def assemble(selected):
        masks = assemble_masks(selected["prototypes"], selected["coefficients"], selected["boxes"])
        # A YOLACT++ looks at each mask, too.
        estimates = rescore(ops.expand_dims(masks[0], -1)) if rescore else ()
        return selected | {"masks": masks}, estimates

    compiled = _compiled(assemble)
    return [
        Part((PREPROCESS,), _waited_for(engine.prepare)),
        Part((NETWORK,), _compiled(predict)),
        Part((NMS,), _compiled(select)),
        Part((MASKS,), lambda selected: finished(compiled(selected)[0], engine.category_ids)),
    ]


def _compiled(function):
    """`function` as a graph of the backend, which answers when all is computed."""
    if keras.backend.backend() == "jax":
        import jax

        return _waited_for(jax.jit(function))
    import tensorflow as tf

    return _waited_for(tf.function(function))


def _waited_for(function):
    """`function`, whose answer is there when it returns: accelerators go on after a call."""

    def run(arguments):
        answer = function(arguments)
        if keras.backend.backend() == "jax":
            import jax

            return jax.block_until_ready(answer)
        import tensorflow as tf

        tf.test.experimental.sync_devices()
        return answer

    return run
