"""What a person sees of a verification."""

import math
from typing import TYPE_CHECKING

from rich.table import Table

from yolact_tf.cli.progress import console

if TYPE_CHECKING:
    from yolact_tf.export.verify import Verification


def print_verification(found: "Verification") -> None:
    """Prints the table of differences and, below, what was compared."""
    table = Table("output", "largest", "at most", "mean", "at most", "", title=found.accelerator)
    for row in found.differences:
        verdict = "ok" if row.passes else "[bold red]FAIL[/bold red]"
        numbers = (f"{row.largest:.2g}", _limit(row.limit.largest), f"{row.mean:.2g}", _limit(row.limit.mean))
        table.add_row(row.output, *numbers, verdict)
    console.print(table)
    console.print(_summary(found))
    for name, (run, artefact) in (found.average_precision or {}).items():
        console.print(f"{name} AP: {run:.4f} of the run, {artefact:.4f} of the artefact")
    if found.operations:
        console.print("operations: " + ", ".join(f"{n} {place}" for place, n in found.operations.items()))


def tell_release(found: "Verification") -> None:
    """One line of a verification that is passed, the whole of one that fails."""
    if found.passes:
        console.print(f"verified ({found.accelerator}): {_summary(found)}")
    else:
        print_verification(found)


def _summary(found):
    detections = f"{found.num_detections} detections compared in {found.num_images} images"
    if found.num_detections or not found.num_images:
        return detections
    return f"{detections}, in which the run finds nothing: what the network says was compared instead"


def _limit(value):
    return "" if math.isinf(value) else f"{value:g}"
