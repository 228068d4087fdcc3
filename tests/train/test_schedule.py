import pytest

from yolact_tf.train.schedule import LearningRate


def test_the_reference_schedule_worked_by_hand():
    # Warm-up 1e-4 -> 1e-3 over 500 steps, then a tenth at 280k, 600k, 700k, 750k of 800k.
    rate = LearningRate(1e-3, 800_000)
    for step, expected in [
        (0, 1e-4),
        (250, 5.5e-4),
        (500, 1e-3),
        (279_999, 1e-3),
        (280_000, 1e-4),
        (600_000, 1e-5),
        (700_000, 1e-6),
        (750_000, 1e-7),
    ]:
        assert float(rate(step)) == pytest.approx(expected, rel=1e-4), step


def test_cosine_goes_from_the_peak_to_nothing():
    rate = LearningRate(2e-3, 1000, schedule="cosine", warmup_steps=100, warmup_learning_rate=1e-4)
    assert float(rate(100)) == pytest.approx(2e-3)
    assert float(rate(550)) == pytest.approx(1e-3)
    assert float(rate(1000)) == pytest.approx(0, abs=1e-9)


def test_schedules_survive_serialisation():
    rate = LearningRate(1e-3, 100, schedule="cosine")
    again = LearningRate.from_config(rate.get_config())
    assert float(again(40)) == float(rate(40))


def test_a_warm_up_takes_at_most_a_fifth_of_the_run():
    rate = LearningRate(1.0, 100, warmup_steps=500, warmup_learning_rate=0.0, decay_at=())
    assert float(rate(10)) == pytest.approx(0.5) and float(rate(20)) == float(rate(99)) == 1


def test_the_length_of_the_run_may_be_told_later():
    rate, known = LearningRate(1.0, 1_000_000, schedule="cosine"), LearningRate(1.0, 400, schedule="cosine")
    for step in (0, 40, 80, 300, 400):
        assert float(rate(step, 400)) == pytest.approx(float(known(step)), abs=1e-7)
