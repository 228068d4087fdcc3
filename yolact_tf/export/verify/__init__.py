"""An artefact against the run that it came from: the same images through both, output by output."""

from yolact_tf.export.verify.artefact import compare, differences, sample_images, verify
from yolact_tf.export.verify.difference import Difference
from yolact_tf.export.verify.reference import Reference
from yolact_tf.export.verify.verification import (
    BeyondTolerance,
    Verification,
    require_verified,
    verification,
)

__all__ = [
    "BeyondTolerance",
    "Difference",
    "Reference",
    "Verification",
    "compare",
    "differences",
    "require_verified",
    "sample_images",
    "verification",
    "verify",
]
