import json

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from yolact_tf.rle import compressed_rle, decode_rle


@pytest.mark.parametrize("runs", [[12], [0, 12], [4, 2, 6], [0, 1, 2, 3, 6], [1, 11]])
def test_run_lengths_come_back_as_the_mask(runs):
    rle = compressed_rle(np.array(runs, "int32"), (3, 4))
    assert json.loads(json.dumps(rle)) == rle and rle["size"] == [3, 4]
    flat = np.repeat(np.arange(len(runs)) % 2 == 1, runs)
    assert_array_equal(decode_rle(rle["counts"].encode(), (3, 4)), flat.reshape(4, 3).T)


def test_run_lengths_of_another_size_are_refused():
    rle = compressed_rle(np.array([4, 2, 6]), (3, 4))
    with pytest.raises(ValueError, match="none of a mask of"):
        decode_rle(rle["counts"].encode(), (4, 4))
