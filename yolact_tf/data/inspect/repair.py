"""Writes a mended copy of a data folder: what cannot be used is left out, what can be told is put right."""

import json
from collections import Counter
from pathlib import Path

from yolact_tf.data.coco.entries import ambiguous_keys, image_key, is_file_name, parse_image
from yolact_tf.data.coco.json_numbers import whole_number
from yolact_tf.data.coco.layouts import list_splits
from yolact_tf.data.coco.problems import KINDS, Malformed
from yolact_tf.data.inspect.check_files import look_at_files
from yolact_tf.data.inspect.check_objects import key_of_object
from yolact_tf.data.inspect.repair_images import copies_of, mend_images, put_image
from yolact_tf.data.inspect.repair_objects import mend_object
from yolact_tf.data.inspect.unchecked import image_paths, read_splits, steps_of
from yolact_tf.files import PathLike, new_folder
from yolact_tf.structures import Progress


class NothingLeft(ValueError):
    """A data set of which repairing would leave no image, or no annotation."""


def repair(
    folder: PathLike, target: PathLike, decode: bool = False, progress: Progress | None = None
) -> dict[str, int]:
    """Writes train and val of `folder`, mended, to a new folder; returns {what was done: how often}.

    Images that are missing, unreadable or of another size go, and those that share an id, as nobody knows
    whose the objects are; so do objects without a usable mask or class. Boxes are clipped, or taken from
    the mask like wrong areas, and the size of an image from its file where none is given; repeated entries
    of a file become one, and so do repeated objects; ids become unique numbers, the categories of both
    splits the same, and all that was understood in another form is written plainly. A box without a mask
    stays one.
    Images in both splits stay, since only their owner knows where they belong.
    Annotations of the pixels as stored become those of the upright image, and images that TensorFlow does
    not decode PNGs. Other image files are hard links where the disk allows it. decode, progress: as in
    `check`.
    NothingLeft, and no copy, where no image of a split or no annotation of any would be left.
    """
    target = _checked_target(target)
    splits = read_splits(folder)
    for split in splits:
        _check_names(split)
    advance = steps_of(splits, progress)
    files = look_at_files(image_paths(splits), decode, advance)
    categories = _united_categories(splits)
    mended = [_mend(split, files, categories, advance) for split in splits]
    if any(s.content["annotations"] for s in splits) and not any(c["annotations"] for c, _ in mended):
        raise NothingLeft(f"{folder}: expected at least one annotation to keep. Received none")
    done: Counter[str] = sum((counts for _, counts in mended), Counter())
    done["other splits left out"] = len({*list_splits(folder)} - {split.name for split in splits})
    copies = copies_of(files)
    with new_folder(target) as made:
        for split, (content, _) in zip(splits, mended, strict=True):
            content, sources, steps = mend_images(content, split.image_folder, files, copies)
            _write(split, content, Path(folder), made)
            _put_images(sources, made / split.image_folder.relative_to(folder), copies)
            done += steps
    return {name: count for name, count in done.items() if count}


def _checked_target(target: PathLike) -> Path:
    target = Path(target).resolve()
    if target.exists():
        raise ValueError(
            f"The repaired copy must go to a new folder. Received: {str(target)!r}, which exists"
        )
    return target


def _united_categories(splits):
    """The categories of all splits, ids in rising order. ValueError where one id has two names."""
    categories = {}
    for split in splits:
        for category in split.content["categories"]:
            plain = {**category, "name": str(category["name"])}
            known = categories.setdefault(plain["id"], plain)
            if known["name"] != plain["name"]:
                raise ValueError(
                    f"{split.annotation_file}: expected one name for category {plain['id']}, which cannot "
                    f"be repaired. Received: {known['name']!r} and {plain['name']!r}"
                )
    return [categories[key] for key in sorted(categories)]


