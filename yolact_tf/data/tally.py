"""What was met in a data set how often: counted by kind, with the first example of each."""

from typing import NamedTuple, Self


class Counted(NamedTuple):
    """How often a kind was met, and where first."""

    count: int  # type: ignore[assignment]  # hides `tuple.count`, which nobody asks of it
    example: str


class Tally(dict[str, Counted]):
    """Kind -> Counted, in the order of their first appearance."""

    def add(self, kind: str, example: object, count: int = 1) -> None:
        """Counts `count` of `kind`; the example of the first stays."""
        if count:
            known = self.get(kind, Counted(0, str(example)))
            self[kind] = known._replace(count=known.count + count)

    def include(self, other: Self) -> None:
        """Adds what another counted."""
        for kind, counted in other.items():
            self.add(kind, counted.example, counted.count)

    def in_words(self) -> str:
        """One line of all kinds."""
        return "; ".join(
            f"{count} x {kind} ({'first ' if count > 1 else ''}{example})"
            for kind, (count, example) in self.items()
        )
