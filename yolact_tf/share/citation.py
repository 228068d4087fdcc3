"""What to cite for a model."""

from yolact_tf.config import ModelConfig
from yolact_tf.model.backbones import is_deformable

_AUTHORS = "author = {Bolya, Daniel and Zhou, Chong and Xiao, Fanyi and Lee, Yong Jae}"
_YOLACT = f"""@inproceedings{{bolya2019yolact,
  title = {{{{YOLACT}}: Real-Time Instance Segmentation}},
  {_AUTHORS},
  booktitle = {{IEEE/CVF International Conference on Computer Vision (ICCV)}},
  year = {{2019}}
}}"""
_YOLACT_PLUS = f"""@article{{bolya2020yolactplus,
  title = {{{{YOLACT++}}: Better Real-Time Instance Segmentation}},
  {_AUTHORS},
  journal = {{IEEE Transactions on Pattern Analysis and Machine Intelligence}},
  year = {{2020}}
}}"""


def is_plus(model: ModelConfig) -> bool:
    """Whether a network is a YOLACT++: it scores masks, or convolves with offsets."""
    return model.mask_rescoring or is_deformable(model.backbone)


def bibtex(model: ModelConfig) -> list[str]:
    """The entries of the papers that a network comes from."""
    return [_YOLACT, _YOLACT_PLUS] if is_plus(model) else [_YOLACT]
