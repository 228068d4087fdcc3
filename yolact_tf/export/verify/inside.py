"""What an artefact computes on its way to detections: the network's outputs and the constants after them.

This shows what detections may hide: a class or an anchor that none of the images has, and all of a run that
finds nothing yet.
"""

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from yolact_tf.cores import usable_cores
from yolact_tf.detect.engines import Engine, LiteRTEngine, OnnxEngine, OpenVinoEngine, SavedModelEngine
from yolact_tf.detect.engines.openvino import MODEL

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
        self._prepare = engine.prepare
        self._interpreter = Interpreter(
            str(engine.path),
            num_threads=usable_cores(),
            experimental_preserve_all_tensors=True,
            experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
        )
        self._interpreter.allocate_tensors()
        self._tensors = self._interpreter.get_tensor_details()

    def __call__(self, image: np.ndarray) -> Candidates:
        (resized,) = self._prepare([image])
        self._interpreter.set_tensor(self._interpreter.get_input_details()[0]["index"], resized)
        self._interpreter.invoke()
        return self._alike

    def _alike(self, name, like):
        return [
            self._interpreter.get_tensor(tensor["index"]).reshape(like.shape)
            for tensor in self._tensors
            if _is_alike(tensor["shape"], tensor["dtype"], like)
        ]


class OnnxInside:
    """The tensors of an `.onnx`, all of them made outputs, and its constants."""

    has_detections = True

    def __init__(self, engine: OnnxEngine):
        import onnx
        import onnxruntime

        model = onnx.shape_inference.infer_shapes(onnx.load(engine.path))
        made = {name for node in model.graph.node for name in node.output}
        known = {output.name for output in model.graph.output}
        inner = [value for value in model.graph.value_info if value.name in made - known]
        model.graph.output.extend(inner)
        options = onnxruntime.SessionOptions()
        # What is optimised away could not be looked at.
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
        self._constants = [onnx.numpy_helper.to_array(constant) for constant in model.graph.initializer]
        self._prepare = engine.prepare

    def __call__(self, image: np.ndarray) -> Candidates:
        (resized,) = self._prepare([image])
        return partial(_alike, [*self._session.run(None, {"image": resized}), *self._constants])


class OpenVinoInside:
    """The tensors of an OpenVINO folder, all of them made outputs, and its constants."""

    has_detections = True

    def __init__(self, engine: OpenVinoEngine):
        import openvino

        core = openvino.Core()
        model = core.read_model(engine.path / MODEL)
        # Read before the compiler may rewrite them.
        nodes = [
            node for node in model.get_ordered_ops() if node.get_type_name() not in ("Parameter", "Result")
        ]
        self._constants = [np.array(node.data) for node in nodes if node.get_type_name() == "Constant"]
        computed = [node.output(0) for node in nodes if node.get_type_name() != "Constant"]
        model.add_outputs([output for output in computed if output.partial_shape.is_static])
        self._compiled = core.compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
        self._prepare = engine.prepare

    def __call__(self, image: np.ndarray) -> Candidates:
        (resized,) = self._prepare([image])
        answer = self._compiled({"image": resized})
        return partial(_alike, [*answer.values(), *self._constants])


Inside = SavedModelInside | LiteRTInside | OnnxInside | OpenVinoInside
_INSIDES = {
    SavedModelEngine: SavedModelInside,
    LiteRTEngine: LiteRTInside,
    OnnxEngine: OnnxInside,
    OpenVinoEngine: OpenVinoInside,
}


def open_inside(engine: Engine) -> Inside | None:
    """Maps an image [H, W, 3] uint8 to the `Candidates` in the artefact; None where nobody can look in."""
    look = _INSIDES.get(type(engine))
    return look(engine) if look and engine.accelerator == "cpu" else None


def _alike(tensors: Sequence[np.ndarray], name: str, like: np.ndarray) -> list[np.ndarray]:
    return [tensor.reshape(like.shape) for tensor in tensors if _is_alike(tensor.shape, tensor.dtype, like)]


def _is_alike(shape, dtype, like):
    """Whether a tensor may be what is wanted: reshapes come and go in conversion, and the last axis stays."""
    return dtype == like.dtype and np.prod(shape) == like.size and tuple(shape[-1:]) == like.shape[-1:]
