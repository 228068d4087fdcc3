"""`yolact info`: what a model is made of."""

from typing import Annotated

import typer
from rich.markup import escape

from yolact_tf.cli.progress import console, plain_table


def info(
    model: Annotated[str, typer.Argument(help="A run folder, a recipe, or an exported artefact.")],
    data: Annotated[
        str | None, typer.Option("--data", help="Data folder, to see how many of its objects anchors meet.")
    ] = None,
    split: Annotated[str, typer.Option(help="Split of --data.")] = "train",
    layers: Annotated[bool, typer.Option("--layers", help="Also every layer.")] = False,
    overrides: Annotated[
        list[str] | None, typer.Option("--set", help="Override a field of a recipe: section.field=value.")
    ] = None,
) -> None:
    """Layers, parameters and GFLOPs of MODEL by part, its anchors, and whom they meet."""
    from yolact_tf.explain.model_info import anchor_recall, model_info

    found = model_info(model, overrides or ())
    facts = plain_table(show_header=False)
    facts.add_row(found.kind, escape(model))
    for name, value in found.facts.items():
        facts.add_row(name, escape(value))
    console.print(facts)
    if found.parts:
        _print_parts(found)
    if found.anchors:
        _print_anchors(found)
    if data:
        _print_recall(anchor_recall(found, data, split), split)
    if layers:
        _print_layers(found)


def _print_parts(found):
    table = plain_table("part", "layers", "parameters", "GFLOPs", "")
    for part in found.parts:
        row = str(len(part.layers)), f"{part.parameters:,}", _gflops(part.multiply_adds)
        table.add_row(part.name, *row, part.note)
    count = sum(len(part.layers) for part in found.parts)
    table.add_row("all", str(count), f"{found.parameters:,}", _gflops(found.multiply_adds), "")
    console.print(table)
    console.print(
        f"One image is {found.multiply_adds / 1e9:.1f} G multiply-adds of convolutions, each two FLOPs; "
        "normalisation, activations, resizing and NMS are not counted."
    )


def _print_anchors(found):
    table = plain_table("anchors", "cells", "stride", "a cell", "count", "px")
    for level in found.levels:
        sizes = ", ".join(f"{width:.0f} x {height:.0f}" for width, height in level.shapes)
        cells = f"{level.cells} x {level.cells}"
        row = cells, f"{level.stride:.1f}", str(level.per_cell), f"{level.count:,}", sizes
        table.add_row(level.name, *row)
    table.add_row("all", "", "", "", f"{sum(level.count for level in found.levels):,}", "")
    console.print(table)


def _print_recall(fit, split):
    from yolact_tf.data.inspect.anchor_fit import RECALL_IOU

    shares = (f"{name} {share:.2f}" if share >= 0 else f"{name} –" for name, share in fit.recall.items())
    console.print(f"objects of {split} that an anchor meets with IoU {RECALL_IOU:g}: {', '.join(shares)}")


def _print_layers(found):
    table = plain_table("part", "layer", "kind", "output", "parameters", "GFLOPs")
    for part in found.parts:
        for layer in part.layers:
            shape = " x ".join("any" if side is None else str(side) for side in layer.output)
            row = layer.name, layer.kind, shape, f"{layer.parameters:,}", _gflops(layer.multiply_adds)
            table.add_row(part.name, *map(escape, row))
    console.print(table)


def _gflops(multiply_adds):
    return f"{2 * multiply_adds / 1e9:.2f}" if multiply_adds else "–"
