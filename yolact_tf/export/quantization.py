"""A float32 `.tflite` to a smaller or faster one: weights, and in int8 activations too, of fewer bits.

What follows the network, from decoding boxes to assembling masks, stays float32.
"""

import contextlib
import io
import re
import warnings
from dataclasses import dataclass
from typing import Any

from yolact_tf.export.bias_room import with_room_for_biases
from yolact_tf.export.calibration import CalibrationImages, value_ranges
from yolact_tf.export.tflite_graph import is_strided_pointwise, read_operations

_WEIGHTED = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")
# Operations that int8 computes, by a pattern of the names of the layers that they came from. Left in float32:
# normalisation, whose input is the image; sums of anything but feature maps; offsets of deformable
# convolutions, of which a step of int8 is half a pixel; and what computes on masks.
_IN_INT8 = {
    "CONV_2D": r"^(?!.*(offset_modulation|mask_rescorer))",
    "DEPTHWISE_CONV_2D": ".",
    "ADD": r"(_add|/sum_p\d)(_\d+)?/",
    "PAD": r"(_pad|zero_padding2d)(_\d+)*/",
    "MAX_POOL_2D": ".",
    "RESIZE_BILINEAR": ".",
}


@dataclass(frozen=True)
class Quantization:
    """Makes a float32 `.tflite` one of `precision`, as ExportRecipe has it.

    images: what int8 calibrates on; the others need none.
    """

    precision: str = "float32"
    images: CalibrationImages | None = None

    def __call__(self, content: bytes) -> bytes:
        """The file's content in that precision. ValueError where ai-edge-quantizer is not installed."""
        if self.precision == "float32":
            return content
        # A dynamic range keeps no ranges of activations.
        ranges = value_ranges(content, self.images) if self.images else None
        if ranges:
            content = with_room_for_biases(content, ranges)
        quantizer = _quantizer(content)
        _PLANS[self.precision](quantizer, content)
        # It has a bar that no argument turns off, and tells of the memory that its interpreter takes.
        with contextlib.redirect_stderr(io.StringIO()), warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=".*experimental_preserve_all_tensors")
            result = quantizer.quantize(ranges, enable_progress_bar=False, enable_progress_report=False)
        return bytes(result.quantized_model)

    @property
    def cpu_only_because(self) -> list[str]:
        """Why such a file is for CPUs alone; empty for one that GPUs can run."""
        if self.precision != "int8":
            return []
        return ["int8 activations, which LiteRT's GPU accelerator takes and computes wrongly"]

    def describe(self) -> dict[str, Any]:
        """What metadata.json says of it."""
        described: dict[str, Any] = {"precision": self.precision}
        if self.images:
            described["calibration"] = self.images.describe()
        return described


def require_quantizer() -> None:
    """ValueError in one line where ai-edge-quantizer is not installed."""
    try:
        import ai_edge_quantizer  # noqa: F401
    except ImportError as error:
        raise ValueError(
            f"Precisions but float32 need {error.name}: pip install 'yolact_tf[quantize]'"
        ) from error


def _quantizer(content):
    require_quantizer()
    from ai_edge_quantizer.quantizer import Quantizer

    return Quantizer(bytearray(content))


def _plan_float16(quantizer, content):
    from ai_edge_quantizer import qtyping

    half = qtyping.TensorQuantizationConfig(num_bits=16, dtype=qtyping.TensorDataType.FLOAT)
    config = qtyping.OpQuantizationConfig(
        weight_tensor_config=half,
        compute_precision=qtyping.ComputePrecision.FLOAT,
        explicit_dequantize=True,
    )
    for operation in _WEIGHTED:
        quantizer.update_quantization_recipe(
            ".", qtyping.TFLOperationName(operation), config, "float_casting"
        )


def _plan_dynamic_int8(quantizer, content):
    from ai_edge_quantizer import qtyping

    for operation in _WEIGHTED:
        quantizer.add_dynamic_config(".", qtyping.TFLOperationName(operation), num_bits=8)
    # LiteRT's GPU accelerator computes these wrongly, and rightly where it is told to make floats of weights.
    for operation in filter(is_strided_pointwise, read_operations(content)):
        layer = f"^{re.escape(operation.outputs[0].name)}"
        quantizer.add_weight_only_config(layer, qtyping.TFLOperationName.CONV_2D, num_bits=8)


def _plan_int8(quantizer, content):
    from ai_edge_quantizer import qtyping

    for operation, layers in _IN_INT8.items():
        quantizer.add_static_config(
            layers, qtyping.TFLOperationName(operation), activation_num_bits=8, weight_num_bits=8
        )


_PLANS = {"float16": _plan_float16, "dynamic_int8": _plan_dynamic_int8, "int8": _plan_int8}
