"""Models side by side, measured for real; what a time is, no test says."""

import pytest

from yolact_tf.benchmark import compare, open_candidates, read_samples
from yolact_tf.benchmark.growth import BATCHES, DETECTIONS, LONGER_SIDES, over_batches, over_detections
from yolact_tf.benchmark.memory import measure_memory
from yolact_tf.benchmark.report import report_on
from yolact_tf.benchmark.rounds import time_rounds
from yolact_tf.benchmark.stages import STAGES


@pytest.fixture(scope="module")
def samples(shapes_data):
    return read_samples(shapes_data)


@pytest.fixture(scope="module")
def candidates(shapes_run, saved_model, litert_file):
    return open_candidates([shapes_run, saved_model, litert_file], on_gpu=False)


@pytest.mark.whole
def test_what_is_reported_of_each_model(candidates, samples):
    timings = time_rounds(candidates, samples, 4)
    reports = [report_on(c, t, timings[0], None) for c, t in zip(candidates, timings, strict=True)]
    for report in reports:
        assert tuple(stage for part in report.stages for stage in part.stages) == STAGES
        assert 0 < report.milliseconds.p50 <= report.milliseconds.p90 <= report.milliseconds.p99
        assert report.bytes_on_disk > 100_000 and report.stages_of_call > 0
    assert reports[0].of_first.median == 1
    # The same images: what is found in them is the same.
    assert reports[0].objects == reports[1].objects == reports[2].objects > 0


@pytest.mark.whole
def test_every_round_is_in_every_stage(candidates, samples):
    timings = time_rounds(candidates[:1], samples, 2)[0]
    assert {len(times) for times in timings.stages.values()} == {2}
    assert len(timings.calls) == len(timings.wholes) == len(timings.counts) == 2


@pytest.mark.whole
def test_growth_has_a_point_of_each_model_at_each_value(candidates, samples):
    growth = over_batches(candidates, samples[0], (1, 3), 1)
    assert growth.values == (1, 3) and [len(spreads) for spreads in growth.spreads] == [2, 2, 2]
    growth = over_detections(candidates, samples, 1)
    assert growth.values == DETECTIONS and {len(spreads) for spreads in growth.spreads} == {len(DETECTIONS)}


def test_where_nothing_is_found_detections_do_not_grow(candidates, samples, monkeypatch):
    detector = candidates[0].detector
    none = detector(samples[0].encoded).above(1.0)
    monkeypatch.setattr(type(detector), "__call__", lambda self, image: none)
    assert over_detections(candidates[:1], samples, 1) is None


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"rounds": 0}, "0 rounds"),
        ({"candidates": []}, "0 models"),
        ({"samples": []}, "0 images"),
        ({"sweeps": ("colour",)}, "Received: .'colour'"),
    ],
)
def test_nothing_to_measure_is_refused(change, said, candidates, samples):
    with pytest.raises(ValueError, match=said):
        compare(**{"candidates": candidates, "samples": samples, "rounds": 1, **change})


@pytest.mark.whole
def test_memory_is_that_of_a_process_of_its_own(candidates, samples):
    held = bytearray(2**30)  # pages that are touched count at the peak of this process
    held[:: 2**12] = b"\1" * (2**30 >> 12)
    for candidate in candidates:
        memory = measure_memory(candidate, samples[0])
        assert 50 * 2**20 < memory.before_model < memory.of_process < 2**31
    assert len(held) == 2**30


@pytest.mark.whole
def test_all_of_it(candidates, samples):
    told = []

    def tell(title):
        import contextlib

        told.append(title)
        return contextlib.nullcontext(lambda done, total: None)

    report = compare(candidates[2:], samples, 1, ("size", "detections"), tell)
    assert told == ["latency", "batches", "image sizes", "numbers of detections", "memory"]
    assert [growth.values for growth in report.sweeps] == [LONGER_SIDES, DETECTIONS]
    assert report.batches.values == BATCHES and report.models[0].memory.of_process > 0
    assert report.machine["cores"] >= 1 and len(report.images) == len(samples)
