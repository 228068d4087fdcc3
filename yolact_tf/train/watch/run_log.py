"""log.csv of a run: written, read, and cut where a run is taken up again."""

import csv
import io
import math
from pathlib import Path

import keras

from yolact_tf.files import write_text


class LogEpochs(keras.callbacks.Callback):
    """Appends a row to a log.csv after each epoch: `epoch`, counted from 0, and the logs by their names.

    Keras' own CSVLogger keeps the file open, and leaves it so where training fails.
    """

    def __init__(self, path: Path):
        super().__init__()
        self.path = path

    def on_epoch_end(self, epoch, logs=None):
        with open(self.path, "a+", newline="", encoding="utf-8") as file:
            file.seek(0)
            columns = next(csv.reader(file), None)
            writer = csv.DictWriter(file, columns or ["epoch", *sorted(logs)], lineterminator="\n")
            if not columns:
                writer.writeheader()
            writer.writerow({"epoch": epoch, **logs})


def read_log(path: Path) -> dict[str, list[float]]:
    """{column: [float an epoch]} of a log.csv, `epoch` counted from 0; NaN where a cell holds no number.

    An epoch that was trained twice, since a run was taken up again, counts as it was the last time. Empty
    where there is no log yet.
    """
    if not path.is_file():
        return {}
    with open(path, encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    by_epoch = {int(row["epoch"]): row for row in rows}
    rows = [by_epoch[epoch] for epoch in sorted(by_epoch)]
    return {name: [_number(row[name]) for row in rows] for name in (rows[0] if rows else ())}


def cut_log(path: Path, epoch: int) -> None:
    """Drops the rows of a log.csv from `epoch` on, since training goes on before them."""
    if not path.is_file():
        return
    with open(path, newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))
    kept = [row for row in rows[1:] if row and row[0].isdigit() and int(row[0]) < epoch]
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([*rows[:1], *kept])
    write_text(path, text.getvalue())


def _number(text):
    try:
        return float(text)
    except (TypeError, ValueError):
        return math.nan
