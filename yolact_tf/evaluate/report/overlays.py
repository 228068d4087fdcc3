"""Images as a person judges them: the truth beside what each model found."""

from collections.abc import Mapping, Sequence

import numpy as np
from PIL import Image
from pycocotools import mask as coco_mask

from yolact_tf.data.coco.turning import turn_annotation
from yolact_tf.data.record import Record
from yolact_tf.data.split import Split
from yolact_tf.draw.instances import GAP, color_of, draw_instances, in_rows, resize, scaled_size, titled
from yolact_tf.evaluate.analysis import Analysis
from yolact_tf.evaluate.coco_numbers import object_masks, ranking_score
from yolact_tf.images.orientation import turned_size, undoing

SIDE = 420  # pixels of an image's longer side
_LONGEST = 18  # characters of a name, so that a title fits above an image


def overlay_sheets(
    data: Split, models: Mapping[str, Analysis], chosen: Mapping[str, Sequence[int | str]]
) -> dict[str, np.ndarray]:
    """{name: [h, w, 3] uint8 picture} of `chosen`, name -> image ids: a row an image, the truth on the left,
    then what each model found above its threshold. Names without images are left out."""
    wanted = {image_id for ids in chosen.values() for image_id in ids}
    qualities = {name: {q.image_id: q for q in analysis.images} for name, analysis in models.items()}
    rows = {
        record.image_id: _row(record, models, {name: q[record.image_id] for name, q in qualities.items()})
        for record in data.records
        if record.image_id in wanted
    }
    return {name: _stacked([rows[i] for i in ids]) for name, ids in chosen.items() if ids}


def _stacked(rows):
    """Pictures of one width, which may differ in height."""
    spaced = [np.pad(row, ((0, GAP), (0, 0), (0, 0)), constant_values=255) for row in rows]
    return np.concatenate(spaced)[:-GAP]


def _row(record, models, qualities):
    image = record.read_image()
    labels = next(iter(models.values())).labels
    num_objects = int((~record.is_crowd).sum())
    name = _short(record.path.replace("\\", "/").rpartition("/")[-1], 2 * _LONGEST)
    panels = [titled(_truth(image, record, labels), f"{name}: {_count(num_objects, 'object')}")]
    for model, analysis in models.items():
        quality = qualities[model]
        title = f"{quality.found} found, {quality.wrong} wrong, {quality.missed} missed"
        title = f"{_short(model)}: {title}" if len(models) > 1 else f"{title}; quality {quality.quality:.2f}"
        panels.append(titled(_found(image, record, analysis), title))
    return in_rows(panels, len(panels))


def _short(name, longest=_LONGEST):
    return name if len(name) <= longest else f"{name[:longest]}…"


def _count(number, noun):
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _truth(image, record, labels):
    names, ids = list(labels.values()), list(labels)
    captions = [
        f"{names[c]} (crowd)" if is_crowd else names[c]
        for c, is_crowd in zip(record.classes, record.is_crowd, strict=True)
    ]
    colors = [color_of(ids[c]) for c in record.classes]
    return _panel(image, record.xywh, captions, object_masks(record), colors)


def _found(image, record, analysis):
    rows = [
        _upright(row, record)
        for row in analysis.results.get(record.image_id, ())
        if ranking_score(row, "segm") > analysis.masks.threshold
    ]
    rows.sort(key=lambda row: -ranking_score(row, "segm"))
    captions = [f"{analysis.labels[r['category_id']]} {ranking_score(r, 'segm'):.2f}" for r in rows]
    colors = [color_of(row["category_id"]) for row in rows]
    boxes = np.array([row["bbox"] for row in rows], float).reshape(-1, 4)
    return _panel(image, boxes, captions, [row["segmentation"] for row in rows], colors)


def _upright(row, record: Record):
    size = turned_size((record.width, record.height), undoing(record.turned))
    return turn_annotation(row, size, record.turned)


def _panel(image, xywh, captions, masks, colors):
    """A picture at its own size, so that lines and names stay legible, on white of one width."""
    height, width = image.shape[:2]
    size = scaled_size((height, width), SIDE)
    corners = np.concatenate([xywh[:, :2], xywh[:, :2] + xywh[:, 2:]], 1)
    boxes = corners * np.tile([size[1] / width, size[0] / height], 2)
    windows = [(0, 0, _resized(coco_mask.decode(mask), size)) for mask in masks]
    drawn = draw_instances(resize(image, size), boxes, captions, windows, colors)
    return np.pad(drawn, ((0, 0), (0, SIDE - size[1]), (0, 0)), constant_values=255)


def _resized(mask, size):
    return np.asarray(Image.fromarray(mask).resize(size[::-1], Image.Resampling.NEAREST)) > 0
