"""Stages apart end where the engine does in one go."""

import pytest
from numpy.testing import assert_allclose, assert_array_equal

from yolact_tf.benchmark.stages import MASKS, NETWORK, NMS, PREPROCESS, parts_of
from yolact_tf.detect.opening import open_detector
from yolact_tf.images.decoding import read_image

FIXTURES = ("shapes_run", "saved_model", "litert_file", "explore_file", "plus_run")
KINDS = (*FIXTURES[:-1], "litert_heads")


def opened(kind, request):
    value = request.getfixturevalue(kind if kind in FIXTURES else "exported")
    return open_detector(value if kind in FIXTURES else value(kind))


@pytest.mark.parametrize("kind", [*KINDS, pytest.param("plus_run", marks=pytest.mark.whole)])
def test_all_stages_one_after_the_other_are_the_engine(kind, request, shapes_data):
    engine = opened(kind, request).engine
    image = read_image(min((shapes_data / "images").glob("val_*")))
    parts = parts_of(engine)
    assert [stage for part in parts for stage in part.stages] == [PREPROCESS, NETWORK, NMS, MASKS]
    passed = [image]
    for part in parts:
        passed = part.run(passed)
    (found,), expected = passed, engine(image)
    assert len(found["scores"]) > 0
    assert_array_equal(found["class_ids"], expected["class_ids"])
    for name in ("boxes", "scores", "masks"):
        assert_allclose(found[name], expected[name], atol=1e-4)


def test_how_far_apart_the_stages_of_each_kind_can_be_told(request):
    apart = {kind: [len(part.stages) for part in parts_of(opened(kind, request).engine)] for kind in KINDS}
    assert apart["shapes_run"] == [1, 1, 1, 1]
    assert apart["litert_heads"] == [1, 1, 2]
    assert apart["litert_file"] == apart["explore_file"] == [1, 3]
    assert apart["saved_model"] == [4]
