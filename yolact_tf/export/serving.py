"""The traced functions: every artefact wraps these, none rewrites them.

All run the same `DetectionModel` as the Detector; here its outputs get the units of the public contract.
"""

import math

import numpy as np
import tensorflow as tf

from yolact_tf.boxes import clip
from yolact_tf.config import MAX_PIXELS
from yolact_tf.detect.detection_model import DetectionModel
from yolact_tf.export.rle import encode_png, encode_rle, upsample_logits, upsample_mask
from yolact_tf.images.decoding import decode_image
from yolact_tf.images.headers import require_pixels
from yolact_tf.masks import mask_logits
from yolact_tf.model.inference import inference_network
from yolact_tf.preprocess import resize_images
from yolact_tf.runs import Run
from yolact_tf.structures import Predictions, Tensor


class Serving:
    """The signatures of a run. Each returns a dict whose first axis is the batch.

    Images of side S are what the network takes, [B, S, S, 1] where that is grey; all others are RGB.
    traced_once: makes the network one function that all signatures call, instead of a copy in each;
    its batch is then of unknown size, and detection branches, neither of which LiteRT can have.
    precision: of the network, as `inference_network` has it.
    max_pixels: of an encoded image, all frames together; larger ones are refused undecoded.
    """

    def __init__(
        self,
        run: Run,
        traced_once: bool = False,
        max_pixels: int = MAX_PIXELS,
        precision: str = "float32",
    ):
        self.network = inference_network(run.model, precision)
        self.detection_model = DetectionModel(self.network, run.config, branches=traced_once)
        if traced_once:
            self.network = self.detection_model.network = _as_function(self.network)
        self.mask_upsampling = run.config.detect.mask_upsampling
        self.image_size, self.channels = run.model.input_shape[2:]
        self.max_pixels = max_pixels
        # One entry more than classes: class -1, an empty slot, reads the last.
        self.category_ids = np.array([*run.labels, -1], "int32")
        self.class_names = np.array([*run.labels.values(), ""])

    def detect(self, images: Tensor) -> dict[str, Tensor]:
        """float32 [B, S, S, 3] to num_detections, boxes in 0..1, scores, category ids and masks.

        With the tail of near-zero scores. A YOLACT++ adds `mask_scores`, here and in all signatures with
        detections.
        """
        return self._described(self.detection_model(images))

    def explore(self, images: Tensor) -> dict[str, Tensor]:
        """`detect` with what its masks are made of: coefficients [B, N, K] and prototypes [B, Hp, Wp, K]."""
        found = self.detection_model(images)
        return {**self._described(found), **{name: found[name] for name in ("coefficients", "prototypes")}}

    def heads(self, images: Tensor) -> Predictions:
        """float32 [B, S, S, 3] to the Predictions."""
        return self.network(images, training=False)

    def raw(self, images: Tensor) -> Predictions:
        """uint8 [B, H, W, 3] to the Predictions."""
        return self.heads(self._resized(images))

    def tensors(self, images: Tensor) -> dict[str, Tensor]:
        """uint8 [B, H, W, 3] to detections with boxes in pixels and masks at prototype size.

        As in all signatures but `evaluation`, what is counted scores more than `detect.score_threshold`.
        """
        found = self.detection_model(self._resized(images), tail=False)
        return _in_pixels(self._described(found), images)

    def evaluation(self, images: Tensor) -> dict[str, Tensor]:
        """`tensors` with the tail of near-zero scores, which AP counts."""
        return _in_pixels(self.detect(self._resized(images)), images)

    def rle(self, image_bytes: Tensor) -> dict[str, Tensor]:
        """string [B] of encoded images to detections with masks as COCO RLE counts."""
        return self._from_bytes(image_bytes, "masks_rle", encode_rle)

    def png(self, image_bytes: Tensor) -> dict[str, Tensor]:
        """string [B] of encoded images to detections with masks as PNG files."""
        return self._from_bytes(image_bytes, "masks_png_bytes", encode_png)

    def rle_explored(self, image_bytes: Tensor) -> dict[str, Tensor]:
        """`rle` with what its masks are made of, small enough for JSON.

        Adds coefficients [B, N, K], prototypes_bytes string [B], float16 in C order, little-endian, and
        prototypes_shape [B, 3] int32: Hp, Wp, K.
        """
        return self._from_bytes(image_bytes, "masks_rle", encode_rle, _explained)

    def _from_bytes(self, image_bytes, masks_name, encode, more=lambda found: {}):
        # Whole specs, here and below: an empty batch has no element to read a shape from.
        side = self.image_size
        specs = tf.TensorSpec([side, side, self.channels], tf.float32), tf.TensorSpec([2], tf.int32)
        images, sizes = tf.map_fn(self._decode, image_bytes, fn_output_signature=specs)
        # The masks of near-zero scores would be most of an answer's bytes.
        found = self.detection_model(images, tail=False)
        described = self._described(found)
        masks, boxes, upsample = described.pop("masks"), described["boxes"], upsample_mask
        if self.mask_upsampling == "logits":
            masks, upsample = mask_logits(found["prototypes"], found["coefficients"]), upsample_logits

        def encode_image(arguments):
            return _encode_masks(*arguments, upsample, encode)

        codes = tf.map_fn(
            encode_image,
            (masks, boxes, found["num_detections"], sizes),
            fn_output_signature=tf.TensorSpec([boxes.shape[1]], tf.string),
        )
        scale = tf.cast(tf.gather(sizes, [1, 0, 1, 0], axis=1), tf.float32)
        return {
            **described,
            "boxes": boxes * scale[:, None],
            "class_names": self._look_up(self.class_names, found["classes"]),
            masks_name: codes,
            "image_size": sizes,
            **more(found),
        }

    def _described(self, found):
        """PaddedDetections in the words of the contract: boxes clipped to 0..1, classes by category id."""
        return {
            "num_detections": found["num_detections"],
            "boxes": clip(found["boxes"]),
            **_scores(found),
            "classes": self._look_up(self.category_ids, found["classes"]),
            "masks": found["masks"],
        }

    def _decode(self, encoded):
        image = decode_image(require_pixels(encoded, self.max_pixels))
        return self._resized(image[None])[0], tf.shape(image)[:2]

    def _resized(self, images):
        return resize_images(images, self.image_size, self.channels)

    def _look_up(self, table, classes):
        """Entry of `table` for each class, [B, N]; gathered flat, as LiteRT's GPU backends need it."""
        flat = tf.reshape(tf.where(classes < 0, len(table) - 1, classes), [-1])
        return tf.reshape(tf.gather(table, flat), [-1, classes.shape[1]])


