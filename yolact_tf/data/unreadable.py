"""Training images that vanish or rot after they were checked: counted, the first named, too many refused."""

import math
from collections import Counter
from collections.abc import Callable

import tensorflow as tf

from yolact_tf.data.split import Source
from yolact_tf.images.decoding import decoded, reason_of
from yolact_tf.structures import Tensor


class Unreadable:
    """What cannot be read of a training split. `counts` is how many views each epoch lost so far.

    A view is lost with any of its images. `build_dataset` fills in the rest.
    """

    def __init__(self) -> None:
        self.counts: Counter[int] = Counter()
        self.num_views, self.allowed = 0, 0
        self._first: tuple[int, int] | None = None
        self._reason: str | None = None

    def begin(
        self,
        share: float,
        num_views: int,
        find: Callable[[int, int], tuple[Source, Tensor, Callable[[], object]]],
    ) -> None:
        """Allows `share` of the `num_views` views of an epoch to be lost, though not all.

        find: called as find(epoch, number) it gives (source, handles, make) of a view, which make() makes
        again.
        """
        self.num_views, self.find = num_views, find
        self.allowed = most_lost(share, num_views)

    def add(self, epoch: Tensor, number: Tensor, count: Tensor) -> Tensor:
        """Counts views of an epoch that are lost, from `number` on, and returns `count`. ValueError for too
        many."""
        if not self._first:
            self._first = max(int(epoch), 0), int(number)
        # What is read ahead after the verdict is no part of it.
        if self.counts[int(epoch)] <= self.allowed:
            self.counts[int(epoch)] += int(count)
        if self.counts[int(epoch)] > self.allowed:
            raise ValueError("too many training images cannot be read")
        return count

    @property
    def reason(self) -> str | None:
        """The first file that was lost and why, in one line; None as long as none was.

        Reads it again, so that it must not be asked for by a dataset. RuntimeError where the files are sound
        and their view fails all the same: that is no lost file but a fault of this program.
        """
        if self._first and not self._reason:
            self._reason = self._why(*self._first)
        return self._reason

    @property
    def verdict(self) -> str | None:
        """Why training cannot go on, in one line; None where it can."""
        if max(self.counts.values(), default=0) <= self.allowed:
            return None
        count = min(max(self.counts.values()), self.num_views)
        return (
            f"expected at most {self.allowed} of {self.num_views} training images of an epoch to be "
            f"unreadable (`data.max_unreadable`). Received: {count}, the first {self.reason}"
        )

    def _why(self, epoch, number):
        try:
            source, handles, make = self.find(epoch, number)
            faults = [fault_of(source, handle) for handle in handles]
        except ValueError as error:  # of a shard as a whole
            return str(error)
        name = source.name(handles[0])
        if not any(faults):
            _require_view(make, name)
        return next(filter(None, faults), f"{name}: which can be read again")


def most_lost(share: float, count: int) -> int:
    """How many of `count` images may be lost: a share of them, rounded down, though not all."""
    return min(math.floor(share * count), count - 1)


def _require_view(make, name):
    try:
        make()
    except tf.errors.OpError as error:
        raise RuntimeError(
            f"{name}: expected a view of an image that reads well. Received: {reason_of(error)}"
        ) from error


def fault_of(source: Source, handle: Tensor) -> str | None:
    """Why the image of a handle cannot be used, in one line that names it, or None."""
    name = source.name(handle)
    try:
        example = source.read(handle)
        height, width, _ = decoded(example["encoded"].numpy(), name).shape
    except tf.errors.NotFoundError:
        return f"{name}: no such image file"
    except ValueError as error:
        return str(error)
    expected = example["image_size"].numpy().tolist()
    if [height, width] != expected:
        return f"{name}: expected {expected[1]}x{expected[0]} pixels. Received: {width}x{height}"
    return None


def fill_gaps(
    views: tf.data.Dataset, first_number: Callable[[Tensor], Tensor], unreadable: Unreadable
) -> tf.data.Dataset:
    """`views` without their places, each that is missing replaced by the next that is there.

    views: a dataset of ((epoch, number), view); numbers rise by one within an epoch but for views that are
    lost.  first_number: first_number(epoch) is the first of an iteration.  So which view is where follows
    from the files alone, wherever an epoch is taken up.
    """
    blank = tf.nest.map_structure(lambda spec: tf.zeros(spec.shape, spec.dtype), views.element_spec[1])
    end = tf.constant([-1, tf.int64.max], tf.int64), blank  # tells that all that came last were lost
    views = views.concatenate(tf.data.Dataset.from_tensors(end))

    def count(expected, element):
        place, view = element
        epoch, number = tf.unstack(place)
        expected = tf.where(expected < 0, first_number(epoch), expected)
        add = lambda: tf.numpy_function(unreadable.add, [epoch, expected, number - expected], tf.int64)
        lost = tf.cond(number > expected, add, lambda: tf.constant(0, tf.int64))
        return number + 1, (tf.ensure_shape(lost, ()) + 1, view)

    counted = views.scan(tf.constant(-1, tf.int64), count)
    # One after the other, as `flat_map` does, which would not come to an end of looking at what it gets.
    return counted.interleave(lambda times, view: tf.data.Dataset.from_tensors(view).repeat(times), 1)
