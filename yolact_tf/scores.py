"""Scores of class logits, as the class loss that a model learnt from means them."""

from keras import ops

from yolact_tf.structures import BACKGROUND, Tensor

# A sigmoid model learnt from a loss that asks of one class at a time.
SCORES = {"softmax": ops.softmax, "sigmoid": ops.sigmoid}


def class_scores(class_logits: Tensor, activation: str) -> Tensor:
    """Scores without that of background: [..., C+1] to [..., C]. activation: a key of `SCORES`."""
    return SCORES[activation](class_logits)[..., BACKGROUND + 1 :]