def _in_pixels(found, images):
    """`found` with its boxes in pixels of `images` [B, H, W, 3]."""
    size = tf.cast(tf.shape(images)[1:3], tf.float32)
    return {**found, "boxes": found["boxes"] * tf.gather(size, [1, 0, 1, 0])}


def _scores(found):
    """`scores`, and `mask_scores` where the model is a YOLACT++."""
    return {name: found[name] for name in ("scores", "mask_scores") if name in found}


def _explained(found):
    """Coefficients as they are; prototypes as bytes, a quarter of what their digits would take."""
    prototypes = found["prototypes"]
    shape = prototypes.shape[1:].as_list()
    length = tf.float16.size * math.prod(shape)

    def pack(one):
        # A serialised tensor ends with its content.
        return tf.strings.substr(tf.io.serialize_tensor(one), -length, length)

    halves = tf.cast(prototypes, tf.float16)
    return {
        "coefficients": found["coefficients"],
        "prototypes_bytes": tf.map_fn(pack, halves, fn_output_signature=tf.TensorSpec([], tf.string)),
        "prototypes_shape": tf.tile([shape], [tf.shape(prototypes)[0], 1]),
    }


def _as_function(network):
    spec = tf.TensorSpec(network.input_shape, tf.float32, name="images")

    @tf.function(input_signature=[spec])
    def predict(images):
        count = tf.shape(images)[0]
        # Of an empty batch oneDNN's convolution with bias makes maps of a wrong depth.
        some = tf.cond(count > 0, lambda: images, lambda: tf.zeros([1, *images.shape[1:]]))
        return {name: values[:count] for name, values in network(some, training=False).items()}

    return lambda images, training: predict(images)


def _encode_masks(masks, boxes, count, image_size, upsample, encode):
    """[N] strings, empty from `count` on."""

    def encode_slot(i):
        return encode(*upsample(masks[i], boxes[i], image_size), image_size)

    encoded = tf.map_fn(encode_slot, tf.range(count), fn_output_signature=tf.TensorSpec([], tf.string))
    return tf.ensure_shape(tf.pad(encoded, [[0, masks.shape[0] - count]]), [masks.shape[0]])