def _mend(split, files, categories, advance):
    """(content of a split, mended; Counter of what that took)."""
    kept, done = _kept_images(split, files)
    if not kept:
        raise NothingLeft(f"{split.annotation_file}: expected at least one image to keep. Received none")
    images = {image["id"]: image for image in kept.values()}
    entries = Counter(
        kept[key]["id"] for key in (image_key(i["id"]) for i in split.content["images"]) if key in kept
    )
    annotations = _mend_annotations(split, kept, done, advance)
    distinct = _drop_copies(annotations)
    done["images dropped"] = len(split.content["images"]) - entries.total()
    done["repeated image entries dropped"] = entries.total() - len(images)
    done["repeated annotations dropped"] = len(annotations) - len(distinct)
    done["annotations renumbered"] = _renumber(distinct)
    understood = {kind: n for kind, (n, _) in split.accents.items() if KINDS[kind] == "note"}
    done.update({f"{kind}, now plain": count for kind, count in understood.items()})
    own = split.content["categories"]
    if len(own) == len(categories) and all(category in categories for category in own):
        categories = own
    else:
        done["categories made the same"] = 1
    content = {"images": list(images.values()), "annotations": distinct, "categories": categories}
    return {**split.content, **content}, done


def _kept_images(split, files):
    """({key of a usable image entry: the entry to keep for it}, the same for all entries of one file;
    Counter of what that took)."""
    entries, mended, done = [], {}, Counter()
    for image in split.content["images"]:
        sized, is_sized = _sized(image, split, files)
        if sized:
            entry = parse_image(sized)
            entries.append(entry)
            mended.setdefault(entry, dict(sized))
            done["image sizes taken from the file"] += is_sized
    ambiguous, kept, by_path = ambiguous_keys(entries), {}, {}
    for entry in entries:
        path = split.path(entry)
        if entry.image_id not in ambiguous and files[path].turn(entry.width, entry.height):
            kept[entry.image_id] = by_path.setdefault(path, mended[entry])
    _number([image for image in by_path.values() if type(image["id"]) is not int], kept)
    return kept, done


def _number(entries, taken):
    """Gives entries ids that are whole numbers, above all that are taken."""
    free = 1 + max((key for key in taken if isinstance(key, int)), default=0)
    for number, entry in enumerate(entries, free):
        entry["id"] = number


def _sized(image, split, files):
    """(image entry, whether its size is now that of the file); None for what names no image."""
    try:
        parse_image(image)
    except Malformed:
        name = image["file_name"]
        size = files[split.image_folder / name].size if is_file_name(name) else None
        sized = {**image, **dict(zip(("width", "height"), size or (), strict=False))}
        try:
            parse_image(sized)
        except Malformed:
            return None, False
        return sized, True
    return image, False


def _mend_annotations(split, kept, done, advance):
    """The usable annotations, mended; `done` counts what that took."""
    annotations = []
    for annotation in split.content["annotations"]:
        advance()
        image = kept.get(image_key(annotation["image_id"]))
        if not image or whole_number(annotation["category_id"]) not in split.labels:
            done["annotations dropped"] += 1
            continue
        mended, steps = mend_object(annotation, image["height"], image["width"])
        done.update(steps)
        if mended:
            annotations.append({**mended, "image_id": image["id"]})
    return annotations


def _drop_copies(annotations):
    """The annotations without second copies of one object."""
    first = {}
    for annotation in annotations:
        first.setdefault(key_of_object(annotation), annotation)
    return list(first.values())


def _renumber(annotations):
    """Gives a new id to each annotation whose id is 0, taken, or no whole number; returns to how many."""
    taken, others = {0}, []
    for annotation in annotations:
        key = annotation.get("id")
        if type(key) is not int or key in taken:
            others.append(annotation)
        else:
            taken.add(key)
    _number(others, taken)
    return len(others)


def _write(split, content, folder, made):
    """Writes the annotations of a mended split to `made`, laid out as in `folder`."""
    annotation_file = made / split.annotation_file.relative_to(folder)
    annotation_file.parent.mkdir(parents=True, exist_ok=True)
    annotation_file.write_text(json.dumps(content), encoding="utf-8")


def _put_images(sources, image_folder, copies):
    """Fills the image folder of the copy; sources: {file name: file}."""
    image_folder.mkdir(parents=True, exist_ok=True)
    for name, source in sources.items():
        if not (image_folder / name).exists():  # else the other split has it as well
            put_image(source, image_folder / name, as_png=source in copies)


def _check_names(split):
    for path in image_paths([split]):
        name = path.relative_to(split.image_folder) if path.is_relative_to(split.image_folder) else path
        if name.is_absolute() or ".." in name.parts:
            raise ValueError(
                f"{split.annotation_file}: expected file names inside {split.image_folder.name}/, as a "
                f"copy needs. Received: {str(name)!r}"
            )
