"""What an artefact computes on its way to detections: the network's outputs and the constants after them.

This shows what detections may hide: a class or an anchor that none of the images has, and all of a run that
finds nothing yet.
"""

from collections.abc import Callable

import numpy as np

from yolact_tf.detect.engines import Engine, LiteRTEngine, SavedModelEngine
from yolact_tf.preprocess import resize_images

# Of a wanted value, by name and one like it: what in the artefact may be it.
Candidates = Callable[[str, np.ndarray], list[np.ndarray]]


class SavedModelInside:
    """What signature `raw` answers."""

    has_detections = False

    def __init__(self, engine: SavedModelEngine):
        self._engine = engine

    def __call__(self, image: np.ndarray) -> Candidates:
        import tensorflow as tf

        raw = self._engine.signatures["raw"](images=tf.constant(image[None]))
        return lambda name, like: [raw[name].numpy()] if name in raw else []


class LiteRTInside:
    """The tensors of a `.tflite`, constants too, which LiteRT keeps when it runs without XNNPACK."""

    def __init__(self, engine: LiteRTEngine):
        from ai_edge_litert.interpreter import Interpreter, OpResolverType

        self.has_detections = not engine.ends_with_heads
        self._size = engine.image_size
        self._interpreter = Interpreter(
            str(engine.path),
            experimental_preserve_all_tensors=True,
            experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
        )
        self._interpreter.allocate_tensors()
        self._tensors = self._interpreter.get_tensor_details()

    def __call__(self, image: np.ndarray) -> Candidates:
        resized = np.asarray(resize_images(image[None], self._size))
        self._interpreter.set_tensor(self._interpreter.get_input_details()[0]["index"], resized)
        self._interpreter.invoke()
        return self._alike

    def _alike(self, name, like):
        """Tensors of the type, the size and the last axis of `like`: reshapes come and go in conversion."""
        return [
            self._interpreter.get_tensor(tensor["index"]).reshape(like.shape)
            for tensor in self._tensors
            if tensor["dtype"] == like.dtype
            and np.prod(tensor["shape"]) == like.size
            and tuple(tensor["shape"][-1:]) == like.shape[-1:]
        ]


Inside = SavedModelInside | LiteRTInside


def open_inside(engine: Engine) -> Inside | None:
    """Maps an image [H, W, 3] uint8 to the `Candidates` in the artefact; None where nobody can look in."""
    if engine.accelerator != "cpu":
        return None
    if isinstance(engine, LiteRTEngine):
        return LiteRTInside(engine)
    return SavedModelInside(engine) if isinstance(engine, SavedModelEngine) else None
