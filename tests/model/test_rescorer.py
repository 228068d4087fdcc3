import numpy as np
import pytest

from yolact_tf.model.rescorer import build_mask_rescorer


@pytest.mark.parametrize("size", [63, 100, 138, 176])
def test_one_estimate_a_class_and_none_below_zero(size):
    masks = np.random.default_rng(0).uniform(size=(3, size, size, 1)).astype("float32")
    estimates = np.asarray(build_mask_rescorer(5, size)(masks))
    assert estimates.shape == (3, 5)
    assert (estimates >= 0).all() and estimates.any()


def test_too_small_prototypes_are_refused():
    with pytest.raises(ValueError, match="`model.mask_rescoring` needs prototypes of at least 63 pixels"):
        build_mask_rescorer(5, 62)
