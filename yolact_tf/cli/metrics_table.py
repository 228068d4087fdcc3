"""What a person sees of metrics.json."""

from collections.abc import Mapping
from typing import Any

from rich.table import Table

from yolact_tf.cli.progress import console, plain_table


def print_metrics(metrics: Mapping[str, Any]) -> None:
    """Prints COCO's numbers, those of the original's evaluator where they are there, and AP by class."""
    table = Table("", *metrics["bbox"], box=None, padding=(0, 1, 0, 0))
    _add_ap_rows(table, metrics)
    console.print(table)
    if "reference" in metrics:
        title = "by the original's own evaluator"
        table = Table("", *metrics["reference"]["bbox"], title=title, box=None, padding=(0, 1, 0, 0))
        _add_ap_rows(table, metrics["reference"])
        console.print(table)
    per_class = plain_table("class", "box AP", "mask AP")
    for name, values in metrics["per_class"].items():
        if max(values.values()) > -1:
            per_class.add_row(name, *(f"{values[kind]:.3f}" for kind in ("bbox", "segm")))
    console.print(per_class)


def _add_ap_rows(table, metrics):
    for kind, name in (("bbox", "box"), ("segm", "mask")):
        table.add_row(name, *(f"{value:.3f}" for value in metrics[kind].values()))
