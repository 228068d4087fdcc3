"""How the time of a search is divided among its trials."""

from typing import NamedTuple

# Of a trial's share what lies outside of training: a process that starts, the last validation, pictures.
_OUTSIDE, _LEAST_OUTSIDE = 0.1, 20.0
_LEAST_SHARE = 60.0  # seconds: with less, a trial does little but start


class Budget(NamedTuple):
    """A time and the trials it is for."""

    trials: int
    seconds: float  # in all
    minutes: float  # that each trial trains: the same for all, as results are compared


def budget(trials: int, minutes: float) -> Budget:
    """The Budget of a number of trials in so many minutes. ValueError where those are too few for one."""
    seconds = 60 * minutes
    share = seconds / trials
    if share < _LEAST_SHARE:
        most = int(seconds // _LEAST_SHARE)
        instead = f", or --trials {most} at most" if most else ", even for one trial"
        raise ValueError(
            f"--time must leave each trial {_LEAST_SHARE:g} s: expected --time {_LEAST_SHARE * trials:g}s"
            f"{instead}. Received: {seconds:g} s for --trials {trials}"
        )
    return Budget(trials, seconds, round((share - max(_OUTSIDE * share, _LEAST_OUTSIDE)) / 60, 4))
