"""Working ahead: order, room, errors and the end, whoever brings it about."""

import threading

import pytest

from yolact_tf.detect.ahead import ahead


def never(item):
    return False


def threads():
    return [thread for thread in threading.enumerate() if thread.name == "ahead"]


def test_items_come_in_order_and_the_thread_ends():
    assert list(ahead((i for i in range(100)), 3, never)) == list(range(100))
    assert list(ahead((i for i in ()), 3, never)) == []
    assert not threads()


def test_it_is_as_far_ahead_as_it_may_be():
    reached, made = threading.Event(), []

    def items():
        for i in range(20):
            made.append(i)
            if i == 3:
                reached.set()
            yield i

    taken = ahead(items(), 2, never)
    assert next(taken) == 0
    assert reached.wait(20)  # one taken, two waiting, one in hand
    assert max(made) == 3
    assert list(taken) == list(range(1, 20))


def test_what_is_raised_there_is_raised_here_after_what_came_before():
    def items():
        yield 1
        raise OSError("unplugged")

    taken = ahead(items(), 3, never)
    assert next(taken) == 1
    with pytest.raises(OSError, match="unplugged"):
        next(taken)
    assert not threads()


def test_closing_it_closes_what_it_takes_from():
    closed = threading.Event()

    def items():
        try:
            yield from range(1000)
        finally:
            closed.set()

    taken = ahead(items(), 2, never)
    next(taken)
    taken.close()
    assert closed.is_set() and not threads()


def test_what_passes_gives_way_to_the_next():
    may_end, is_over = threading.Event(), threading.Event()

    def items():
        yield from range(10)
        is_over.set()
        may_end.wait(20)

    taken = ahead(items(), 4, lambda item: True)
    seen = [next(taken)]
    assert is_over.wait(20)  # never waits for room
    may_end.set()
    seen += taken
    assert seen[-1] == 9 and seen == sorted(set(seen)) and len(seen) <= 2
