"""What a person sees of a benchmark."""

from typing import TYPE_CHECKING

from yolact_tf.cli.progress import console, plain_table

if TYPE_CHECKING:
    from yolact_tf.benchmark import Report

_INSIDE = "«"  # of a stage: counted in the one to its left
_LEGEND = f"""{_INSIDE}: in the number to its left. masks: made of prototypes and coefficients, at the size of
prototypes; upsampling: to that of the image. apart/call: the stages up to masks, of a call of the detector"""


def print_report(report: "Report") -> None:
    """Prints a Report as tables: the whole, its stages, batches, and growth where it was measured."""
    machine = report.machine
    first = report.images[0]
    size = f"{first['width']}x{first['height']} pixels"
    shown = f"images: {len(report.images)}, the first {first['name']} of {size}"
    console.print(f"{machine['processor']}, {machine['cores']} usable cores; {shown}")
    console.print(
        f"{report.rounds} rounds after warming up, all models in turn in each; times in milliseconds"
    )
    console.print(_whole_table(report))
    console.print(_stage_table(report))
    console.print(_LEGEND)
    console.print(_batch_table(report))
    for growth in report.sweeps:
        cells = [[f"{spread.p50:.1f}" for spread in spreads] for spreads in growth.spreads]
        console.print(_growth_table(report, growth, growth.what, cells))


def _whole_table(report):
    title = "one image, from the bytes of a file to a picture"
    columns = ("model", "kind", "precision", "threads", "p50", "p90", "p99")
    compared = ("× first", "quartiles") if len(report.models) > 1 else ()
    table = _table(title, *columns, *compared, "objects", "MB on disk", "peak MiB", "without it")
    for model in report.models:
        times, ratio, memory = model.milliseconds, model.of_first, model.memory
        to_first = (f"{ratio.median:.2f}", f"{ratio.low:.2f} to {ratio.high:.2f}") if compared else ()
        table.add_row(
            model.name,
            model.kind,
            model.precision,
            str(model.threads or model.device),
            *(f"{value:.1f}" for value in (times.p50, times.p90, times.p99)),
            *to_first,
            f"{model.objects:.1f}",
            f"{model.bytes_on_disk / 1e6:.1f}",
            *(_mebibytes(value) for value in (memory and memory.of_process, memory and memory.before_model)),
        )
    return table


def _stage_table(report):
    from yolact_tf.benchmark.stages import STAGES

    table = _table("by stage, medians", "model", *STAGES, "apart/call")
    for model in report.models:
        cells = dict.fromkeys(STAGES, _INSIDE)
        cells |= {part.stages[0]: f"{part.milliseconds.p50:.1f}" for part in model.stages}
        table.add_row(model.name, *cells.values(), f"{100 * model.stages_of_call:.0f} %")
    return table


def _batch_table(report):
    batches = report.batches
    cells = [
        [f"{1000 * size / spread.p50:.1f}" for size, spread in zip(batches.values, spreads, strict=True)]
        for spreads in batches.spreads
    ]
    return _growth_table(report, batches, "images a second, decoded images to detections", cells)


def _growth_table(report, growth, title, cells):
    table = _table(f"{title}, by {growth.over}", "model", *map(str, growth.values))
    for model, row in zip(report.models, cells, strict=True):
        table.add_row(model.name, *row)
    return table


def _table(title, name, *columns):
    table = plain_table(title=title, title_justify="left")
    table.add_column(name, overflow="fold")
    for column in columns:
        table.add_column(column, justify="right")
    return table


def _mebibytes(count):
    return "–" if count is None else f"{count / 2**20:.0f}"
