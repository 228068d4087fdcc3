"""Several items at once: order, errors and the end, whoever brings it about."""

import threading

import pytest

from yolact_tf.detect.abreast import abreast


def threads():
    return [thread for thread in threading.enumerate() if thread.name.startswith("abreast")]


@pytest.mark.parametrize("workers", [1, 2, 5])
@pytest.mark.parametrize("count", [0, 1, 2, 40])
def test_results_come_in_order_and_the_threads_end(workers, count):
    assert list(abreast(lambda i: i * i, iter(range(count)), workers)) == [i * i for i in range(count)]
    assert not threads()


def test_so_many_are_worked_on_at_once():
    together = threading.Barrier(3)  # whom each waits for

    def meet(i):
        together.wait(20)
        return i

    assert list(abreast(meet, range(9), 3)) == list(range(9))


def test_no_more_is_taken_than_one_ahead():
    taken = []

    def items():
        for i in range(20):
            taken.append(i)
            yield i

    results = abreast(lambda i: i, items(), 2)
    for done in range(3):
        assert next(results) == done
        assert len(taken) == done + 3
    results.close()
    assert len(taken) == 5


@pytest.mark.parametrize("workers", [1, 2])
def test_an_error_is_raised_in_its_turn(workers):
    def invert(i):
        return 1 / (3 - i)

    results = abreast(invert, range(100), workers)
    assert [next(results) for _ in range(3)] == [1 / 3, 1 / 2, 1]
    with pytest.raises(ZeroDivisionError):
        next(results)
    assert next(results, None) is None and not threads()


def test_an_error_of_the_items_is_raised():
    def items():
        yield 1
        raise OSError("no more")

    with pytest.raises(OSError, match="no more"):
        list(abreast(lambda i: i, items(), 2))
    assert not threads()


def test_closing_ends_it_and_what_is_begun_is_finished():
    may_end, finished = threading.Event(), []

    def work(i):
        if i:
            assert may_end.wait(20)
        finished.append(i)
        return i

    results = abreast(work, range(100), 2)
    assert next(results) == 0
    threading.Timer(0.01, may_end.set).start()
    results.close()
    assert not threads() and finished[0] == 0 and len(finished) <= 3
