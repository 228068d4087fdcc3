import json

import numpy as np
import pytest
from numpy.testing import assert_allclose

from yolact_tf.detect.thresholds import THRESHOLDS, read_thresholds, threshold_of_each

LABELS = {3: "cat", 7: "dog", 9: "no truth"}


@pytest.fixture
def run(tmp_path):
    content = {"all": 0.42, "per_class": {"3": 0.3, "7": 0.6}}
    (tmp_path / THRESHOLDS).write_text(json.dumps(content))
    return tmp_path


def test_each_class_has_its_own_or_that_of_all(run):
    expected = {3: 0.3, 7: 0.6, 9: 0.42}
    assert read_thresholds(run, LABELS) == read_thresholds(run / THRESHOLDS, LABELS) == expected


def test_a_run_without_thresholds_says_what_makes_them(tmp_path):
    with pytest.raises(FileNotFoundError, match="thresholds.json: expected .* `yolact evaluate` finds"):
        read_thresholds(tmp_path, LABELS)


@pytest.mark.parametrize(
    "text",
    [
        *(
            "\udcff",
            "",
            "[]",
            "{}",
            '{"all": 0.4}',
            '{"all": 2, "per_class": {}}',
            '{"all": "x", "per_class": {}}',
        ),
        *('{"all": 0.4, "per_class": {"cat": 0.4}}', '{"all": 0.4, "per_class": {"3": true}}'),
        *('{"all": 0.4, "per_class": {"3": NaN}}', '{"all": 0.4, "per_class": [0.4]}', "[" * 99999),
    ],
)
def test_what_is_none_is_refused_in_one_line(text, run):
    (run / THRESHOLDS).write_text(text, errors="surrogateescape")
    with pytest.raises(ValueError, match=r'json: expected \{"all": a score') as refused:
        read_thresholds(run, LABELS)
    assert "\n" not in str(refused.value)


def test_those_of_other_classes_are_refused(run):
    with pytest.raises(ValueError, match=r"expected thresholds of \[3\]. Received those of \[7\], too"):
        read_thresholds(run, {3: "cat"})


def test_objects_get_the_threshold_of_their_class():
    ids, names = np.array([7, 3, 7]), ("dog", "cat", "dog")
    assert threshold_of_each(0.5, ids, names) == 0.5
    for thresholds in ({3: 0.3, 7: 0.6}, {"cat": 0.3, "dog": 0.6}):
        assert_allclose(threshold_of_each(thresholds, ids, names), [0.6, 0.3, 0.6])
    with pytest.raises(ValueError, match=r"Received none for 'cat' \(3\), only for \[7\]"):
        threshold_of_each({7: 0.6}, ids, names)
