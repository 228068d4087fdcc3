import sys

import pytest

from yolact_tf.benchmark.candidates import limit_threads, open_candidates
from yolact_tf.cores import usable_cores


def test_each_model_is_opened_by_its_name_and_threads(shapes_run, saved_model, litert_file):
    paths = [litert_file, shapes_run, saved_model, litert_file]
    candidates = open_candidates(paths, 3, on_gpu=False)
    assert [candidate.name for candidate in candidates] == list(map(str, paths))
    kinds = [candidate.detector.engine.kind for candidate in candidates]
    assert kinds == ["LiteRT", "run", "SavedModel", "LiteRT"]
    assert {(candidate.device, candidate.threads) for candidate in candidates} == {("cpu", 3)}
    assert open_candidates([litert_file], on_gpu=False)[0].threads == usable_cores()


def test_a_file_that_gpus_cannot_run_is_measured_on_the_cpu_and_said_so(litert_file, monkeypatch, caplog):
    # As where the package is older than its GPU accelerator.
    monkeypatch.setitem(sys.modules, "ai_edge_litert.compiled_model", None)
    with caplog.at_level("WARNING"):
        (candidate,) = open_candidates([litert_file])
    assert candidate.device == "cpu"
    (line,) = [record.getMessage() for record in caplog.records]
    assert line.startswith(f"{litert_file} is measured on the CPU alone. Expected ")


def test_one_that_cannot_be_opened_is_refused(litert_file, tmp_path):
    with pytest.raises(FileNotFoundError, match="none"):
        open_candidates([litert_file, tmp_path / "none"], on_gpu=False)
    with pytest.raises(ValueError, match="MODEL must be a run folder"):
        open_candidates([tmp_path, litert_file], on_gpu=False)


def test_threads_are_set_before_tensorflow_computes():
    import tensorflow as tf

    tf.constant(1) + 1
    with pytest.raises(ValueError, match="before TensorFlow computes anything in a process. Received: 17"):
        limit_threads(17)
