from yolact_tf.benchmark.rounds import WARM_UP, Timings, interleaved, timed


def test_all_models_have_their_turn_in_each_round_and_warming_up_does_not_count():
    turns = []

    def time_one(number, model, timings):
        turns.append((number, model))
        timings.calls.append(number)

    timings = interleaved(3, 4, time_one)
    assert [one.calls for one in timings] == [list(range(WARM_UP, WARM_UP + 4))] * 3
    for number in range(WARM_UP + 4):
        in_round = [model for n, model in turns if n == number]
        assert sorted(in_round) == [0, 1, 2]
    assert [number for number, _ in turns] == sorted(number for number, _ in turns)


def test_no_model_always_goes_first():
    first = []
    interleaved(2, 2, lambda number, model, timings: first.append(model))
    assert set(first[::2]) == {0, 1}


def test_the_progress_ends_with_all_rounds():
    told = []
    interleaved(1, 2, lambda *arguments: None, lambda done, total: told.append((done, total)))
    assert told[0] == (1, WARM_UP + 2) and told[-1] == (WARM_UP + 2, WARM_UP + 2)


def test_a_timed_call_answers_what_the_call_does():
    answer, seconds = timed(divmod, 7, 2)
    assert answer == (3, 1) and seconds >= 0


def test_times_of_a_stage_are_kept_apart():
    timings = Timings()
    for stage, seconds in (("a", 1), ("b", 2), ("a", 3)):
        timings.add((stage,), seconds)
    assert timings.stages == {("a",): [1, 3], ("b",): [2]}
