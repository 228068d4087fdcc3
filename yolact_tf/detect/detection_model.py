"""The whole way from image to detections as one Keras model; every path runs or traces this."""

import keras

from yolact_tf.config import Config
from yolact_tf.detect.postprocess import postprocess
from yolact_tf.model import Yolact
from yolact_tf.preprocess import resize_images


class DetectionModel(keras.Model):
    """Images [B, H, W, 3] RGB 0..255 to PaddedDetections, plus the prototypes [B, Hp, Wp, K].

    network: the model of `build_yolact(config)`.  branches: as of `postprocess`; so is `tail`, in a call.
    """

    def __init__(self, network: Yolact, config: Config, branches: bool = True):
        super().__init__(name="detection_model")
        self.network = network
        self.image_shape = network.input_shape[1:]
        self.anchors = network.anchors
        settings = config.detect
        self.options = {
            "score_threshold": settings.score_threshold,
            "nms": settings.nms,
            "nms_iou_threshold": settings.nms_iou_threshold,
            "max_candidates": settings.max_candidates,
            "max_detections": settings.max_detections,
            "image_size": self.image_shape[0],
            "mask_rescorer": network.mask_rescorer,
            "score_activation": config.score_activation,
            "branches": branches,
        }

    def call(self, images, tail=True):
        if tuple(images.shape[1:]) != self.image_shape:
            images = resize_images(images, *self.image_shape[1:])
        predictions = self.network(images, training=False)
        found = postprocess(predictions, self.anchors, **self.options, tail=tail)
        return {**found, "prototypes": predictions["prototypes"]}
