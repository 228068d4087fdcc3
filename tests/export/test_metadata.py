import inspect

from yolact_tf.detect.mask_options import MaskOptions
from yolact_tf.detect.postprocess import postprocess
from yolact_tf.export.metadata import describe
from yolact_tf.recipes import load_config
from yolact_tf.runs import Run, untrained
from yolact_tf.weights.initial import build_yolact


def test_how_an_artefact_detects_is_what_its_reader_asks():
    config = untrained(load_config("tiny_256", ["model.num_classes=1", "data.image_size=64"]))
    detect = describe(Run(build_yolact(config), config, {7: "seven"}))["detect"]
    known = set(inspect.signature(postprocess).parameters) | set(MaskOptions._fields)
    assert detect.keys() <= known and {"nms", "score_threshold", "max_detections"} <= detect.keys()
