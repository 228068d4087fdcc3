"""Data sets from one format into another, with an account of what the new one cannot hold."""

from dataclasses import replace

from yolact_tf.config import BOXLESS
from yolact_tf.data.convert.boxes import with_boxes_as
from yolact_tf.data.convert.coco import read_coco, write_coco
from yolact_tf.data.convert.cvat import read_cvat, write_cvat
from yolact_tf.data.convert.data_set import DataSet, Picture, Report
from yolact_tf.data.convert.image_files import place_picture
from yolact_tf.data.convert.labelme import read_labelme, write_labelme
from yolact_tf.data.convert.masks import read_masks, write_masks
from yolact_tf.data.convert.sbd import read_sbd
from yolact_tf.data.convert.voc import read_voc, write_voc
from yolact_tf.data.convert.yolo import read_yolo, write_yolo
from yolact_tf.files import PathLike, new_folder, require_apart
from yolact_tf.structures import Progress

READERS = {
    "coco": read_coco,
    "cvat": read_cvat,
    "labelme": read_labelme,
    "masks": read_masks,
    "sbd": read_sbd,
    "voc": read_voc,
    "yolo": read_yolo,
}
WRITERS = {
    "coco": write_coco,
    "cvat": write_cvat,
    "labelme": write_labelme,
    "masks": write_masks,
    "voc": write_voc,
    "yolo": write_yolo,
}


def convert(
    source: PathLike,
    target: PathLike,
    from_format: str,
    to_format: str,
    *,
    progress: Progress | None = None,
    link: bool = True,
    strict: bool = False,
    boxes_as: str = BOXLESS[0],
) -> Report:
    """Writes the data set in folder `source` as a new folder `target`, whole or not at all.

    progress: called as progress(images written, images in all).  link: images become hard links where
    the disk allows it, else copies; their bytes never change.  strict: what is malformed is refused;
    else it is left out and counted, and refused only where nothing else is there.  boxes_as: what a box
    becomes that has no mask, one of BOXLESS.  Returns a Report:
    images and objects written by split, and every kind of loss with its count and first example.
    """
    read = _chosen(READERS, from_format, "from")
    write = _chosen(WRITERS, to_format, "to")
    source, target = require_apart(source, target)
    data_set = with_boxes_as(_without_repeated(read(source)), boxes_as)
    _check_rest(data_set, source, strict)
    total, done = sum(len(pictures) for pictures in data_set.splits.values()), 0

    def place(picture, path):
        nonlocal done
        place_picture(picture, path, link)
        done += 1
        if progress:
            progress(done, total)

    with new_folder(target) as made:
        report = write(data_set, made, place)
    data_set.losses.include(report.losses)
    return Report(report.images, report.objects, data_set.losses)


def _chosen(table, name, role):
    if name not in table:
        raise ValueError(f"--{role} must be one of {', '.join(table)}. Received: {name!r}")
    return table[name]


def _without_repeated(data_set: DataSet) -> DataSet:
    """The DataSet with the first picture of each name; others of a split are left out."""
    splits = {}
    for split, pictures in data_set.splits.items():
        first: dict[str, Picture] = {}
        for picture in pictures:
            with data_set.losses.left_out.skip_image():
                if first.setdefault(picture.name, picture) is not picture:
                    raise ValueError(f"{split}: expected each image once. Received: {picture.name!r} again")
        splits[split] = tuple(first.values())
    return replace(data_set, splits=splits)


def _check_rest(data_set, source, strict):
    """ValueError where something malformed is too much: anything if `strict`, else all that was there."""
    left_out = data_set.losses.left_out
    pictures = [picture for split in data_set.splits.values() for picture in split]
    is_nothing_left = not pictures or (left_out.objects and not any(p.instances for p in pictures))
    if left_out and (strict or is_nothing_left):
        wanted = "nothing malformed, as --strict asks" if strict else "something that is not malformed"
        first = "; ".join(left_out.first())
        raise ValueError(f"{source}: expected {wanted}. Received: {left_out.counts} malformed: {first}")
