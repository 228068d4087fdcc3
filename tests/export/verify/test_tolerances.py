import pytest

from yolact_tf.export.verify.tolerances import FLOAT16, FLOAT32, INT8, tolerances_of


def test_the_coarser_of_file_and_accelerator_counts():
    assert tolerances_of("float32") == tolerances_of("float32", "gpu") == FLOAT32
    assert tolerances_of("float32", "gpu_float16") == tolerances_of("float16") == FLOAT16
    assert tolerances_of("int8", "gpu_float16") == INT8


def test_a_precision_that_nobody_knows_is_refused():
    with pytest.raises(ValueError, match=r"`precision` must be one of .* Received: 'int4'"):
        tolerances_of("int4")
