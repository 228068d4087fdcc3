"""The files of a job: small ones of each group first, put together in the end, named when all is done."""

import os
import secrets
from collections.abc import Iterable, Sequence
from typing import NamedTuple, Self

from yolact_tf.batch import storage

GROUPS = "groups"  # the file that tells who is to look at what
_WORKED_ON = ".tmp-"


class Kind(NamedTuple):
    """What files of one kind have around and between what is found in images."""

    header: bytes = b""
    separator: bytes = b""
    footer: bytes = b""


KINDS = {
    "results": Kind(b"[", b", ", b"]\n"),
    "overlays": Kind(footer=bytes(1024)),  # with which a tar file ends
    "failed": Kind(),
}


class Part(NamedTuple):
    """One file of those that a job writes: the `shard`-th of its kind."""

    kind: str
    shard: int


class Outputs(NamedTuple):
    """Where a job writes.

    results: `DIR/NAME.json`.  overlays: `DIR/NAME.tar`, or "".  Of several shards each is
    `DIR/NAME-00000-of-00004.json`. `DIR/NAME.failed.jsonl` is one file.  token: in the names of what is not
    finished, which no other job has.
    """

    results: str
    overlays: str
    shards: int
    token: str

    @classmethod
    def of(cls, results: str, overlays: str | None, shards: int) -> Self:
        """Those of a new job. ValueError for names that such files cannot have."""
        for option, address, suffix in (("--output", results, ".json"), ("--overlays", overlays, ".tar")):
            if address is not None and not address.lower().endswith(suffix):
                raise ValueError(f"{option} must be a file that ends in {suffix}. Received: {address!r}")
        results, overlays = storage.absolute(results), storage.absolute(overlays) if overlays else ""
        return cls(results, overlays, shards, secrets.token_hex(8))

    @property
    def temporary(self) -> str:
        """The folder of what is found in the groups."""
        return storage.join(storage.folder_of(self.results), _WORKED_ON + self.token)

    @property
    def failed(self) -> str:
        """The list of images that could not be read, with the reasons."""
        return f"{self.results.rpartition('.')[0]}.failed.jsonl"

    @property
    def parts(self) -> list[Part]:
        """All files that the job writes."""
        kinds = ["results", "overlays"] if self.overlays else ["results"]
        return [*(Part(kind, shard) for kind in kinds for shard in range(self.shards)), Part("failed", 0)]

    def target(self, part: Part) -> str:
        """The address that a file has in the end."""
        if part.kind == "failed":
            return self.failed
        address = self.results if part.kind == "results" else self.overlays
        if self.shards == 1:
            return address
        stem, _, suffix = address.rpartition(".")
        return f"{stem}-{part.shard:05d}-of-{self.shards:05d}.{suffix}"

    def of_group(self, kind: str, number: int) -> str:
        """Where what is found in a group is, until it is put together."""
        return storage.join(self.temporary, f"{kind}-{number:08d}")

    def whole(self, part: Part) -> str:
        """Where a file is that is put together, until it gets its name: beside that, on the same disk."""
        name = f"{_WORKED_ON}{self.token}-{part.kind}-{part.shard:05d}"
        return storage.join(storage.folder_of(self.target(part)), name)


def reserve(outputs: Outputs) -> None:
    """Makes sure that nothing is overwritten, also by a job that begins while this one works: the list of
    failed images is there from now on. ValueError where one of the files is there, or cannot be written."""
    for part in outputs.parts:
        if storage.exists(outputs.target(part)):
            raise _taken(outputs.target(part))
    try:
        for target in (outputs.results, outputs.overlays or outputs.results):
            trial = storage.join(storage.folder_of(target), _WORKED_ON + secrets.token_hex(8))
            storage.write(trial, b"")
            storage.delete(trial)
    except OSError as error:
        reason = error.strerror or error
        raise ValueError(
            f"--output and --overlays must be files that can be written. Received: {target!r} ({reason})"
        ) from None
    try:
        storage.claim(outputs.failed)
    except FileExistsError:
        raise _taken(outputs.failed) from None


def write_group(outputs: Outputs, number: int, contents: Sequence[tuple[str, bytes]]) -> list[str]:
    """Writes what was found in a group, by kind; the kinds of which there is any, and results always, which
    tell that the group is done. Who does it again writes the same.
    """
    filled = [(kind, content) for kind, content in contents if content or kind == "results"]
    for kind, content in filled:
        storage.write(outputs.of_group(kind, number), content)
    return [kind for kind, _ in filled]


def groups_done(outputs: Outputs) -> set[int]:
    """Numbers of the groups that were written, of a job near by."""
    names = os.listdir(outputs.temporary) if os.path.isdir(outputs.temporary) else []
    return {int(name.removeprefix("results-")) for name in names if name.startswith("results-")}


def put_together(outputs: Outputs, part: Part, numbers: Iterable[int]) -> None:
    """Makes a file of those of its groups."""
    parts = (outputs.of_group(part.kind, number) for number in sorted(set(numbers)))
    storage.put_together(parts, outputs.whole(part), *KINDS[part.kind])


def finish(outputs: Outputs) -> None:
    """Gives all files their names."""
    for part in outputs.parts:
        storage.move(outputs.whole(part), outputs.target(part))
    storage.delete(outputs.temporary + "/")


def withdraw(outputs: Outputs) -> None:
    """Leaves nothing of a job that did not come to its end."""
    storage.delete(outputs.temporary + "/")
    for part in outputs.parts:
        storage.delete(outputs.whole(part))
    storage.delete(outputs.failed)


def _taken(address):
    return ValueError(
        f"--output and --overlays must be new files. Received: {address!r}, which is there, of another job, "
        "of one that is at it, or of one that was killed"
    )
