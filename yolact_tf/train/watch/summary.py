"""summary.html: a run on one page, made of the files in its folder, so that it can be made again."""

import html
import json
import math
from pathlib import Path

from yolact_tf.config import Config
from yolact_tf.draw.pages import number, picture, table, write_page
from yolact_tf.fields import differences
from yolact_tf.files import PathLike
from yolact_tf.recipes import load_config
from yolact_tf.train.watch.run_log import read_log

_CHARTS = ("results", "lr", "labels")  # drawn on white, turned over where the page is dark


def write_summary(run_path: PathLike) -> None:
    """Writes summary.html of the run at `run_path`: one file that loads nothing from elsewhere.

    It shows what is there: a run that has only begun has no AP yet.
    """
    run_path = Path(run_path)
    config = Config.from_json((run_path / "config.json").read_text(encoding="utf-8"))
    log = read_log(run_path / "log.csv")
    metrics, data = _read(run_path / "metrics.json"), _read(run_path / "data.json")
    sections = [
        ("Average precision", _ap_table(log) + _coco_table(metrics)),
        ("Classes", _class_table(metrics, data)),
        ("Validation images", _images(run_path, "val_batch*.jpg")),
        ("Prototypes of the first one", _images(run_path, "prototypes.png")),
        ("Course", _images(run_path, "results.png") + _images(run_path, "lr.png")),
        ("Data", _data_table(data) + _images(run_path, "labels.png")),
        ("Training images as the model sees them", _images(run_path, "train_batch*.jpg")),
        ("Settings", _settings_table(config)),
        ("Commands", _commands(run_path, config, data)),
    ]
    write_page(
        run_path / "summary.html",
        f"{config.name}: {run_path.resolve().name}",
        _about(config, data),
        _tiles(config, log),
        sections,
    )


def _read(path):
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def _about(config, data):
    network = f"{config.model.backbone}, {config.data.image_size} px, {config.model.num_classes} classes"
    return f"{network}, trained on {data['folder']}" if data else network


def _tiles(config, log):
    best = _best_epoch(log)
    done = int(log["epoch"][-1]) + 1 if log else 0
    limit = f"{config.train.minutes:g} min" if config.train.minutes else config.train.epochs
    epochs = f"{done} / {limit}"
    speed = log["images_per_second"][-1] if "images_per_second" in log else math.nan
    return {
        "box AP, best epoch": number(log["val_box_AP"][best]) if best is not None else "–",
        "mask AP, best epoch": number(log["val_mask_AP"][best]) if best is not None else "–",
        "epochs": epochs,
        "images a second": number(speed, 1),
    }


def _best_epoch(log):
    """The place in the log of the best mask AP, or None."""
    values = {i: ap for i, ap in enumerate(log.get("val_mask_AP", ())) if math.isfinite(ap)}
    return max(values, key=values.get, default=None)


def _ap_table(log):
    validated = [i for i, ap in enumerate(log.get("val_mask_AP", ())) if math.isfinite(ap)]
    if not validated:
        return ""
    rows = [
        [name, int(log["epoch"][i]) + 1]
        + [number(log[column][i]) for column in ("val_box_AP", "val_mask_AP", "loss")]
        for name, i in (("best", _best_epoch(log)), ("last", validated[-1]))
    ]
    return table(["", "epoch", "box AP", "mask AP", "loss"], rows)


def _coco_table(metrics):
    if not metrics:
        return ""
    rows = [
        [name, *(number(value) for value in metrics[kind].values())]
        for kind, name in (("bbox", "boxes"), ("segm", "masks"))
    ]
    note = f"<p>Of metrics.json, on {metrics['images']} images:</p>"
    return f"<br>{note}" + table(["", *metrics["bbox"]], rows)


def _class_table(metrics, data):
    """Objects to train from, box and mask AP of each class; bars show the two AP."""
    if not metrics:
        return ""
    counts = data["train"]["classes"] if data else {}
    rows = []
    for name, ap in metrics["per_class"].items():
        bars = "".join(f'<i style="width:{100 * max(ap[kind], 0):.1f}%"></i>' for kind in ("bbox", "segm"))
        cells = [html.escape(name), counts.get(name, "–"), number(ap["bbox"]), number(ap["segm"])]
        rows.append("".join(f"<td>{cell}</td>" for cell in cells) + f'<td class="bar">{bars}</td>')
    heading = (
        "<th>class</th><th>objects</th>"
        '<th class="of-boxes">box AP</th><th class="of-masks">mask AP</th><th></th>'
    )
    body = "".join(f"<tr>{row}</tr>" for row in rows)
    return f'<div class="wide"><table class="classes"><tr>{heading}</tr>{body}</table></div>'


def _data_table(data):
    if not data:
        return ""
    names = {"train": "training", "val": "validation"}
    rows = []
    for split, name in names.items():
        counts = data[split]
        images = counts["images"]  # of shards the first alone, since counting reads them
        shown = images if images >= counts["of"] else f"the first {images} of {counts['of']}"
        rows.append([name, shown, counts["objects"], counts["crowds"]])
    return table(["", "images", "objects", "crowds"], rows) + "<br>"


def _settings_table(config):
    """The fields that differ from the recipe's, or from the defaults where no recipe has that name."""
    try:
        base, name = load_config(config.name), f"the recipe {config.name}"
    except (FileNotFoundError, ValueError):
        base, name = Config(), "the defaults"
    rows = [(found.path, found.theirs, found.ours) for found in differences(config, base)]
    if not rows:
        return f"<p>Those of {html.escape(name)}.</p>"
    rows = [[html.escape(str(cell)) for cell in row] for row in rows]
    return table(["field", html.escape(name), "this run"], rows, "text")


def _commands(run_path, config, data):
    folder = data.get("folder", "DATA")
    lines = [
        f"yolact train {config.name} --data {folder} --run {run_path} --resume",
        f"yolact evaluate {run_path} --data {folder}",
        f"yolact detect {run_path} IMAGES --output overlays",
        f"yolact export {run_path} --recipe saved_model --output export/{run_path.name}",
        f"yolact export {run_path} --recipe litert_float32 --output export/{run_path.name}.tflite",
    ]
    return f"<pre>{html.escape(chr(10).join(lines))}</pre>"


def _images(run_path, pattern):
    """The pictures of plots/ that `pattern` names, inside the page."""
    parts = []
    for path in sorted((run_path / "plots").glob(pattern)):
        is_wide = path.stem not in ("lr", "prototypes")
        parts.append(picture(path, is_chart=path.stem in _CHARTS, is_wide=is_wide))
    return "\n".join(parts)
