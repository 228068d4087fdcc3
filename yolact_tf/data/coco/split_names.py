"""What people call the splits of a data set: the one list that layouts and converters know them by."""

import re
from collections.abc import Iterable

from yolact_tf.files import PathLike

SPLITS = ("train", "val", "test")
_MEANINGS = {
    **dict.fromkeys(("train", "training", "trainset"), "train"),
    **dict.fromkeys(("val", "valid", "validation", "valset"), "val"),
    **dict.fromkeys(("test", "testing", "testset"), "test"),
}
_YEAR = re.compile(r"[_-]?\d{4}$")


def split_of(name: str) -> str:
    """The one of SPLITS that a name means, such as val for Validation or val2017; else the name itself."""
    return _MEANINGS.get(_YEAR.sub("", name).lower(), name)


def splits_among(names: Iterable[str], where: PathLike) -> dict[str, str]:
    """split -> the name that means it, in the order of SPLITS. ValueError where two mean the same."""
    found: dict[str, str] = {}
    for name in names:
        split = split_of(name)
        if split in SPLITS and found.setdefault(split, name) != name:
            raise ValueError(f"{where}: expected one {split}. Received two: {found[split]!r} and {name!r}")
    return {split: found[split] for split in SPLITS if split in found}


def names_of(split: str | None) -> list[str]:
    """The names, in lower case, that mean a split; [] for one that is not of SPLITS."""
    return [name for name, meaning in _MEANINGS.items() if meaning == split]


def split_among(words: str) -> str | None:
    """The one of SPLITS that a word of a longer name means; None where none does, or several."""
    found = {_MEANINGS.get(word.lower()) for word in re.findall("[A-Z]?[a-z]+|[A-Z]+", words)} - {None}
    return found.pop() if len(found) == 1 else None
